"""Columns that a schema names by a regular expression."""

from __future__ import annotations

import re


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern of a schema that Pandera accepts describes a column."""
    try:  # `match`, as Pandera does
        return re.match(pattern, name) is not None
    except re.error:  # polars has a grammar of its own, in which `\p{L}` is any letter
        import polars as pl

        return bool(pl.Series([name]).str.contains(pattern).item())
