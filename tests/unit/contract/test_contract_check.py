"""What a schema says about a table, held against Pandera's own answer."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pandera.polars as pap
import polars as pl
import pytest
from assay.contract import promised
from assay.contract.check import Findings, check
from assay.contract.privacy import Sight
from assay.contract.schema import LoadedSchema
from assay.errors import OutsideError, SchemaError
from assay.stages.validate import CheckFailure

ROOT = Path(__file__).parent
DATA: dict[str, list[Any]] = {
    "hour": [0, 24, 25, 3],
    "name": ["x", "y", None, "x"],
    "size": [1.0, None, 2.0, float("inf")],
    "text": ["1", "b", "3", "4"],
}


def loaded(schema: Any, backend: str) -> LoadedSchema:
    return LoadedSchema(name="Schema", schema=schema, backend=backend)  # type: ignore[arg-type]


def run(schema: Any, data: Any = None, sensitive: tuple[str, ...] = ()) -> Findings:
    polars = type(schema).__module__.startswith("pandera.api.polars")
    if data is None or isinstance(data, dict):
        data = (pl.DataFrame if polars else pd.DataFrame)(data or DATA)
    return check(
        data, loaded(schema, "polars" if polars else "pandas"), root=ROOT, sensitive=sensitive
    )


def only(findings: Findings) -> CheckFailure:
    (failure,) = findings.failures
    return failure


def oracle(schema: Any, frame: Any) -> dict[tuple[str, str], int]:
    """Pandera's own counts, by column and check; of rows where a row has several cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(pandera.errors.SchemaErrors) as caught:
            schema.validate(frame, lazy=True)
    cases = caught.value.failure_cases
    cases = cases.to_pandas() if isinstance(cases, pl.DataFrame) else cases
    counts: dict[tuple[str, str], int] = {}
    for case in cases.itertuples():
        named = case.check.startswith(("column_in", "column_ordered"))
        key = (str(case.failure_case if named else case.column), str(case.check))
        counts[key] = counts.get(key, 0) + 1
    return counts


PANDAS = {
    "range": pa.DataFrameSchema({"hour": pa.Column(int, pa.Check.in_range(0, 23))}),
    "null": pa.DataFrameSchema({"name": pa.Column(str)}),
    "several": pa.DataFrameSchema(
        {
            "hour": pa.Column(int, [pa.Check.le(23), pa.Check.gt(0)], unique=True),
            "name": pa.Column(str, pa.Check.isin(["x"]), unique=True),
            "size": pa.Column(float, pa.Check.lt(2)),
        }
    ),
    "coerce": pa.DataFrameSchema({"text": pa.Column(int, coerce=True)}),
    "dtype": pa.DataFrameSchema({"hour": pa.Column(float), "name": pa.Column(int, nullable=True)}),
    "strict and missing": pa.DataFrameSchema(
        {"hour": pa.Column(int), "nope": pa.Column(int)}, strict=True
    ),
    "ordered": pa.DataFrameSchema({"text": pa.Column(), "hour": pa.Column()}, ordered=True),
    "aggregate": pa.DataFrameSchema({"hour": pa.Column(int, pa.Check(lambda s: s.sum() < 5))}),
    "raises": pa.DataFrameSchema(
        {"name": pa.Column(str, pa.Check(lambda s: s.foo), nullable=True)}
    ),
    "regex": pa.DataFrameSchema({"^(hour|size)$": pa.Column(regex=True, checks=pa.Check.lt(2))}),
    "element-wise": pa.DataFrameSchema(
        {"hour": pa.Column(int, pa.Check(lambda v: v < 5, element_wise=True))}
    ),
}


@pytest.mark.parametrize("case", PANDAS)
def test_check_counts_as_pandera_pandas(case):
    schema = PANDAS[case]
    found = {(f.column or str(schema.name), f.check): f.count for f in run(schema).failures}
    assert found == oracle(schema, pd.DataFrame(DATA))


POLARS = {
    "range": pap.DataFrameSchema({"hour": pap.Column(int, pap.Check.in_range(0, 23))}),
    "several": pap.DataFrameSchema(
        {
            "hour": pap.Column(int, [pap.Check.le(23), pap.Check.gt(0)], unique=True),
            "name": pap.Column(str, pap.Check.isin(["x"]), unique=True),
            "size": pap.Column(float, pap.Check.lt(2)),
        }
    ),
    "dtype": pap.DataFrameSchema({"hour": pap.Column(float)}),
    "strict and missing": pap.DataFrameSchema(
        {"hour": pap.Column(int), "nope": pap.Column(int)}, strict=True
    ),
    "aggregate": pap.DataFrameSchema(
        {
            "hour": pap.Column(
                int, pap.Check(lambda d: d.lazyframe.select(pl.col(d.key).sum() < 5), name="sum")
            )
        }
    ),
    "element-wise": pap.DataFrameSchema(
        {"hour": pap.Column(int, pap.Check(lambda v: v < 5, element_wise=True, name="small"))}
    ),
}


