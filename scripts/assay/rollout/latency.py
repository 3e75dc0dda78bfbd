"""Bins of a latency histogram; apart from what is read and written: a server starts without it."""

from __future__ import annotations

BINS = 216
"""Bin i holds 2**(i/8) <= microseconds < 2**((i+1)/8): 9 % wide, to 134 s. What is shorter than
1 microsecond is in the first bin, what is longer in the last."""
