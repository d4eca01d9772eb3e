"""What a review says: whether it is content, and what it complains about. Chinese and English, offline.

`understand(text)` goes by the words in `lexicon`. `learn_polarity` makes a `Polarity` of texts whose level is
known by their stars; it tells content from discontent better than words written by hand, for the goods it was
learned on.
"""

from crmsync.sdk.understanding.polarity import Lessons, Polarity, learn_polarity
from crmsync.sdk.understanding.reading import Understanding, understand

__all__ = ["Lessons", "Polarity", "Understanding", "learn_polarity", "understand"]
