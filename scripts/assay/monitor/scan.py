"""The profile of a window of any Ibis table, by one scan, in bounded memory.

The engine hands over batches of numbers and texts; `counting` counts them. What was logged twice
is counted once: the keys are grouped by the engine first, which spills what does not fit, and only
where some come twice are their rows read apart. Two keys with the same hash of 64 bits would be
taken for one: among 100 million that happens once in 4,000 windows, to one row.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.contract.scan.query import translated
from assay.errors import AssayError
from assay.monitor.counting import LONGEST, CategoryCounter, NumberCounter
from assay.monitor.window import WindowProfile
from assay.packaging.profile import Categories, Numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from assay.packaging.profile import Profile

BATCH = 32_768
"""Rows that are sorted at once: 256 KB a column, which lie in a processor's cache."""
_TRUTH = {"True", "False"}
_MARK = "__assay_key__"
_WAITING = 2
"""Batches that are read ahead."""


@dataclass(frozen=True)
class Table:
    """Rows, and where in them things stand.

    Args:
        rows: An `ibis.Table`, of the window alone.
        features: By the reference's name of a feature, the column; what is left out has the same.
        predictions: The same for what the model said.
        key: Columns that two different rows do not share; none where all rows count.
        time: When a row was written: of rows with the same key the first one counts.
        private: Whether values of the data must not appear in messages.
    """

    rows: Any
    features: Mapping[str, str] = field(default_factory=dict)
    predictions: Mapping[str, str] = field(default_factory=dict)
    key: Sequence[str] = ()
    time: str | None = None
    private: bool = False


def of_log(rows: Any, reference: Profile, *, private: bool = False) -> Table:
    """A prediction log of `assay serve`; its columns are those of `serving.predictiontable`."""
    return Table(
        rows=rows,
        features={one.name: f"feature.{one.name}" for one in reference.features},
        predictions={one.name: f"prediction.{one.name}" for one in reference.predictions},
        key=("id", "row"),
        time="time",
        private=private,
    )


def profile(table: Table, reference: Profile) -> WindowProfile:
    """Count a window at the edges and categories of a reference.

    Args:
        table: Its rows.
        reference: Where the model was tested.

    Raises:
        DataError: The table cannot be read.
        OutsideError: Memory or disk space ran out, or a remote does not answer.
    """
    wanted = _wanted(table, reference)
    rows, duplicates = _once(table)
    counters = {one: _counter(one) for one in wanted if one.fault is None}
    asked = {f"c{n}": one.expression(rows) for n, one in enumerate(counters)}
    if asked:
        found = batches(rows.select(**asked), private=table.private)
        count = _counted(found, list(counters.values()))
    else:
        count = answer(rows.aggregate(n=rows.count()), private=table.private)["n"]
    return _profile(count, duplicates, counters, [one for one in wanted if one.fault is not None])


def _counted(found: Iterable[Any], counters: Sequence[_Counter]) -> int:
    """Count batches in a thread beside the one that reads; returns how many rows there were."""
    rows = 0
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(max_workers=1) as beside:
        for batch in found:
            rows += batch.num_rows
            waiting.append(beside.submit(_add, batch, counters))
            if len(waiting) > _WAITING:  # so that memory is bounded whoever is slower
                waiting.popleft().result()
        for one in waiting:
            one.result()
    return rows


def _add(batch: Any, counters: Sequence[_Counter]) -> None:
    for values, counter in zip(batch.columns, counters, strict=True):
        counter.add(values)


