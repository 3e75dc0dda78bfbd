"""Promises that no schema can make: about other tables, time, size, labels and distributions.

They stand beside the schema in `assay.yaml`. Numbers of rows, freshness and missing labels are one
aggregate query over the table; what compares it with another table is a query of its own. Memory
does not grow with the data: databases spill, and only what is counted comes back.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.configdata import BASE
from assay.contract.check import Findings
from assay.contract.relations import disjoint, expect, fresh, labels, references, rows
from assay.contract.relations.rows import BaseFacts
from assay.contract.relations.side import Side, dotted, named
from assay.contract.sources import tables
from assay.errors import AssayError
from assay.stages.validate import PlannedCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from assay.configdata import DataSpec, ExpectSpec, LabelsSpec, ReferenceSpec
    from assay.contract.relations.side import Found, KeyPath
    from assay.contract.schema import Backend
    from assay.contract.sources.base import Source

__all__ = ["BaseFacts", "counted", "findings"]


def findings(
    source: Source,
    spec: DataSpec,
    *,
    number: int,
    backend: Backend,
    others: Callable[[str], Source],
    base: BaseFacts | None,
    now: datetime,
    sensitive: Collection[str],
) -> Findings:
    """What an entry of `data` promises beyond its schema, and what is not so.

    Args:
        source: The table; it stays open.
        spec: The entry.
        number: Of the entry, from 0.
        backend: Of its schema: how types and missing values are read.
        others: Opens another table of the project by its path or glob.
        base: The table at the base revision, as far as it is known.
        now: The time, with its zone.
        sensitive: The columns whose values must not appear in what is returned.

    Raises:
        ConfigError: A promise names a column that is not there, or one of the wrong type.
        DataError: A table cannot be read, or has nothing to refer to.
        OutsideError: Memory and disk space are not enough.
    """
    with warnings.catch_warnings(), contextlib.ExitStack() as opened:
        # Ibis calls what newer versions of DuckDB deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        work = _Work(
            side=_side(source, backend, frozenset(sensitive)),
            spec=spec,
            key=("data", number),
            backend=backend,
            others=others,
            base=base,
            opened=opened,
        )
        parts = list(_parts(work, now))
        source.check_unchanged()
    return _as_findings(parts)


def counted(spec: DataSpec, total: int) -> Findings | None:
    """What an entry promises, where the number of rows tells it: no query is needed for that.

    Args:
        spec: The entry.
        total: The rows of its table.

    Returns:
        What is not so; `None` where the entry promises more than bounds, or looks at base.
    """
    others = spec.model_copy(update={"rows": None})
    if spec.rows is None or others.promises_more or spec.looks_at_base:
        return None
    return _as_findings([_part(rows.judge(spec.rows, total, None), rows.names(spec.rows), [])])


@dataclass(frozen=True)
class _Part:
    """What became of one promise."""

    found: tuple[Found, ...] = ()
    warnings: tuple[str, ...] = ()
    plan: tuple[PlannedCheck, ...] = ()


def _as_findings(parts: Sequence[_Part]) -> Findings:
    found = [one for part in parts for one in part.found]
    return Findings(
        failures=tuple(one.failure for one in found),
        warnings=tuple(warning for part in parts for warning in part.warnings),
        positions=tuple(one.positions for one in found),
        plan=tuple(check for part in parts for check in part.plan),
    )


@dataclass(frozen=True)
class _Work:
    """What one call of `findings` goes by."""

    side: Side
    spec: DataSpec
    key: KeyPath
    backend: Backend
    others: Callable[[str], Source]
    base: BaseFacts | None
    opened: contextlib.ExitStack

    def other(self, path: str, key: KeyPath, *, sensitive: Collection[str] = ()) -> Side:
        """Another table.

        Raises:
            DataError: It is not there, or cannot be read.
        """
        hidden = self.side.sensitive.union(sensitive)
        with _placed(key):
            source = self.others(path)
            self.opened.callback(source.close)
            return _side(source, self.backend, hidden)


def _side(source: Source, backend: Backend, sensitive: frozenset[str]) -> Side:
    """A table as the schema's backend sees it.

    Raises:
        DataError: SQL cannot tell its columns apart.
    """
    layout = source.layout(backend, has_index=False)
    side = Side(source, layout, sensitive)
    if layout.table is None:
        raise tables.not_for_sql(side.shown)
    return side


@contextlib.contextmanager
def _placed(key: KeyPath) -> Iterator[None]:
    """Errors about another table are about the key that names it."""
    try:
        yield
    except AssayError as error:
        if error.key is not None:
            raise
        message = f"`{dotted(key)}`: {error.message}"
        raise type(error)(message, hint=error.hint, key=key) from error


def _parts(work: _Work, now: datetime) -> Iterator[_Part]:
    """Promise by promise, in the order of the configuration's keys."""
    side, spec, key = work.side, work.spec, work.key
    values = side.row(_aggregates(work))
    total = int(values["rows"])
    if spec.disjoint_on:
        yield _disjoint(work, total)
    for number, reference in enumerate(spec.references):
        yield _reference(work, reference, (*key, "references", number), total)
    if spec.fresh is not None:
        place = (*key, "fresh")
        found = fresh.judge(side, spec.fresh, values, now=now, total=total, key=place)
        yield _part(found, fresh.names(spec.fresh), [spec.fresh.column])
    if spec.rows is not None:
        said = rows.not_judged(spec.rows, work.base, (*key, "rows"))
        found = rows.judge(spec.rows, total, work.base)
        yield _part(found, rows.names(spec.rows), [], said)
    if spec.labels is not None:
        yield _labels(work, spec.labels, values, total)
    if spec.expect is not None:
        yield _expected(work, spec.expect)


