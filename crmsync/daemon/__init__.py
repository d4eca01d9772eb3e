"""The clock: what runs when, in which order, and how anyone can tell how it goes."""
