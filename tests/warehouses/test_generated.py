"""The differential test on a real Spark: generated schemas and tables, and Pandera's answer."""

from __future__ import annotations

import importlib
import warnings
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import ibis
import polars as pl
import pytest
from assay.console import printable
from assay.contract import scan
from assay.contract.privacy import CHECK_WIDTH, cut
from assay.contract.scan import query
from assay.contract.schema import LoadedSchema
from assay.contract.sources import open_source
from assay.contract.sources.spark import open_spark

from tests.differential import run
from tests.differential.sweep import make

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.check import Findings

_CASES = 100
# Of which Pandera names the column in its message alone.
_OF_NAMES = {"column_in_schema", "column_ordered"}
# What Spark does not read as Parquet is an error, and never a pass.
_REFUSED = ("COLUMN_ALREADY_EXISTS", "PARQUET_TYPE_ILLEGAL", "only Parquet", "AMBIGUOUS_REFERENCE")


def _compared(flavour: str, seeds: range, folder: Path) -> tuple[int, int]:
    """How many cases were compared, and how many of these fail."""
    failed = compared = 0
    for seed in seeds:
        case = make(flavour, seed)
        try:
            verdict = run.judge(case, folder)
        except run.UnusableError:
            continue
        found = verdict.found
        if found.error == "DataError" and any(words in found.detail for words in _REFUSED):
            continue
        compared += 1
        failed += bool(verdict.expected.failures)
        assert not verdict.problems, f"seed {seed}\n{case.source}\n{verdict.problems}"
    return compared, failed


@pytest.mark.parametrize("first", range(0, _CASES, 50))
@pytest.mark.parametrize("flavour", ["pandas", "polars"])
def test_frames(spark, tmp_path, monkeypatch, flavour, first):
    monkeypatch.setattr(run.sources, "open_source", open_spark)
    compared, failed = _compared(flavour, range(first, first + 50), tmp_path)
    assert compared > 15
    assert failed > compared / 3


@pytest.mark.parametrize("flavour", ["pandas", "polars", "ibis"])
def test_the_plan_of_duckdb_is_asked_of_spark(spark, tmp_path, monkeypatch, flavour):
    """One aggregate query of Spark's, and the promises looked at as DuckDB looks at them."""
    pa = importlib.import_module(f"pandera.{flavour}")
    checks = [pa.Check.in_range(1, 2), pa.Check.isin([1, 3])]
    text = [pa.Check.str_matches("[ab]"), pa.Check.str_length(1, 1)]
    schema = pa.DataFrameSchema({"n": pa.Column(int, checks), "s": pa.Column(str, text)})
    path = tmp_path / "data.parquet"
    pl.DataFrame({"n": [1, 2, 3], "s": ["a", "bc", None]}).write_parquet(path)
    asked = []

    def fetched(expression, *, private):
        asked.append(expression.get_backend().name)
        return query.fetch(expression, private=private)

    # The package has a function of the same name.
    execute = importlib.import_module("assay.contract.scan.execute")
    monkeypatch.setattr(execute, "fetch", fetched)
    plans = [_found(opened, path, schema, flavour).plan for opened in (open_source, open_spark)]
    assert asked == ["duckdb", "pyspark"]
    assert plans[0] == plans[1]
    assert {planned.how for planned in plans[0]} == {"scan"}


def _found(opened: Any, path: Path, schema: Any, flavour: Any) -> Findings:
    loaded = LoadedSchema("Schema", schema, flavour)
    with closing(opened(path, shown=path.name, private=False)) as source:
        return scan.findings(source, loaded, root=path.parent, sensitive=())


def test_ibis(spark, tmp_path, monkeypatch):
    """Pandera asks Spark too: what a value means is Spark's word, and not DuckDB's."""
    monkeypatch.setattr(run.sources, "open_source", open_spark)
    monkeypatch.setattr(run, "_duckdb", lambda: ibis.pyspark.connect(spark))
    compared, failed = _compared("ibis", range(30), tmp_path)
    assert compared > 15
    assert failed > compared / 3


@pytest.mark.parametrize("first", range(0, _CASES, 50))
def test_pyspark(spark, tmp_path, first):
    failed = compared = 0
    for seed in range(first, first + 50):
        case = make("pyspark", seed)
        if not case.rows:  # Pandera has nothing to say of these
            continue
        path = case.write(tmp_path)
        try:
            schema = case.schema()
        except Exception:  # noqa: BLE001 (Pandera refuses the schema: there is nothing to compare)
            continue
        expected = _by_pandera(spark, path, schema)
        found = _by_scan(path, case.schema())
        compared += 1
        failed += isinstance(expected, Counter) and bool(expected)
        assert found == expected, f"seed {seed}\n{case.source}\n{found}\n{expected}"
    assert compared > 30
    assert failed > compared / 3


def _by_pandera(session: Any, path: Path, schema: Any) -> Counter[tuple[str, str]] | str:
    """The checks that fail, which is all that Pandera says; or that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reported = schema.validate(session.read.parquet(str(path))).pandera.errors or {}
        except Exception:  # noqa: BLE001 (the scan has to raise, too)
            return "raises"
    return Counter(
        (cut(printable(str(error["check"])), CHECK_WIDTH), error["column"] or "")
        for by_reason in reported.values()
        for errors in by_reason.values()
        for error in errors
    )


def _by_scan(path: Path, schema: Any) -> Counter[tuple[str, str]] | str:
    try:
        found = _found(open_spark, path, schema, "pyspark")
    except Exception:  # noqa: BLE001 (Pandera has to raise, too)
        return "raises"
    return Counter(
        (one.check, "" if one.check in _OF_NAMES else one.column or "") for one in found.failures
    )
