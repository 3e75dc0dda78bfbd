"""What of a table may be shown: sensitive values never, anything else short and printable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.contract.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from assay.contract.schema import LoadedSchema

WIDTH = 80
CHECK_WIDTH = 200
INDEX = "(index)"
"""Stands for a pandas index without a name."""

_PLAIN = re.compile(r"\w+(\('[\w.\[\], ]*'\))?")


@dataclass(frozen=True)
class Sight:
    """What of a table may be shown."""

    sensitive: frozenset[str]
    declared: frozenset[str]
    header_in_doubt: bool
    """A sensitive column is missing: the header may be a row of data."""
    labels: bool
    """Whether a pandas index may be shown."""

    @classmethod
    def on(cls, frame: Any, loaded: LoadedSchema, sensitive: Collection[str]) -> Sight:
        """What of `frame` may be shown."""
        names = {str(column) for column in frame.columns}
        # Pandera calls a column by its pattern where it cannot be turned into its type.
        patterns = {
            str(key)
            for key, column in loaded.schema.columns.items()
            if getattr(column, "regex", False) and any(matches(str(key), s) for s in sensitive)
        }
        return cls(
            sensitive=frozenset(sensitive) | patterns,
            declared=frozenset(str(name) for name in loaded.schema.columns),
            header_in_doubt=not set(sensitive) <= names | index_names(frame),
            labels=not sensitive or has_plain_rows(frame),
        )

    def hides(self, column: str | None) -> bool:
        """Whether values of `column` (`None`: of the whole row) are hidden."""
        if column is None or column == INDEX:
            return bool(self.sensitive)
        return column in self.sensitive

    def column(self, name: str | None) -> str | None:
        """A column's name, unless it may be a value."""
        if name is not None and self.header_in_doubt and name not in self.declared | self.sensitive:
            return "(hidden)"
        return name

    def check(self, checked: Any, column: str | None) -> str:
        """A check in Pandera's words; for sensitive columns without its arguments."""
        if isinstance(checked, str):
            text = checked
            if self.hides(column) and not _PLAIN.fullmatch(text):
                text = text.partition("(")[0]
        elif self.hides(column):
            text = str(checked.name or "check")
        else:
            text = str(checked.error or checked.name or checked)
        return cut(printable(text), CHECK_WIDTH)

    def found(self, dtype: object, column: str | None) -> tuple[str, ...]:
        """The type that a column has. That of a categorical column may list its values."""
        text = str(dtype)
        if self.hides(column) and not _PLAIN.fullmatch(text):
            return ()
        return (cut(printable(f"found {text}"), WIDTH),)

    def raised(self, call: object) -> tuple[str, ...]:
        """`ValueError("...")`; without what it says where it may quote a sensitive value."""
        text = str(call).strip()
        text = text.partition("(")[0] if self.sensitive else text.splitlines()[0]
        return (cut(printable(f"raised {text}"), 2 * WIDTH),)

    def warnings(self, said: Sequence[str]) -> list[str]:
        """Pandera's warnings without the failing values."""
        if said and self.sensitive:
            return ["A check with `raise_warning` does not hold; its values are hidden."]
        lines = [text.partition(" failure case")[0].strip().splitlines()[:1] for text in said]
        return [cut(printable(line[0]), CHECK_WIDTH) for line in lines if line]


def has_plain_rows(frame: Any) -> bool:
    """Whether rows are only numbered: polars has no other index, pandas may."""
    index = getattr(frame, "index", None)
    if index is None:
        return True
    plain = type(index).__name__ == "RangeIndex" and index.name is None
    return plain and (index.start, index.step) == (0, 1)


def index_names(frame: Any) -> set[str]:
    """The names of a pandas index; none of a polars frame."""
    index = getattr(frame, "index", None)
    return set() if index is None else {str(name) for name in index.names if name is not None}


def as_text(value: object) -> str:
    """A value of the user's data in a few printable characters."""
    if value is None:
        return "null"
    text = repr(value[: WIDTH + 1]) if isinstance(value, str) else str(value)
    return cut(printable(text), WIDTH)


def cut(text: str, width: int) -> str:
    """`text`, at most `width` characters of it."""
    return text if len(text) <= width else text[: width - 1] + "…"
