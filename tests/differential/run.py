"""Both answers about a case, and how they differ."""

from __future__ import annotations

import re
import traceback
import warnings
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from assay.contract import check, reader, scan, sources
from assay.contract.schema import LoadedSchema
from assay.contract.sources import duck

from tests.differential import shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.contract.check import Findings
    from assay.contract.schema import Backend
    from assay.stages.validate import CheckFailure

    from tests.differential.case import Case

_ADDED = "pandera.ibis does not look at"
"""What the scan warns of, and Pandera passes over in silence."""


@dataclass(frozen=True)
class Answer:
    """What one of the two says."""

    failures: Counter[tuple[str, str | None, int, float | None]] = field(default_factory=Counter)
    warnings: tuple[str, ...] = ()
    error: str | None = None
    """The type of the exception, where there was one."""
    detail: str = field(default="", compare=False)
    """What it says, and where it was raised."""

    @classmethod
    def of(cls, error: Exception) -> Answer:
        place = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{error} ({Path(place.filename).name}, line {place.lineno})"
        return cls(error=type(error).__name__, detail=detail)


@dataclass(frozen=True)
class Verdict:
    """A case, asked twice."""

    expected: Answer
    found: Answer
    problems: tuple[str, ...] = ()
    how: Counter[str] = field(default_factory=Counter)
    """How many promises the scan looked at, and in which way."""
    kinds: frozenset[str] = frozenset()
    """The checks that failed, by Pandera's word for them."""


class UnusableError(Exception):
    """Pandera refuses the schema, or the data cannot be written: nothing to compare."""


def judge(case: Case, folder: Path) -> Verdict:
    """Ask Pandera and the scan about a case."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what schemas and data of chance make libraries say
        try:
            path = case.write(folder)
            schema = case.schema()
        except Exception as error:
            raise UnusableError(f"{type(error).__name__}: {error}") from error
    return compare(path, schema, case.flavour)


def compare(path: Path, schema: Any, flavour: Backend) -> Verdict:
    """Ask Pandera and the scan about a file."""
    loaded = LoadedSchema(name="schema", schema=schema, backend=flavour)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _compared(path, loaded)


def _compared(path: Path, loaded: LoadedSchema) -> Verdict:
    # Pandera's summary of its errors takes most of its time, and is not read.
    with check._without_summary(), mock.patch.object(duck, "opened", shared.opened):
        expected, told = _pandera(path, loaded)
        found, ours = _scan(path, loaded)
    words = {failure.check.partition("(")[0] for failure in told.failures} if told else ()
    return Verdict(
        expected=expected,
        found=found,
        problems=tuple(_differences(expected, told, found, ours)),
        how=Counter(planned.how for planned in ours.plan) if ours else Counter(),
        kinds=frozenset(words),
    )


def _pandera(path: Path, loaded: LoadedSchema) -> tuple[Answer, Findings | None]:
    try:
        frame = _read(path, loaded)
        with _every_example():
            findings = check.check(frame, loaded, root=path.parent, sensitive=())
    except Exception as error:  # noqa: BLE001 (which one is what is compared)
        return Answer.of(error), None
    return _answer(findings), findings


def _read(path: Path, loaded: LoadedSchema) -> Any:
    """The table, as the user's own three lines would read it."""
    if loaded.backend == "ibis":
        return _duckdb().read_parquet(path)
    has_index = getattr(loaded.schema, "index", None) is not None
    return reader.read(path, backend=loaded.backend, shown=path.name, has_index=has_index)


@cache
def _duckdb() -> Any:
    import ibis

    opened = ibis.duckdb.connect()
    # They believe Parquet's footer, which leaves NaN out: isnan() would find nothing.
    opened.raw_sql("SET disabled_optimizers = 'statistics_propagation,filter_pushdown'")
    return opened


def _scan(path: Path, loaded: LoadedSchema) -> tuple[Answer, Findings | None]:
    try:
        with closing(sources.open_source(path, shown=path.name, private=False)) as source:
            findings = scan.findings(source, loaded, root=path.parent, sensitive=())
    except Exception as error:  # noqa: BLE001 (which one is what is compared)
        return Answer.of(error), None
    return _answer(findings), findings