@pytest.mark.parametrize("case", POLARS)
def test_check_counts_as_pandera_polars(case):
    schema = POLARS[case]
    found = {(f.column or str(schema.name), f.check): f.count for f in run(schema).failures}
    assert found == oracle(schema, pl.DataFrame(DATA))


@pytest.mark.parametrize("schema", [PANDAS["range"], POLARS["range"]], ids=["pandas", "polars"])
def test_check_failure_has_count_share_and_rows(schema):
    assert only(run(schema)) == CheckFailure(
        check="in_range(0, 23)",
        column="hour",
        count=2,
        share=0.5,
        examples=("row 1: 24", "row 2: 25"),
    )


@pytest.mark.parametrize("schema", [PANDAS["range"], POLARS["range"]], ids=["pandas", "polars"])
def test_check_passes_and_five_examples_at_most(schema):
    assert not run(schema, {"hour": [1, 2]}).failures
    failure = only(run(schema, {"hour": [99] * 100}))
    assert (failure.count, len(failure.examples)) == (100, 5)


@pytest.mark.parametrize("schema", [PANDAS["range"], POLARS["range"]], ids=["pandas", "polars"])
def test_check_table_without_rows(schema):
    assert only(run(schema, {"hour": []})).check == "not_empty"


@pytest.mark.parametrize(
    "schema",
    [
        pa.DataFrameSchema({"name": pa.Column(str)}),
        pap.DataFrameSchema({"name": pap.Column(str)}),
    ],
    ids=["pandas", "polars"],
)
def test_check_nulls(schema):
    failure = only(run(schema))
    assert (failure.check, failure.count, failure.share) == ("not_nullable", 1, 0.25)
    assert failure.examples in {("row 2: null",), ("row 2: nan",)}


def test_check_values_are_cut_and_printable():
    schema = pa.DataFrameSchema({"name": pa.Column(str, pa.Check.isin(["x"]))})
    data = {"name": ["::error::\x1b[31m\n`$(id)`", "w" * 1000]}
    first, second = only(run(schema, data)).examples
    assert first == "row 0: '::error::\\x1b[31m\\n`$(id)`'"
    assert len(second) < 100
    assert second.endswith("…")


def test_check_rows_of_the_whole_table_are_counted_once():
    schema = pa.DataFrameSchema(
        {}, checks=pa.Check(lambda d: d["hour"] < 24, name="late"), unique=["name"]
    )
    late, unique = sorted(run(schema).failures, key=lambda f: f.check)
    assert (late.check, late.column, late.count, late.share) == ("late", None, 2, 0.5)
    assert late.examples[0].startswith("row 1: hour=24, name='y'")
    assert (unique.check, unique.count) == ("multiple_fields_uniqueness", 2)
    assert unique.examples == ("row 0: name='x'", "row 3: name='x'")


def test_check_rows_of_the_whole_table_in_polars():
    late = pap.Check(lambda d: d.lazyframe.select(pl.col("hour") < 24), name="late")
    failure = only(run(pap.DataFrameSchema({}, checks=late)))
    assert (failure.check, failure.column, failure.count, failure.share) == ("late", None, 2, 0.5)
    assert failure.examples[0].startswith("row 1: hour=24, name='y'")


def test_check_that_raises():
    def broken(series: Any) -> Any:
        raise KeyError(f"no {series.iloc[0]}")

    schema = pa.DataFrameSchema({"text": pa.Column(str, pa.Check(broken))})
    assert only(run(schema)).examples == ('raised KeyError("no 1")',)
    assert only(run(schema, sensitive=("name",))).examples == ("raised KeyError",)


def test_check_survives_a_crash_of_panderas_own_summary():
    schema = pap.DataFrameSchema(
        {
            "name": pap.Column(str, pap.Check.unique_values_eq(["x"])),
            "hour": pap.Column(int, [pap.Check.lt(24), pap.Check.gt(9, raise_warning=True)]),
        }
    )
    findings = run(schema)
    assert len(findings.warnings) == 1
    found = {(f.column, f.check.partition("(")[0]): f.count for f in findings.failures}
    assert found[("name", "not_nullable")] == 1
    assert found[("name", "unique_values_eq")] == 1
    assert found[("hour", "less_than")] == 2


def test_check_drop_invalid_rows_and_coerce_as_pandera():
    dropping = pa.DataFrameSchema({"hour": pa.Column(int, pa.Check.lt(24))}, drop_invalid_rows=True)
    assert not run(dropping).failures
    coercing = pa.DataFrameSchema({"hour": pa.Column(str, coerce=True)})
    assert not run(coercing).failures


