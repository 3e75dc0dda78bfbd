"""Schemas of polars and of Ibis: the scan says what Pandera says, and knows what it cannot."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from assay.contract import check, scan, sources
from assay.contract.scan import regex
from assay.contract.schema import LoadedSchema
from assay.contract.sources.base import Layout
from assay.errors import DataError
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from assay.contract.check import Findings

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pandera.polars")
ibis = pytest.importorskip("ibis")

# Ibis calls what new versions of DuckDB deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NIGHT = datetime(2020, 1, 1)  # noqa: DTZ001 (a column of times without a zone)
MORNING = NIGHT.replace(hour=5)
NAN, INF = float("nan"), float("inf")


class Table:
    """A source that is in memory."""

    shown, bytes = "table", 0

    def __init__(self, frame: Any, backend: str) -> None:
        self._frame, self._connection = frame, ibis.duckdb.connect()
        self._connection.con.register("rows", frame.to_arrow())
        self._table = self._connection.table("rows")
        self._of_ibis = backend == "ibis"

    def layout(self, backend: str, *, has_index: bool) -> Layout:
        empty = self._table if self._of_ibis else self._frame.clear()
        return Layout(empty=empty, table=self._table)

    def frames(self, layout: Layout, columns: Any = None, *, rows: int | None = None):
        frame = self._frame if columns is None else self._frame.select(columns)
        yield from [frame] if rows is None else frame.iter_slices(rows)

    def check_unchanged(self) -> None: ...

    def close(self) -> None:
        self._connection.disconnect()


def both(
    frame: Any, schema: Any, root: Path, *, backend: str = "polars", sensitive: Collection[str] = ()
) -> tuple[Findings, Findings]:
    """What the scan finds, and what Pandera finds."""
    loaded = LoadedSchema("Schema", schema, backend)
    with closing(Table(frame, backend)) as source:
        ours = scan.findings(source, loaded, root=root, sensitive=sensitive)
        whole = source.layout(backend, has_index=False).table if backend == "ibis" else frame
        theirs = check.check(whole, loaded, root=root, sensitive=sensitive)
    return ours, theirs


def told(found: Findings) -> list[Any]:
    return [(f.check, f.column, f.count, f.share) for f in found.failures]


def how(found: Findings) -> set[str]:
    return {planned.how for planned in found.plan}


NUMBERS = {
    pl.Int64: (0, 1, -1, 2**53 + 1, 2**63 - 1),
    pl.Int8: (0, 1, 127, -128),
    pl.UInt32: (0, 1, 2**32 - 1),
    pl.Float64: (0.0, -0.0, 0.1, NAN, INF, -INF),
    pl.Float32: (0.0, 0.1, 1.0, NAN, 16777217.0),
}
BOUNDS = (0, -1, 0.1, 300, 2**53 + 1)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_polars_numbers(dtype, tmp_path):
    frame = pl.DataFrame({"a": pl.Series([None, *NUMBERS[dtype]], dtype=dtype)})
    kinds = (pa.Check.eq, pa.Check.ne, pa.Check.gt, pa.Check.ge, pa.Check.lt, pa.Check.le)
    checks = [
        kind(bound, ignore_na=ignore)
        for kind in kinds
        for bound in BOUNDS
        for ignore in (True, False)
    ]
    checks += [pa.Check.isin([1, 0]), pa.Check.notin([1.0, 0.1]), pa.Check.isin([])]
    checks += [pa.Check.in_range(0, 1, include_min=False), pa.Check.in_range(0.1, 5)]
    ours, theirs = both(frame, pa.DataFrameSchema({"a": pa.Column(dtype, checks)}), tmp_path)
    assert told(ours) == told(theirs)
    assert len(ours.failures) > 12
    assert "scan" in how(ours)


@pytest.mark.parametrize("ignore_na", [True, False])
def test_polars_nan_is_not_null_but_for_not_nullable(tmp_path, ignore_na):
    frame = pl.DataFrame({"a": [NAN, None, 1.0]})
    checks = [pa.Check.gt(0, ignore_na=ignore_na), pa.Check.lt(2, ignore_na=ignore_na)]
    ours, theirs = both(frame, pa.DataFrameSchema({"a": pa.Column(float, checks)}), tmp_path)
    assert told(ours) == told(theirs)
    by_check = {f.check: f.count for f in ours.failures}
    assert by_check["not_nullable"] == 2
    # NaN is larger than every number.
    assert by_check["less_than(2)"] == 1 + by_check.get("greater_than(0)", 0)
    assert how(ours) == {"scan"}


def test_polars_unique_takes_nulls_and_nans_for_equal(tmp_path):
    frame = pl.DataFrame({"a": [NAN, NAN, None, None, 0.0, -0.0, 1.0], "b": ["x"] * 7})
    schema = pa.DataFrameSchema(
        {"a": pa.Column(float, unique=True, nullable=True)}, unique=["a", "b"]
    )
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert told(ours) == [
        ("multiple_fields_uniqueness", None, 6, 6 / 7),
        ("field_uniqueness", "a", 6, 6 / 7),
    ]


TEXTS = ("a", "é", "", None, "ab", "a1", "x\n", "A", "٣", "a\nb", "a.b", "\x85a")
PATTERNS = (
    *("a", "^a", "a|b", "^a|b", "[a-z]", "[^a]", r"\d", r"^\d$", "x$", "", "a.b", r"a\.b", ".$"),
    *("(a|b)+", "a{1,2}", "(?:a)b?", r"\w", r"\s", r"\bb", "(?i)a", "$"),
)


@pytest.mark.parametrize("kind", ["str_matches", "str_contains"])
def test_polars_patterns(kind, tmp_path):
    frame = pl.DataFrame({"a": TEXTS})
    make = getattr(pa.Check, kind)
    checks = [make(pattern, name=str(number)) for number, pattern in enumerate(PATTERNS)]
    schema = pa.DataFrameSchema({"a": pa.Column(str, checks, nullable=True)})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert how(ours) == {"scan", "batches"}


def test_polars_text(tmp_path):
    frame = pl.DataFrame({"a": TEXTS})
    make = pa.Check
    checks = [make.str_startswith("a"), make.str_endswith("\n"), make.str_length(1, 1)]
    checks += [make.str_length(min_value=2), make.str_length(2, 2), make.gt("b")]
    checks += [make.isin(["a", None]), make.unique_values_eq(["a"]), make.le("é")]
    schema = pa.DataFrameSchema({"a": pa.Column(str, checks, nullable=True)})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert how(ours) == {"scan"}


def test_polars_dates(tmp_path):
    days = [date(2020, 1, 1), date(2021, 5, 5), None]
    frame = pl.DataFrame({"a": days, "b": [MORNING, None, None]})
    make = pa.Check
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(pl.Date, [make.gt(days[0]), make.in_range(days[0], days[0])]),
            "b": pa.Column(pl.Datetime("us"), [make.lt(NIGHT)]),
        }
    )
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert how(ours) == {"scan"}


def test_polars_check_of_another_type_raises_once(tmp_path):
    frame = pl.DataFrame({"a": [1, 2, 3]})
    schema = pa.DataFrameSchema({"a": pa.Column(None, [pa.Check.str_contains("a")])})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert ours.failures[0].examples == theirs.failures[0].examples
    assert ours.failures[0].examples[0].startswith("raised InvalidOperationError")


def test_polars_own_functions(tmp_path):
    frame = pl.DataFrame({"a": [1, 2, None], "b": [1, 5, 5]})
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(
                None,
                [
                    pa.Check(lambda value: value > 1, element_wise=True, name="one by one"),
                    pa.Check(lambda data: data.lazyframe.select(pl.col("b") > 3), name="other"),
                ],
            )
        }
    )
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    planned = {p.check: (p.how, p.why) for p in ours.plan}
    assert planned["one by one"] == ("batches", "a function of the user's, of one value")
    assert planned["other"] == ("table", "a function of the user's, which is given the table")


@pytest.mark.parametrize(
    "options",
    [
        {"coerce": True},
        {"add_missing_columns": True},
    ],
)
def test_polars_schema_that_pandera_looks_at_as_a_whole(tmp_path, options):
    frame = pl.DataFrame({"a": ["1", "x"], "z": [1, 2]})
    columns = {"a": pa.Column(pl.Int64 if options.get("coerce") else str)}
    if "add_missing_columns" in options:
        columns["new"] = pa.Column(pl.Int64, default=0)
    schema = pa.DataFrameSchema(columns, **options)
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert [(p.how, bool(p.why)) for p in ours.plan] == [("table", True)]


def test_polars_coercion_that_cannot_fail_is_part_of_the_scan(tmp_path):
    frame = pl.DataFrame({"a": pl.Series([1, 2, 2], dtype=pl.Int8)})
    schema = pa.DataFrameSchema({"a": pa.Column(pl.Float64, pa.Check.gt(1.5), coerce=True)})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs) == [("greater_than(1.5)", "a", 1, 1 / 3)]
    assert how(ours) == {"scan"}


def test_polars_columns_in_order(tmp_path):
    frame = pl.DataFrame({"b": [1], "a": [None], "c": [NAN]})
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(int),
            "b": pa.Column(str),
            "c": pa.Column(),
            "d": pa.Column(),
        },
        ordered=True,
        strict=True,
    )
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert len(ours.failures) == 6


def test_polars_pattern_of_names(tmp_path):
    frame = pl.DataFrame({"a1": [1, None], "a2": [None, None], "b": [1, 1]})
    schema = pa.DataFrameSchema({"^a.$": pa.Column(None, pa.Check.gt(1), regex=True)})
    ours, theirs = both(frame, schema, tmp_path)
    # Old versions of Pandera name the pattern, and go check by check.
    assert sorted((f.check, f.count) for f in ours.failures) == sorted(
        (f.check, f.count) for f in theirs.failures
    )
    assert [f.column for f in ours.failures] == ["a1", "a1", "a2"]


def test_polars_warning(tmp_path):
    frame = pl.DataFrame({"a": ["x", "y"]})
    make = pa.Check
    checks = [make.isin(["x"]), make.eq("x", raise_warning=True)]
    checks += [make.str_matches(r"\w\d", raise_warning=True)]
    schema = pa.DataFrameSchema({"a": pa.Column(str, checks)})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs)
    assert set(ours.warnings) == set(theirs.warnings)
    assert len(ours.warnings) == 2


def test_polars_sensitive_values_are_hidden(tmp_path):
    frame = pl.DataFrame({"a": ["secret", "x"], "b": [1, 1]})
    schema = pa.DataFrameSchema(
        {"a": pa.Column(str, pa.Check.isin(["x"])), "b": pa.Column(unique=True)}, unique=["b"]
    )
    ours, _ = both(frame, schema, tmp_path, sensitive=["a"])
    assert len(ours.failures) == 3
    assert "secret" not in repr(ours)


def test_polars_empty(tmp_path):
    frame = pl.DataFrame({"a": pl.Series([], dtype=pl.Int64)})
    schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.gt(1))})
    ours, theirs = both(frame, schema, tmp_path)
    assert told(ours) == told(theirs) == [("not_empty", None, 1, None)]


# --- Ibis ---------------------------------------------------------------------------------------


@pytest.fixture
def of_ibis() -> Any:
    return pytest.importorskip("pandera.ibis")


ROWS = pl.DataFrame(
    {
        "n": [1, 2, None, 2],
        "s": ["x", None, "é", "x"],
        "f": [1.0, NAN, None, 0.5],
        "b": [True, False, True, None],
    }
)


def test_ibis(tmp_path, of_ibis):
    make, column = of_ibis.Check, of_ibis.Column
    schema = of_ibis.DataFrameSchema(
        {
            "n": column(
                None,
                [
                    make.gt(1),
                    make(lambda data: data.table[data.key] > 1, name="column"),
                    make(lambda data: data.table.n.mean() > 5, name="scalar"),
                    make(lambda data: {"n": data.table.n > 1}, name="dict"),
                    make(lambda data: False, name="constant"),
                    make(lambda data: data.table.n, name="number"),
                    make.unique_values_eq([1, 2, 3]),
                ],
            ),
            "s": column(int, [make.str_matches("y"), make.isin(["x"]), make.gt(1)]),
            "f": column(float, [make.gt(0.7), make.lt(5)]),
            "gone": column(int),
            "b": column(bool, nullable=True),
        },
        checks=[make(lambda data: data.table.n < data.table.f, name="n below f")],
        strict=True,
    )
    ours, theirs = both(ROWS, schema, tmp_path, backend="ibis")
    assert told(ours) == told(theirs)
    assert len(ours.failures) > 15
    planned = {p.check: p.how for p in ours.plan}
    assert planned["greater_than(0.7)"] == planned["n below f"] == planned["scalar"] == "scan"
    assert planned["constant"] == planned["number"] == "table"


@pytest.mark.parametrize("reported", ["all", "exclude_first", "exclude_last"])
def test_ibis_unique(tmp_path, of_ibis, reported):
    schema = of_ibis.DataFrameSchema({}, unique=["s"], report_duplicates=reported)
    ours, theirs = both(ROWS, schema, tmp_path, backend="ibis")
    assert told(ours) == told(theirs)
    assert ours.failures[0].count == (2 if reported == "all" else 1)


def test_ibis_function_of_one_value(tmp_path, of_ibis):
    def large(value: int) -> bool:
        return value > 1

    check_ = of_ibis.Check(large, element_wise=True)
    schema = of_ibis.DataFrameSchema({"n": of_ibis.Column(None, check_, nullable=True)})
    ours, theirs = both(ROWS, schema, tmp_path, backend="ibis")
    assert told(ours) == told(theirs) == [("large", "n", 1, 0.25)]


def test_ibis_says_what_is_not_looked_at(tmp_path, of_ibis):
    schema = of_ibis.DataFrameSchema({"n": of_ibis.Column(None, unique=True, nullable=True)})
    ours, theirs = both(ROWS, schema, tmp_path, backend="ibis")
    assert told(ours) == told(theirs) == []
    assert ours.warnings == (
        "pandera.ibis does not look at `unique` of column 'n', but a schema's.",
    )


@pytest.mark.parametrize("ignored", [True, False])
def test_ibis_check_that_says_nothing_of_any_row(tmp_path, of_ibis, ignored):
    frame = pl.DataFrame({"a": [None, None]}, schema={"a": pl.Int64})
    checks = [
        of_ibis.Check.gt(1, ignore_na=ignored),
        of_ibis.Check.isin([2], ignore_na=ignored, raise_warning=True),
    ]
    schema = of_ibis.DataFrameSchema({"a": of_ibis.Column(None, checks, nullable=True)})
    ours, theirs = both(frame, schema, tmp_path, backend="ibis")
    assert told(ours) == told(theirs) == ([] if ignored else [("greater_than(1)", "a", 0, None)])
    assert ours.warnings == theirs.warnings
    assert len(ours.warnings) == (not ignored)


def test_ibis_columns_of_a_pattern_have_their_names(tmp_path, of_ibis):
    frame = pl.DataFrame({"x1": [1, None], "x2": [3, 4]})
    checks = [
        of_ibis.Check.lt(4),
        of_ibis.Check(lambda data: data.table[data.key].mean() > 9, name="mean"),
        of_ibis.Check(lambda data: data.table[data.key].lag() > 9, name="lag"),
    ]
    schema = of_ibis.DataFrameSchema({"^x.*$": of_ibis.Column(None, checks, regex=True)})
    ours, theirs = both(frame, schema, tmp_path, backend="ibis", sensitive=["x2"])
    assert sorted(told(ours)) == sorted(told(theirs))
    assert {("not_nullable", "x1", 1, 0.5), ("less_than", "x2", 1, 0.5)} < set(told(ours))
    for found in (ours, theirs):
        assert all(not one.examples for one in found.failures if one.column == "x2")


def test_ibis_expression_that_cannot_be_computed(tmp_path, of_ibis):
    def number(data: Any) -> Any:
        return data.table[data.key].cast("int64") > 0

    checks = [of_ibis.Check(number), of_ibis.Check.isin(["x"])]
    schema = of_ibis.DataFrameSchema({"s": of_ibis.Column(str, checks, unique=True)})
    ours, theirs = both(ROWS, schema, tmp_path, backend="ibis")
    assert told(ours) == told(theirs)
    assert [f.check for f in ours.failures] == ["not_nullable", "number", "isin(['x'])"]
    assert how(ours) == {"table"}
    assert "`unique`" in ours.warnings[0]


def test_ibis_table_that_cannot_be_read_is_no_failure_of_a_check(tmp_path, of_ibis):
    frame = pl.DataFrame({"n": range(50_000)})
    frame.write_parquet(tmp_path / "t.parquet", compression="zstd")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[200:20_000] = bytes(19_800)
    (tmp_path / "t.parquet").write_bytes(content)
    schema = of_ibis.DataFrameSchema({"n": of_ibis.Column(None, of_ibis.Check.gt(0))})
    opened = sources.open_source(tmp_path / "t.parquet", shown="t.parquet", private=False)
    with closing(opened) as source, pytest.raises(DataError) as caught:
        scan.findings(source, LoadedSchema("S", schema, "ibis"), root=tmp_path, sensitive=())
    assert caught.value.exit_code == 2
    assert "The file is damaged" in str(caught.value.hint)


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "trino", "postgres"])
def test_ibis_plan_in_dialects_that_no_test_runs(dialect, of_ibis, tmp_path):
    """Only that there is SQL, and that it is SQL: BigQuery, Snowflake and Trino are not here."""
    sqlglot = pytest.importorskip("sqlglot")
    from assay.contract.scan.ibis import plan

    make, column = of_ibis.Check, of_ibis.Column
    schema = of_ibis.DataFrameSchema(
        {
            "n": column(int, [make.gt(1), make.in_range(0, 5), make.isin([1, 2])]),
            "s": column(str, [make.str_matches("y"), make.str_length(1, 3)]),
            "f": column(float, [make.ne(0.5)]),
        }
    )
    with closing(Table(ROWS, "ibis")) as source:
        layout = source.layout("ibis", has_index=False)
        made = plan(layout, LoadedSchema("S", schema, "ibis"), root=tmp_path, private=False)
        sums = {f"r{n}": one.fails(layout.table).sum() for n, one in enumerate(made.rows)}
        sql = str(ibis.to_sql(layout.table.aggregate(**sums), dialect=dialect))
    (statement,) = sqlglot.parse(sql, read=dialect)
    assert len(statement.selects) == len(made.rows) == 9


# --- patterns -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::FutureWarning")  # Python's, of sets within sets
@given(
    st.text(alphabet="ab1.^$|()[]{}?*+\\d-,2", max_size=7),
    st.lists(st.text(alphabet="ab1.\n-٣", max_size=4), min_size=1, max_size=6),
)
def test_patterns_mean_the_same_to_duckdb(pattern, texts):
    import duckdb

    rust, python = regex.from_rust(pattern), regex.from_python(pattern)
    for translated, oracle in ((rust, _by_polars), (python, _by_python)):
        if translated is not None:
            query = "SELECT regexp_matches(t, ?) FROM (SELECT unnest(?) AS t)"
            found = [row[0] for row in duckdb.execute(query, [translated, texts]).fetchall()]
            assert found == oracle(pattern, texts)


def _by_polars(pattern: str, texts: list[str]) -> list[bool]:
    return pl.Series(texts, dtype=pl.String).str.contains(pattern, literal=False).to_list()


def _by_python(pattern: str, texts: list[str]) -> list[bool]:
    return [re.search(pattern, text) is not None for text in texts]


@pytest.mark.parametrize(
    "pattern", [r"\w", r"(?=a)", "(?i)a", r"(a)\1", "a{2000}", "[a&&b]", "a**", "()", "(?:)n"]
)
def test_patterns_that_are_not_translated(pattern):
    assert regex.from_rust(pattern) is None
    assert regex.from_python(pattern) is None