def _profile(
    rows: int, duplicates: int, counters: Mapping[_Wanted, _Counter], faulty: Iterable[_Wanted]
) -> WindowProfile:
    by_role: dict[bool, list[Numbers | Categories]] = {True: [], False: []}
    gone = [one.reference.name for one in faulty if one.fault == "gone"]
    mistyped = [one.reference.name for one in faulty if one.fault == "type"]
    for one, counter in counters.items():
        if counter.mistyped:
            mistyped.append(one.reference.name)
        else:
            by_role[one.is_feature].append(counter.found())
    return WindowProfile(
        rows=rows,
        duplicates=duplicates,
        features=tuple(by_role[True]),
        predictions=tuple(by_role[False]),
        gone=tuple(gone),
        mistyped=tuple(mistyped),
    )


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A column of the reference, and where it is in the table."""

    reference: Numbers | Categories
    is_feature: bool
    column: str
    fault: str | None
    """Why it cannot be counted: it is `gone`, or of another `type`."""

    def expression(self, rows: Any) -> Any:
        """What the engine shall hand over: numbers as float64, text cut off, all else as it is."""
        found = rows[self.column]
        type_ = found.type()
        if type_.is_string():
            return cut(found, LONGEST + 1)
        if _is_text(type_) or type_.is_boolean():
            return found
        if isinstance(self.reference, Numbers):
            return found.cast("float64")
        return found if type_.is_integer() or type_.is_floating() else found.cast("string")


def _wanted(table: Table, reference: Profile) -> list[_Wanted]:
    schema = dict(table.rows.schema().items())
    found = []
    for ours, names, is_feature in (
        (reference.features, table.features, True),
        (reference.predictions, table.predictions, False),
    ):
        for one in ours:
            column = names.get(one.name, one.name)
            fault = "gone" if column not in schema else _fault(one, schema[column])
            found.append(_Wanted(one, is_feature, column, fault))
    return found


def _fault(reference: Numbers | Categories, type_: Any) -> str | None:
    """Whether the type alone tells that a column is not what it was.

    Text in place of numbers is not among them: a column without a value has that type in CSV, and
    in JSON lines.
    """
    if isinstance(reference, Numbers):
        return None if type_.is_numeric() or _is_text(type_) else "type"
    truth = bool(reference.values) and set(reference.values) <= _TRUTH
    if truth != type_.is_boolean() and (type_.is_boolean() or type_.is_numeric()):
        return "type"
    return None


def _is_text(type_: Any) -> bool:
    return bool(type_.is_string() or type_.is_null() or type_.is_json() or type_.is_unknown())


class _Counter:
    """Counts the Arrow arrays of one column."""

    mistyped = False

    def add(self, values: Any) -> None:
        """Count some."""
        raise NotImplementedError

    def found(self) -> Numbers | Categories:
        """What was counted."""
        raise NotImplementedError


class _Numeric(_Counter):
    def __init__(self, reference: Numbers) -> None:
        self._counter = NumberCounter(reference)

    def add(self, values: Any) -> None:
        import pyarrow.types as arrow

        if arrow.is_floating(values.type):
            # Null becomes NaN; without nulls nothing is copied.
            self._counter.add(values.to_numpy(zero_copy_only=False))
            return
        # Text: only that there is none can be right.
        self.mistyped = self.mistyped or values.null_count < len(values)
        self._counter.add(np.full(len(values), np.nan))

    def found(self) -> Numbers:
        return self._counter.found()


class _Categorical(_Counter):
    def __init__(self, reference: Categories) -> None:
        self._counter = CategoryCounter(reference)

    def add(self, values: Any) -> None:
        coded = values.dictionary_encode()
        indices = coded.indices.drop_null().to_numpy()
        counts = np.bincount(indices, minlength=len(coded.dictionary)).tolist()
        seen = dict(zip(coded.dictionary.to_pylist(), counts, strict=True))
        self._counter.add(seen, nulls=coded.indices.null_count)

    def found(self) -> Categories:
        return self._counter.found()


def _counter(wanted: _Wanted) -> _Counter:
    reference = wanted.reference
    return _Numeric(reference) if isinstance(reference, Numbers) else _Categorical(reference)


def _once(table: Table) -> tuple[Any, int]:
    """The rows without those whose key came before, and how many these are."""
    rows = table.rows
    key = [name for name in table.key if name in rows.columns]
    if not key or len(key) < len(table.key):
        return rows, 0
    import ibis

    keyed = rows.mutate(**{_MARK: hashed({f"k{n}": rows[name] for n, name in enumerate(key)})})
    there = keyed.filter([keyed[name].notnull() for name in key])
    repeated = there.group_by(_MARK).aggregate(__assay_times__=there.count())
    repeated = repeated.filter(repeated["__assay_times__"] > 1)
    asked = repeated.aggregate(keys=repeated.count(), rows=repeated["__assay_times__"].sum())
    found = answer(asked, private=table.private)
    if not found["keys"]:
        return rows, 0
    again = keyed.semi_join(repeated, _MARK)
    order = [again[name] for name in (table.time,) if name in rows.columns]
    place = ibis.row_number().over(ibis.window(group_by=again[_MARK], order_by=order))
    first = again.mutate(__assay_place__=place).filter(lambda t: t["__assay_place__"] == 0)
    names = rows.columns
    once = keyed.anti_join(repeated, _MARK).select(*names).union(first.select(*names))
    return once, int(found["rows"] - found["keys"])


def cut(text: Any, most: int) -> Any:
    """A column of text with at most so many characters: who asks the model chooses how many.

    What is short is left as it is, which costs a third of cutting it.
    """
    return (text.length() > most).ifelse(text.substr(0, most), text)


def hashed(values: Mapping[str, Any]) -> Any:
    """A number of 64 bits for each row; equal keys have the same one."""
    import ibis
    from ibis.expr import datatypes

    whole = ibis.struct(dict(values))
    first = next(iter(values.values()))
    if first.get_backend().name != "duckdb":
        return whole.hash()

    # What Ibis writes for `hash` goes by way of a text of bits.
    @ibis.udf.scalar.builtin(name="hash", signature=((whole.type(),), datatypes.uint64))
    def key_hash(value): ...  # type: ignore[no-untyped-def]

    return key_hash(whole)


def answer(expression: Any, *, private: bool) -> dict[str, Any]:
    """The only row of an Ibis expression; unlike Ibis's own ways without pandas, which is 40 MB.

    Raises:
        DataError: The table cannot be read.
        OutsideError: Memory or disk space ran out, or a remote does not answer.
    """
    (row,) = (row for batch in batches(expression, private=private) for row in batch.to_pylist())
    return dict(row)


def batches(expression: Any, *, private: bool, rows: int = BATCH) -> Iterator[Any]:
    """The rows of an Ibis expression as Arrow batches, one at a time.

    Raises:
        DataError: The table cannot be read.
        OutsideError: Memory or disk space ran out, or a remote does not answer.
    """
    try:
        yield from _reader(expression, rows)
    except AssayError:
        raise
    except Exception as error:
        raise translated(error, private=private) from error


def _reader(expression: Any, rows: int) -> Any:
    backend = expression.get_backend()
    if backend.name != "duckdb":
        return expression.to_pyarrow_batches(chunk_size=rows)
    # Ibis asks DuckDB 2 for batches by a name that it no longer has.
    relation = backend.con.sql(backend.compile(expression))
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(rows)
    return relation.fetch_arrow_reader(rows)