@pytest.mark.parametrize(
    "column",
    [pa.Column(int, coerce=True), pap.Column(int, coerce=True)],
    ids=["pandas", "polars"],
)
def test_check_coercion_names_the_column_and_the_value(column):
    module = pap if isinstance(column, pap.Column) else pa
    failures = run(module.DataFrameSchema({"text": column})).failures
    coercion = next(f for f in failures if f.check.startswith("coerce_dtype"))
    assert (coercion.column, coercion.count) == ("text", 1)
    assert coercion.examples == ("row 1: 'b'",)


def test_check_coercion_of_the_whole_table():
    schema = pa.DataFrameSchema({"text": pa.Column()}, dtype=int, coerce=True)
    failure = next(f for f in run(schema).failures if "coerce" in f.check)
    assert failure.column is None
    assert "row 1: name='y', text='b'" in failure.examples


def test_check_warnings_of_checks_that_only_warn():
    late = pa.Check.lt(24, raise_warning=True)
    schema = pa.DataFrameSchema({"hour": pa.Column(int, late)})
    findings = run(schema)
    assert findings.failures == ()
    assert "less_than(24)" in findings.warnings[0]
    assert "25" not in findings.warnings[0]


def test_check_schema_that_raises_outside_of_checks():
    def broken(series: Any) -> Any:
        raise RuntimeError("secret")

    schema = pa.DataFrameSchema({"hour": pa.Column(int, parsers=pa.Parser(broken))})
    with pytest.raises(SchemaError, match="cannot be applied: RuntimeError: secret") as caught:
        run(schema)
    assert caught.value.file == Path(__file__).name
    with pytest.raises(SchemaError) as caught:
        run(schema, sensitive=("hour",))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("where", ["in a check", "in a parser"])
def test_memory_that_runs_out_is_nobodys_failure(where):
    def hungry(series: Any) -> Any:
        return series + np.empty(2**58)

    if where == "in a check":
        column = pa.Column(int, [pa.Check.lt(1), pa.Check(hungry)])
    else:
        column = pa.Column(int, parsers=pa.Parser(hungry))
    with pytest.raises(OutsideError) as caught:
        run(pa.DataFrameSchema({"hour": column}))
    assert caught.value.exit_code == 3
    assert caught.value.message == (
        "Memory ran out while Pandera held the data against the schema `Schema`."
    )


def test_check_that_exits():
    schema = pa.DataFrameSchema({"hour": pa.Column(int, pa.Check(lambda _: sys.exit(0)))})
    with pytest.raises(SchemaError, match="SystemExit"):
        run(schema)


def test_check_index_by_name_and_without():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, -5], name="id"))
    schema = pa.DataFrameSchema({}, index=pa.Index(int, pa.Check.gt(0), name="id"))
    # Older versions of Pandera count the rows of an index.
    assert only(run(schema, frame)).examples in {("row -5: -5",), ("row 1: -5",)}
    assert only(run(schema, frame)).column == "id"
    hidden = only(run(schema, frame, sensitive=("id",)))
    assert (hidden.count, hidden.examples) == (1, ())


# --- sensitive columns: no value of them appears anywhere

SECRET = "4111-SECRET"


def everything(findings: Findings) -> str:
    return repr(findings)


@pytest.mark.parametrize("sensitive", [(), ("x",)])
def test_check_levels_of_an_index_by_their_names(sensitive):
    levels = [pa.Index(int, pa.Check.gt(1), name="x"), pa.Index(str, pa.Check.eq("q"), name="y")]
    index = pd.MultiIndex.from_arrays([[1, 5], ["r", "r"], [3, 2]], names=["x", "y", None])
    schema = pa.DataFrameSchema(
        {}, index=pa.MultiIndex([*levels, pa.Index(int, pa.Check.gt(2))], strict=True)
    )
    findings = run(schema, pd.DataFrame({"a": [1, 2]}, index=index), sensitive=sensitive)
    found = [(one.check, one.column, one.count, one.examples) for one in findings.failures]
    if sensitive:
        assert found == [
            ("greater_than", "x", 1, ()),
            ("equal_to(q)", "y", 2, ("'r'", "'r'")),
            ("greater_than", "(index)", 1, ()),
        ]
    else:
        assert found == [
            ("greater_than(1)", "x", 1, ("row (1, 'r', 3): 1",)),
            ("equal_to(q)", "y", 2, ("row (1, 'r', 3): 'r'", "row (5, 'r', 2): 'r'")),
            ("greater_than(2)", "(index)", 1, ("row (5, 'r', 2): 2",)),
        ]


