"""A table against a schema: every failure, counted, with a few examples of what may be shown."""

from __future__ import annotations

import importlib
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from assay.console import printable
from assay.contract.privacy import INDEX, WIDTH, Sight, as_text, cut, index_names
from assay.contract.refused import memory_short, ran_short, refused
from assay.stages.validate import CheckFailure, PlannedCheck

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from assay.contract.schema import LoadedSchema

EXAMPLES = 5
MOST_POSITIONS = 1000

# Pandera's reasons whose "failure case" is the name of a column.
_ABOUT_COLUMNS = {
    "COLUMN_NOT_IN_DATAFRAME",
    "COLUMN_NOT_IN_SCHEMA",
    "COLUMN_NOT_ORDERED",
    "ADD_MISSING_COLUMN_NO_DEFAULT",
}


@dataclass(frozen=True)
class Finding:
    """One failure, as far as one frame shows it."""

    failure: CheckFailure
    reason: str = ""
    """Pandera's reason code."""
    positions: tuple[int, ...] = ()
    """The first rows of the frame that fail, at most `MOST_POSITIONS`, from 0."""
    cases: Literal["rows", "text", "answer"] = "rows"
    """What Pandera says fails: rows, as a table of them; a text; or one answer for all."""


@dataclass(frozen=True)
class Findings:
    """What a schema says about a table."""

    failures: tuple[CheckFailure, ...] = ()
    warnings: tuple[str, ...] = ()
    """Checks with `raise_warning`, and what makes the result less than it seems."""
    positions: tuple[tuple[int, ...], ...] = ()
    """For each failure the first rows that fail, at most `MOST_POSITIONS`, numbered from 0 in the
    order of the file; empty where it is not about rows, or their numbers are not known."""
    plan: tuple[PlannedCheck, ...] = ()
    """See `FileResult.plan`."""
    rows: int | None = None
    columns: int | None = None


def check(frame: Any, loaded: LoadedSchema, *, root: Path, sensitive: Collection[str]) -> Findings:
    """Validate a table lazily, as `schema.validate(frame, lazy=True)` does.

    Args:
        frame: A data frame of the schema's backend.
        loaded: The schema.
        root: The project folder, to point at the user's code when it raises.
        sensitive: The columns whose values must not appear in what is returned.

    Raises:
        SchemaError: The schema cannot be applied: its own code raised outside of a check.
        OutsideError: Memory ran out.
    """
    rows, columns = rows_of(frame), len(frame.columns)
    if rows == 0:
        empty = CheckFailure(check="not_empty", count=1)
        return Findings(failures=(empty,), rows=rows, columns=columns)
    errors, said = errors_of(frame, loaded, root=root, private=bool(sensitive))
    sight = Sight.on(frame, loaded, sensitive)
    found = [finding(error, frame, sight) for error in errors]
    return Findings(
        failures=tuple(one.failure for one in found),
        warnings=(*limits(frame, sensitive), *sight.warnings(said)),
        positions=tuple(one.positions for one in found),
        rows=rows,
        columns=columns,
    )


def limits(frame: Any, sensitive: Collection[str]) -> Iterator[str]:
    """What makes the result less than it seems, as warnings."""
    from pandera.config import get_config_context

    depth = get_config_context().validation_depth
    if depth is not None and depth.value != "SCHEMA_AND_DATA":
        yield f"Pandera checks only a part: PANDERA_VALIDATION_DEPTH is {depth.value}."
    columns = {str(column) for column in frame.columns} | index_names(frame)
    for name in sensitive:
        if name not in columns:
            yield f"There is no column `{printable(name)}`, which `sensitive` names."


