"""crmsync: pull a shop's data, flag its customers with reasons, care for them once."""

import os

__version__ = "0.1.0"

# Read when numpy is imported. What we work out is small: threads of the linear algebra would wait for each
# other, in a loop, for several times as long as all of it takes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