@pytest.mark.parametrize("module", [pa, pap], ids=["pandas", "polars"])
def test_sensitive_values_never_appear(module):
    schema = module.DataFrameSchema(
        {
            "card": module.Column(
                str,
                [module.Check.isin([SECRET + "-allowed"]), module.Check.str_matches("^5")],
                unique=True,
            ),
            "hour": module.Column(int, module.Check.lt(3)),
        },
        unique=["card", "hour"],
    )
    data = {"card": [SECRET, SECRET], "hour": [9, 9]}
    findings = run(schema, data, sensitive=("card",))
    assert "SECRET" not in everything(findings)
    checks = {f.check for f in findings.failures if f.column == "card"}
    assert {"isin", "str_matches", "field_uniqueness"} <= checks
    hour = next(f for f in findings.failures if f.column == "hour")
    assert hour.examples == ("row 0: 9", "row 1: 9")
    table = next(f for f in findings.failures if f.column is None)
    # Older versions of Pandera do not say which rows of a polars frame are not unique.
    assert table.examples in {("row 0", "row 1"), ()}


def test_sensitive_values_of_a_table_check_and_of_an_exception():
    def broken(frame: Any) -> Any:
        raise ValueError(frame["card"].iloc[0])

    schema = pa.DataFrameSchema(
        {"hour": pa.Column(int, pa.Check.lt(3, raise_warning=True))},
        checks=[pa.Check(lambda d: d["hour"] < 0), pa.Check(broken)],
    )
    findings = run(schema, {"card": [SECRET], "hour": [9]}, sensitive=("card",))
    assert len(findings.failures) == 2
    assert "SECRET" not in everything(findings)
    assert findings.warnings == (
        "A check with `raise_warning` does not hold; its values are hidden.",
    )


@pytest.mark.parametrize("regex", [False, True], ids=["name", "pattern"])
@pytest.mark.parametrize("module", [pa, pap], ids=["pandas", "polars"])
def test_sensitive_values_where_coercion_fails(module, regex):
    # Pandera says that `^c.*$` fails.
    name = "^c.*$" if regex else "card"
    schema = module.DataFrameSchema({name: module.Column(int, coerce=True, regex=regex)})
    findings = run(schema, {"card": [SECRET]}, sensitive=("card",))
    assert findings.failures
    assert "SECRET" not in everything(findings)


def test_patterns_in_the_grammar_of_polars():
    letters = r"^\p{L}+$"
    schema = pap.DataFrameSchema({letters: pap.Column(int, coerce=True, regex=True)})
    frame, loaded = pl.DataFrame({"card": [SECRET]}), LoadedSchema("Schema", schema, "polars")
    findings = check(frame, loaded, root=Path(), sensitive=("card",))
    # Older versions name the pattern.
    assert {failure.column for failure in findings.failures} <= {"card", letters}
    assert "SECRET" not in everything(findings)
    planned = promised.of(schema, ["card", "c1"], Sight.on(frame, loaded, ()))
    assert {one.column for one in planned} == {"card"}


def test_sensitive_values_of_a_categorical_type():
    data = pd.DataFrame({"card": pd.Categorical([SECRET])})
    dtype = pd.CategoricalDtype([SECRET + "2"])
    findings = run(pa.DataFrameSchema({"card": pa.Column(dtype)}), data, sensitive=("card",))
    assert findings.failures
    assert "SECRET" not in everything(findings)


def test_sensitive_values_in_a_file_whose_header_is_missing():
    schema = pa.DataFrameSchema({"card": pa.Column(str), "hour": pa.Column(int)}, strict=True)
    findings = run(schema, {SECRET: ["x"], "9": [3]}, sensitive=("card",))
    assert "SECRET" not in everything(findings)
    assert {f.column for f in findings.failures} == {"card", "hour", "(hidden)"}
    assert findings.warnings == ("There is no column `card`, which `sensitive` names.",)


def test_sensitive_index_labels():
    frame = pd.DataFrame({"hour": [99]}, index=pd.Index([SECRET], name="card"))
    findings = run(PANDAS["range"], frame, sensitive=("card",))
    assert only(findings).examples == ("99",)
    assert "SECRET" not in everything(findings)
    unnamed = frame.rename_axis(None)
    schema = pa.DataFrameSchema({}, index=pa.Index(str, pa.Check.str_startswith("x")))
    assert "SECRET" not in everything(run(schema, unnamed, sensitive=("hour",)))


def test_check_depth_that_leaves_data_unchecked():
    from pandera import config

    with config.config_context(validation_depth=config.ValidationDepth.SCHEMA_ONLY):
        findings = run(PANDAS["range"])
    assert "SCHEMA_ONLY" in findings.warnings[0]