def errors_of(
    frame: Any, loaded: LoadedSchema, *, root: Path, private: bool
) -> tuple[list[Any], list[str]]:
    """Pandera's errors, and what its `raise_warning` checks said.

    Args:
        frame: A data frame of the schema's backend.
        loaded: The schema.
        root: The project folder, to point at the user's code when it raises.
        private: Whether what an exception says must not appear.

    Raises:
        SchemaError: The schema cannot be applied: its own code raised outside of a check.
        OutsideError: Memory ran out.
    """
    from pandera.errors import SchemaWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SchemaWarning)
        try:
            errors = _schema_errors(frame, loaded.schema)
        except BaseException as error:
            panic = type(error).__name__ == "PanicException"  # polars' Rust code
            if not isinstance(error, Exception | SystemExit) and not panic:
                raise
            raise refused(error, loaded, root=root, private=private) from error
    if ran_short(errors):
        raise memory_short(loaded)
    said = (str(one.message) for one in caught if issubclass(one.category, SchemaWarning))
    return errors, list(dict.fromkeys(said))  # where Pandera was asked twice, it said all twice


def _schema_errors(frame: Any, schema: Any) -> list[Any]:
    from pandera import errors

    try:
        schema.validate(frame, lazy=True)
    except errors.SchemaErrors as found:
        return list(found.schema_errors)
    except errors.SchemaError as found:
        return [found]
    except Exception as error:
        if not _raised_by_summary(error):
            raise
    else:
        return []
    # Some failures crash Pandera's own summary of them (polars: a check of the whole column next
    # to one of its values gives columns that do not stack). We do not need it.
    with _without_summary():
        try:
            schema.validate(frame, lazy=True)
        except errors.SchemaErrors as found:
            return list(found.schema_errors)
        except errors.SchemaError as found:
            return [found]
    raise AssertionError("the schema failed, and passed the second time")


def _raised_by_summary(error: BaseException) -> bool:
    from pandera.errors import SchemaErrors

    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is SchemaErrors.__init__.__code__:
            return True
        trace = trace.tb_next
    return False


@contextmanager
def _without_summary() -> Iterator[None]:
    summarized: Any = importlib.import_module("pandera.errors").SchemaErrors

    def keep_only(self: Any, schema: Any, schema_errors: Any, data: Any) -> None:
        self.schema, self.schema_errors, self.data = schema, schema_errors, data

    original = summarized.__init__
    summarized.__init__ = keep_only
    try:
        yield
    finally:
        summarized.__init__ = original


def finding(error: Any, frame: Any, sight: Sight) -> Finding:
    """What one of Pandera's errors says, counted, with examples of what may be shown."""
    return replace(_finding(error, frame, sight), cases=_cases(error, frame))


def _cases(error: Any, frame: Any) -> Literal["rows", "text", "answer"]:
    """By what Pandera drops rows: in pandas their labels, in polars the output of the check."""
    if type(frame).__module__.startswith("polars"):
        if error.check_output is None:
            return "text"
        return "rows" if error.check_output.height == rows_of(frame) else "answer"
    if isinstance(error.failure_cases, str):
        return "text"
    return "rows" if "index" in getattr(error.failure_cases, "columns", ()) else "answer"


def _finding(error: Any, frame: Any, sight: Sight) -> Finding:
    from assay.contract import checkibis, checkpolars

    reason, cases = reason_of(error), error.failure_cases
    if reason in _ABOUT_COLUMNS and isinstance(cases, str):
        column = sight.column(cases)
        return Finding(
            CheckFailure(check=sight.check(checked(error), column), column=column, count=1), reason
        )
    of_rows, kind = hasattr(cases, "columns"), type(frame).__module__
    if of_rows and kind.startswith("ibis"):
        return checkibis.finding(error, frame, sight)
    if of_rows and kind.startswith("polars"):
        return checkpolars.finding(error, frame, sight)
    if of_rows and {"index", "failure_case"} <= set(cases.columns):
        return _from_pandas(error, cases, frame, sight, reason)
    return Finding(_of_the_whole(error, cases, sight, reason), reason)


def reason_of(error: Any) -> str:
    """Pandera's reason code, where it gives one."""
    return "" if error.reason_code is None else str(error.reason_code.name)


def checked(error: Any) -> Any:
    """What an error is about: a check, or text. An index of the wrong kind has neither."""
    if error.check is None:
        return reason_of(error).lower() or "check"
    return error.check


def column_of(error: Any) -> str | None:
    """The column that an error is about; `None` for the whole table."""
    if type(error.schema).__name__ == "DataFrameSchema":
        return None
    # Of a regular expression, older versions put the column only in the schema's name.
    name = getattr(error, "column_name", None)
    name = error.schema.name if name is None else name
    return INDEX if name is None else str(name)


