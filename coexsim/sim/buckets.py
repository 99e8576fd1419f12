"""Durations in buckets 1 % wide, from a microsecond to three years: the bounds of every histogram of times."""

from __future__ import annotations

from math import log1p

SMALLEST_S = 1e-6
"""What is shorter counts as zero."""
LARGEST_S = 1e8
WIDTH = log1p(0.01)
"""Of a bucket, in logarithms."""
