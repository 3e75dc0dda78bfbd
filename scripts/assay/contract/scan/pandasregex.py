"""Regular expressions of pandas: those of Python, or of RE2 where pyarrow stores the texts."""

from __future__ import annotations

import functools

from assay.contract.scan import regex

# What the two tell apart: `a$` before a line feed, digits that are not ASCII, how far `|` reaches.
_PROBES = (("a$", "a\n"), (r"\d", "\N{ARABIC-INDIC DIGIT THREE}"), ("^a|b", "b"))
_DIFFERENT = ("$", r"\d", "|")


def portable(pattern: object) -> str | None:
    """A pattern for a search by any engine; `None` where it may mean something else there."""
    if type(pattern) is not str:
        return None
    if any(part in pattern for part in _DIFFERENT) and not _is_python():
        return None
    return regex.from_python(pattern)


@functools.cache
def _is_python() -> bool:
    """Whether this pandas answers as Python does, however it stores texts."""
    import pandas as pd

    def answers(dtype: str | None) -> bool:
        return all(
            bool(ask.match(pattern).iloc[0]) and bool(ask.contains(pattern).iloc[0])
            for pattern, text in _PROBES
            for ask in (pd.Series([text], dtype=dtype).str,)
        )

    return all(answers(dtype) for dtype in (None, "object", "string"))
