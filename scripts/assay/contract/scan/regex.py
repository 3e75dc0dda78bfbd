r"""Regular expressions that mean the same to every engine, written so that they do.

Python, Rust (polars), RE2 (DuckDB) and Java (Spark) agree on a core: characters, classes of ASCII
characters, groups, alternatives, repetition, anchors. Outside of it they differ in silence: `\w`
knows other letters, `.` other ends of lines. What is not surely in the core is not translated.
"""

from __future__ import annotations

import re
import warnings

_REPEATED = r"(?:(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??)?"
_COUNTED = re.compile(r"\{(\d{1,3})(?:,(\d{0,3}))?\}")
_ESCAPED = r"\\[.\\+*?()\[\]{}|^$/-]"
_MEMBER = rf"(?:[A-Z]-[A-Z]|[a-z]-[a-z]|[0-9]-[0-9]|[\w .,:;/+*=!%#()'\"<>?@|$]|{_ESCAPED}|\\d)"
_TOKEN = re.compile(
    rf"(?P<class>\[\^?-?{_MEMBER}+\]{_REPEATED})"
    rf"|(?P<any>\.{_REPEATED})"
    rf"|(?P<literal>(?:[\w @#%&~,:;<>=\"'/!`-]|{_ESCAPED}|\\d){_REPEATED})"
    r"|(?P<open>\((?:\?:)?)"
    rf"|(?P<close>\){_REPEATED})"
    r"|(?P<either>\|)"
    r"|(?P<start>\^)"
    r"|(?P<end>\$)",
    re.ASCII,
)
_MOST_REPEATS = 1000
"""RE2 refuses more, nested ones multiplied."""


def from_rust(pattern: str) -> str | None:
    """A pattern of polars for any engine; `None` where it may mean something else there."""
    return _translated(pattern, end=r"\z", after_end={"either", "close"})


def from_python(pattern: str) -> str | None:
    """A pattern of `re`, without flags, for a search by any engine; `None` as above."""
    # Python's `$` also matches before a line feed that ends the text, which then must not be
    # looked at by what follows.
    return _translated(pattern, end=r"\n?\z", after_end={"either"})


def _translated(pattern: str, *, end: str, after_end: set[str]) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of sets within sets, which Rust has
            re.compile(pattern)  # parentheses match, ranges ascend
    except (re.error, FutureWarning):
        return None
    parts: list[str] = []
    before, at, repeats = "open", 0, 1
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or token.lastgroup is None:
            return None
        kind, text = token.lastgroup, token[0]
        if kind == "start" and before not in {"either", "open"}:
            return None
        if before == "end" and kind not in after_end:
            return None
        if before == "open" and kind == "close":  # of which DuckDB says that it is nowhere
            return None
        for least, most in _COUNTED.findall(text):
            repeats *= max(int(least), int(most or 0), 1)
        parts.append(_written(kind, text, end))
        before, at = kind, token.end()
    return "".join(parts) if repeats <= _MOST_REPEATS else None


def _written(kind: str, text: str, end: str) -> str:
    if kind == "end":
        return end
    if kind == "any":
        return rf"[^\n]{text[1:]}"
    return re.sub(r"\\(.)", lambda found: r"\p{Nd}" if found[1] == "d" else found[0], text)