def _answer(findings: Findings) -> Answer:
    return Answer(
        failures=Counter((f.check, f.column, f.count, f.share) for f in findings.failures),
        warnings=tuple(sorted(findings.warnings)),
    )


def _differences(
    expected: Answer, told: Findings | None, found: Answer, ours: Findings | None
) -> Iterator[str]:
    if expected.error != found.error:
        yield f"Pandera: {expected.error or 'no error'}, the scan: {found.error or 'no error'}"
        yield f"Pandera: {expected.detail}; the scan: {found.detail}"
        return
    for failure, count in (expected.failures - found.failures).items():
        yield f"the scan misses {count} x {failure}"
    for failure, count in (found.failures - expected.failures).items():
        yield f"the scan invents {count} x {failure}"
    warned = tuple(text for text in found.warnings if not text.startswith(_ADDED))
    if expected.warnings != warned:
        yield f"warnings of Pandera: {expected.warnings}, of the scan: {found.warnings}"
    if told is not None and ours is not None and expected.failures == found.failures:
        yield from _wrong_examples(told, ours)


def _wrong_examples(told: Findings, ours: Findings) -> Iterator[str]:
    """Examples and positions that name no row that fails."""
    texts: dict[tuple[str, str | None], set[str]] = {}
    rows: dict[tuple[str, str | None], set[int]] = {}
    unplaced = set()  # of some of the failures that go by this name, Pandera tells no rows
    for failure, positions in _with_positions(told):
        key = failure.check, failure.column
        texts.setdefault(key, set()).update(map(_value, failure.examples))
        rows.setdefault(key, set()).update(positions)
        if not positions:
            unplaced.add(key)
    for failure, positions in _with_positions(ours):
        key = failure.check, failure.column
        # Of a whole table Pandera may show other columns of the row.
        # What a check raised may name the type before coercion, or the table.
        named = failure.column is not None and failure.share is not None
        shown = set(map(_value, failure.examples)) if named else set()
        if wrong := shown - texts[key]:
            yield f"{key}: the examples {sorted(wrong)} are none of {sorted(texts[key])}"
        if key not in unplaced and not set(positions) <= rows[key]:
            yield f"{key}: the positions {positions} are none of {sorted(rows[key])}"


def _value(example: str) -> str:
    """The value of an example: without its row, which need not be named, and as it was in the
    file: Pandera shows it converted (3.0 for 3, 1e+16 for 10000000000000000, 1 for the text 01)."""
    text = re.sub(r"^\{'[^']*': (.*)\}$", r"\1", example)  # of Ibis, a row of one column
    text = re.sub(r"^row (\(.*?\)|.*?)(: |$)", "", text)
    text = re.sub(r"^[^=]*=(?=[^=]*$)", "", text)
    text = re.sub(r"^-?\d{17,}$", lambda number: str(float(number[0])), text.strip("'"))
    text = re.sub(r"\b(\d+)\.0\b", r"\1", text)
    text = re.sub(r"^([+-]?)0+(?=\d)", r"\1", text)
    return "null" if text in {"", "nan", "NaT", "<NA>"} else text


def _with_positions(findings: Findings) -> Iterator[tuple[CheckFailure, tuple[int, ...]]]:
    positions = findings.positions or ((),) * len(findings.failures)
    return zip(findings.failures, positions, strict=True)


@contextmanager
def _every_example() -> Iterator[None]:
    """Let Pandera's answer name every failing row."""
    few: Any = check.EXAMPLES
    check.EXAMPLES = 10_000
    try:
        yield
    finally:
        check.EXAMPLES = few


def smallest(case: Case, folder: Path) -> Case:
    """The same difference in a smaller case."""
    kind = signature(judge(case, folder))
    while True:
        for smaller in case.smaller():
            try:
                verdict = judge(smaller, folder)
            except UnusableError:
                continue
            if verdict.problems and signature(verdict) == kind:
                case = smaller
                break
        else:
            return case


def signature(verdict: Verdict) -> str:
    """What kind of difference it is: its words without values."""
    if not verdict.problems:
        return ""
    words = re.sub(r"'[^']*'|\d+(\.\d+)?|\[.*\]", "_", verdict.problems[0])
    missed = re.search(r"\('(\w+)", verdict.problems[0])
    return f"{words[:60]} {missed[1] if missed else ''}".strip()
