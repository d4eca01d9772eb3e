"""crmsync: pull a shop's data, flag its customers with reasons, care for them once."""

__version__ = "0.1.0"