def _of_the_whole(error: Any, case: Any, sight: Sight, reason: str) -> CheckFailure:
    column = sight.column(column_of(error))
    examples: tuple[str, ...] = ()
    if reason == "CHECK_ERROR":
        examples = sight.raised(case)
    elif reason == "WRONG_DATATYPE":
        examples = sight.found(case, column)
    return CheckFailure(
        check=sight.check(checked(error), column),
        column=column,
        count=1,
        examples=examples,
        raised=reason == "CHECK_ERROR",
    )


def _from_pandas(error: Any, cases: Any, frame: Any, sight: Sight, reason: str) -> Finding:
    column = _level(cases) if type(error.schema).__name__ == "MultiIndex" else column_of(error)
    of_rows = not cases["index"].isna().all()
    count = len(cases)
    if column is None and of_rows:
        # One case for each cell of a failing row: count rows.
        count = int(cases["index"].nunique())
        some = list(dict.fromkeys(cases["index"]))[:EXAMPLES]
        named = "column" in cases.columns and not sight.hides(None)
        values = [
            row_text(zip(part["column"], part["failure_case"], strict=True)) if named else None
            for part in (cases[cases["index"] == label] for label in some)
        ]
    else:
        some = cases["index"].head(EXAMPLES).tolist()
        cells = cases["failure_case"].head(EXAMPLES)
        values = [as_text(value) for value in cells]
    shown = sight.column(column)
    labels = [label if sight.labels else None for label in some] if of_rows else []
    failure = CheckFailure(
        check=sight.check(checked(error), column),
        column=shown,
        count=count,
        share=share(count, rows_of(frame)) if of_rows else None,
        examples=examples(labels, values, hidden=sight.hides(column) and column is not None),
    )
    return Finding(failure, reason, _positions(cases["index"], frame) if of_rows else ())


def _level(cases: Any) -> str:
    """The level of an index that failures are about, where it is one and has a name."""
    # Older versions give a level without a name its number.
    named = cases["column"] if "column" in cases.columns else ()
    names = {name for name in named if isinstance(name, str)}
    return str(names.pop()) if len(names) == 1 else INDEX


def _positions(labels: Any, frame: Any) -> tuple[int, ...]:
    """The rows that stand under pandas labels; none where labels do not tell rows apart."""
    index = frame.index
    if type(index).__name__ == "MultiIndex" or not index.is_unique:
        return ()
    found = index.get_indexer(labels.drop_duplicates().head(MOST_POSITIONS))
    return tuple(int(row) for row in found if row >= 0)


def examples(
    labels: Sequence[Any], values: Sequence[str | None], *, hidden: bool
) -> tuple[str, ...]:
    """`row 17: 24`, or what of it may be shown. Rows are named as pandas and polars do, from 0."""
    if hidden:
        return ()
    parts = (
        [text for text in (None if label is None else f"row {label}", value) if text is not None]
        for label, value in zip(labels, values, strict=False)
    )
    return tuple(cut(printable(": ".join(part)), WIDTH + 12) for part in parts if part)


def row_text(cells: Iterable[tuple[Any, Any]]) -> str:
    """The cells of a failing row."""
    named = list(cells)
    if len(named) == 1 and named[0][0] == "failure_case":  # a whole table that cannot be coerced
        cell = named[0][1]
        return row_text(cell.items()) if isinstance(cell, dict) and cell else as_text(cell)
    return joined([(name, as_text(value)) for name, value in named])


def joined(cells: Iterable[tuple[Any, str]]) -> str:
    """`a=1, b=2`."""
    return cut(", ".join(f"{name}={text}" for name, text in cells), WIDTH)


def rows_of(frame: Any) -> int:
    """The number of rows of a data frame, or of an Ibis table."""
    shape = getattr(frame, "shape", None)
    return int(frame.count().execute() if shape is None else shape[0])


def share(count: int, rows: int) -> float:
    """The share of all rows that fail, 0 to 1."""
    return min(count / int(rows), 1.0)
