"""A record of data that breaks its contract in many ways: what reports are tested with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.section import Reason, Status
from assay.stages.validate import (
    CheckFailure,
    FileResult,
    PlannedCheck,
    ValidateSection,
    message,
)

from tests import records

if TYPE_CHECKING:
    from assay.record import RunRecord

ROWS = 10_000_000
_SCANNED = ("not_nullable", "dtype('float64')", "greater_than_or_equal_to(0)", "in_range(0, 23)")
_COLUMNS = ("hour", "temp", "wind", "humidity", "station_id", "rides")


def plan() -> tuple[PlannedCheck, ...]:
    """Most in one scan; what only Pandera can run, by Pandera."""
    scanned = (
        PlannedCheck(check=check, column=column, how="scan")
        for column in _COLUMNS
        for check in _SCANNED
    )
    return (
        *scanned,
        PlannedCheck(check="plausible", column="temp", how="batches", why="a custom check"),
        PlannedCheck(check="<lambda>", column="wind", how="batches", why="a custom check"),
        PlannedCheck(check="adds_up", how="table", why="a custom check of the whole table"),
        PlannedCheck(check="normal", column="rides", how="column", why="a hypothesis test"),
    )


def failures() -> tuple[CheckFailure, ...]:
    """Of rows, of a whole column, of the table, and between tables."""
    return (
        CheckFailure(
            check="in_range(0, 23)",
            column="hour",
            count=1_204,
            share=1_204 / ROWS,
            examples=("row 17: 24", "row 130: 25", "row 9999120: -1"),
            spread="-1 ▁│▂▁▁▁▂▅█▅▄▅▅▅▆██▆▄▃│▁ 25",
            file="schema.py",
            line=12,
        ),
        CheckFailure(
            check="column_in_dataframe", column="season", count=1, file="schema.py", line=31
        ),
        CheckFailure(
            check="not_nullable",
            column="temp",
            count=312_000,
            share=312_000 / ROWS,
            examples=("row 4: null",),
            file="schema.py",
            line=17,
        ),
        CheckFailure(
            check="dtype('int64')",
            column="hour",
            count=1,
            examples=("found float64",),
            file="schema.py",
            line=11,
        ),
        CheckFailure(check="greater_than(0)", column="phone", count=3, share=3 / ROWS),
        CheckFailure(
            check="adds_up",
            count=88,
            share=88 / ROWS,
            examples=("row 3: rides=16, casual=3, registered=12",),
            file="schema.py",
            line=40,
        ),
        CheckFailure(
            check="references('stations.csv', 'id')",
            column="station_id",
            count=12,
            share=12 / ROWS,
            examples=("row 881: 77",),
            file="assay.yaml",
            line=14,
        ),
        CheckFailure(
            check="fresh(within='36 h')",
            column="when",
            count=1,
            examples=("newest 2026-11-01 23:00, 18 days old",),
            file="assay.yaml",
            line=18,
        ),
        CheckFailure(check="rows(max_drop=0.1)", count=1, examples=("12,400,000 rows at base",)),
        CheckFailure(
            check="label_share(min=0.05)", column="churned", count=1, examples=("yes: 1.2 %",)
        ),
        CheckFailure(
            check="expect(psi=0.2)", column="temp", count=1, examples=("PSI 0.41 against base",)
        ),
    )


def broken() -> RunRecord:
    """A large file that breaks rules of every kind, one that only warns, and one that is good."""
    large = FileResult(
        path="data/raw/trips.parquet",
        schema_name="schema.py:Trips",
        rows=ROWS,
        columns=20,
        bytes=812_004_211,
        failures=failures(),
        plan=plan(),
        warnings=("Pandera checks only a part: PANDERA_VALIDATION_DEPTH is SCHEMA_ONLY.",),
        failing_rows="failing-rows/trips.parquet-1a2b3c4d.csv",
    )
    parts = tuple(
        FileResult(
            path=f"data/parts/{number:02}.csv",
            schema_name="schema.py:Part",
            rows=1_000,
            columns=3,
            bytes=20_000,
            plan=plan()[:6],
        )
        for number in range(12)
    )
    warned = parts[0].model_copy(
        update={
            "path": "data/warned.csv",
            "warnings": ("Column 'wind' failed series validator 1: <Check less_than(40)>",),
        }
    )
    ragged = FileResult(
        path="data/raw/day.csv",
        schema_name="schema.py:Day",
        rows=None,
        columns=None,
        bytes=10,
        error="data/raw/day.csv is ragged: line 9000001 has 3 fields, where the header has 4.",
    )
    reasons = (
        *(
            Reason(message=message(large, failure), file=failure.file or large.path)
            for failure in failures()
        ),
        Reason(message=ragged.error or "", file=ragged.path, line=9_000_001),
    )
    return records.good().with_section(
        "validate",
        ValidateSection(
            status=Status.FAIL,
            exit_code=1,
            seconds=1.4,
            files=(large, *parts, warned, ragged),
            reasons=reasons,
        ),
    )
