"""Two versions of a table, or two tables that must not share rows: what the record says of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.datadiff import columns as looks
from assay.datadiff import engine, pair, rows
from assay.datadiff.section import DataChange, Leakage
from assay.datadiff.source import source
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from assay.datadiff.pair import Named, Pair
    from assay.datadiff.section import RowChange

Files = Path | list[Path] | tuple[Path, ...]
"""A file, a folder of parts, or the parts of one table."""


def compare(
    head: Files,
    base: Files,
    *,
    key: Sequence[str] = (),
    label: str | None = None,
    sensitive: Collection[str] = (),
    shown: str,
    base_name: str | None = None,
) -> DataChange:
    """What changed from `base` to `head`.

    Args:
        head: The table in the work tree.
        base: The same table at the base revision.
        key: The columns that identify a row; without them rows are matched by their content.
        label: The column whose balance is reported.
        sensitive: The columns whose values must not appear in the result.
        shown: What messages call the table.
        base_name: A name whose suffix tells base's format: objects in DVC's cache have none.

    Returns:
        What could be found out; `problems` names what could not, and why.

    Raises:
        DataError: One of the two cannot be read as a table.
        OutsideError: DuckDB is missing, or memory and disk space are not enough.
    """
    given = {
        "head": source(head, shown=shown),
        "base": source(base, shown=f"base's {shown}", name=base_name),
    }
    with engine.opened(given, private=bool(sensitive)) as opened:
        both = pair.paired(opened)
        problems = _problems(both, key, label, sensitive)
        hidden = _names_in_doubt(both, sensitive)
        if not any(column.is_same for column in both.columns):
            matched = None
        elif usable := _usable(both, key):
            matched = rows.by_key(both, usable)
        else:
            matched = rows.by_content(both)
        changes, balance = looks.changes(
            both,
            changed=matched.columns if matched else {},
            label=label,
            sensitive=frozenset(sensitive),
            hidden=hidden,
        )
    return DataChange(
        path=printable(shown),
        rows=matched.rows if matched else None,
        columns=changes,
        label=balance,
        problems=(*problems, *(_about_keys(matched.rows) if matched else ())),
    )


def leakage(
    first: Files,
    second: Files,
    *,
    key: Sequence[str] = (),
    sensitive: Collection[str] = (),
    shown: tuple[str, str],
) -> Leakage:
    """Rows of `first` that `second` has too, as evaluation data and training data must not.

    Args:
        first: The table whose rows are counted.
        second: The table that must not have them.
        key: The columns that identify a row.
        sensitive: The columns whose values must not appear in messages.
        shown: What messages call the two.

    Raises:
        DataError: One of the two cannot be read as a table.
        OutsideError: DuckDB is missing, or memory and disk space are not enough.
    """
    given = {"head": source(first, shown=shown[0]), "base": source(second, shown=shown[1])}
    with engine.opened(given, private=bool(sensitive)) as opened:
        both = pair.unified(opened)
        common = both.common
        usable = _usable(both, key)
        rest = [column for column in common if column not in usable]
        return Leakage(
            path=printable(shown[0]),
            other=printable(shown[1]),
            rows=both.head.rows,
            shared_rows=rows.shared(both, common, whole=True) if common else None,
            shared_keys=rows.shared(both, usable, whole=False) if usable else None,
            shared_content=rows.shared(both, rest, whole=True) if usable and rest else None,
            columns=len(common),
            problems=tuple(_missing_key(both, key) + _nothing_common(both)),
        )


def _usable(both: Pair, key: Sequence[str]) -> list[Named]:
    """The columns of the key, where both tables have all of them; else none."""
    found = [column for column in both.named(key) if column.is_common]
    return found if len(found) == len(key) else []


def _problems(
    both: Pair, key: Sequence[str], label: str | None, sensitive: Collection[str]
) -> list[Reason]:
    found = _nothing_common(both) + _missing_key(both, key)
    names = {column.name: column for column in both.columns}
    if label is not None and (label not in names or not names[label].is_common):
        found.append(_warning(both, "label column", [label]))
    found += [
        Reason(
            message=f"{both.head.shown} has no column `{printable(name)}`, which `sensitive`"
            " names: names of columns that one revision alone has are hidden.",
            severity="warning",
        )
        for name in sorted(sensitive)
        if name not in names
    ]
    for side in (both.head, both.base):
        if side.rows == 0:
            message = f"{side.shown} has no rows."
            found.append(Reason(message=message, severity="warning"))
    return found


def _nothing_common(both: Pair) -> list[Reason]:
    if both.common:
        return []
    message = f"{both.head.shown} and {both.base.shown} have no column in common."
    return [Reason(message=message, severity="warning", hint="Is it the same table?")]


def _missing_key(both: Pair, key: Sequence[str]) -> list[Reason]:
    common = {column.name for column in both.common}
    absent = [name for name in key if name not in common]
    hint = "Rows are matched by their whole content instead: correct `key` in assay.yaml."
    return [_warning(both, "key column", absent, hint)] if absent else []


def _warning(both: Pair, what: str, names: Sequence[str], hint: str | None = None) -> Reason:
    """Columns that one table or both do not have."""
    without = [
        side.shown for side in (both.head, both.base) if any(n not in side.columns for n in names)
    ]
    verb = "have" if len(without) > 1 else "has"
    listed = ", ".join(f"`{printable(name)}`" for name in names)
    message = f"{' and '.join(without)} {verb} no {what} {listed}."
    return Reason(message=message, severity="warning", hint=hint)


def _names_in_doubt(both: Pair, sensitive: Collection[str]) -> bool:
    """Whether a header may be a row of data: then names of columns may be sensitive values."""
    return any(name not in side.columns for name in sensitive for side in (both.head, both.base))


def _about_keys(found: RowChange) -> list[Reason]:
    """Rows that could not be matched, by why."""
    counts = (
        (found.head_missing_keys, "head", "no key"),
        (found.head_duplicate_keys, "head", "a key that another row has too"),
        (found.base_missing_keys, "base", "no key"),
        (found.base_duplicate_keys, "base", "a key that another row has too"),
    )
    return [
        Reason(
            message=f"{count:,} row{'s have' if count > 1 else ' has'} {what} in {side}: left out"
            " of the counts of rows.",
            severity="warning",
            hint="A key must identify a row: add a column to `key` in assay.yaml.",
        )
        for count, side, what in counts
        if count
    ]