def _aggregates(work: _Work) -> dict[str, Any]:
    """What the one query over the table is asked."""
    side, spec, key = work.side, work.spec, work.key
    asked: dict[str, Any] = {"rows": side.table.count()}
    if spec.fresh is not None:
        asked |= fresh.aggregates(side, spec.fresh, (*key, "fresh"))
    if spec.labels is not None:
        column = spec.labels.column or spec.label or ""
        asked |= labels.aggregates(side, spec.labels, column, (*key, "labels"))
    return asked


def _disjoint(work: _Work, total: int) -> _Part:
    spec = work.spec
    other = work.other(spec.disjoint_from or "", (*work.key, "disjoint_from"))
    found = disjoint.find(work.side, other, spec, key=work.key, total=total)
    return _part(found, [disjoint.name(spec)], spec.disjoint_on)


def _reference(work: _Work, spec: ReferenceSpec, key: KeyPath, total: int) -> _Part:
    targets = dict(zip(spec.columns, spec.targets, strict=True))
    hidden = {targets[name] for name in work.side.sensitive & targets.keys()}
    other = work.other(spec.to, (*key, "to"), sensitive=hidden)
    found = references.find(work.side, other, spec, key=key, total=total)
    return _part(found, [references.name(spec)], spec.columns)


def _labels(work: _Work, spec: LabelsSpec, values: dict[str, Any], total: int) -> _Part:
    column = spec.column or work.spec.label or ""
    found = labels.judge(
        work.side,
        spec,
        column,
        values,
        ids=work.spec.key,
        total=total,
        key=(*work.key, "labels"),
    )
    names = labels.names(spec, hidden=work.side.hides([column]))
    return _part(found, names.values(), [column])


def _expected(work: _Work, spec: ExpectSpec) -> _Part:
    key = (*work.key, "expect")
    if spec.reference != BASE:
        other = work.other(spec.reference, (*key, "reference"))
    elif work.base is None or work.base.source is None:
        why = (work.base or BaseFacts()).why
        return _Part(warnings=(f"`{dotted(key)}` is not judged: {why}.",))
    else:
        other = _side(work.base.source, work.backend, work.side.sensitive)
    expected = expect.plan(work.side, other, spec, key=key)
    found, warnings = expect.find(work.side, other, expected, key=key)
    checks = (_planned(one.called(name), [one.shown]) for one in expected for name in one.set)
    return _Part(tuple(found), tuple(warnings), tuple(checks))


def _part(
    found: Iterable[Found],
    names: Iterable[str],
    columns: Sequence[str],
    warnings: Iterable[str] = (),
) -> _Part:
    checks = tuple(_planned(name, columns) for name in names)
    return _Part(tuple(found), tuple(warnings), checks)


def _planned(name: str, columns: Sequence[str]) -> PlannedCheck:
    column = columns[0] if len(columns) == 1 else None
    return PlannedCheck(check=named(name), column=column, how="scan")
