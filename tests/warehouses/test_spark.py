"""Spark: schemas of `pandera.pyspark` against Pandera itself, and files that Spark reads."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from assay.contract import scan
from assay.contract.schema import LoadedSchema
from assay.contract.sources.spark import open_spark
from assay.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.check import Findings

FRAME = pd.DataFrame(
    {
        "n": pd.array([1, 2, None, 2, 9], "Int64"),
        "f": [1.0, float("nan"), None, 0.5, -1.0],
        "s": ["x", None, "é1", "x\n", "ab"],
        "b": [True, False, True, True, False],
    }
)


def _parquet(folder: Path, frame: pd.DataFrame = FRAME) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "data.parquet"
    pq.write_table(
        pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(), path
    )
    return path


def _found(path: Path, schema: Any) -> Findings:
    loaded = LoadedSchema("Schema", schema, "pyspark")
    with closing(open_spark(path, shown=path.name, private=False)) as source:
        return scan.findings(source, loaded, root=path.parent, sensitive=())


def _by_pandera(session: Any, path: Path, schema: Any) -> list[tuple[str, str | None]]:
    reported = schema.validate(session.read.parquet(str(path))).pandera.errors or {}
    return sorted(
        (str(error["check"]), error["column"] or "")
        for by_reason in reported.values()
        for errors in by_reason.values()
        for error in errors
    )


def _checks(found: Findings) -> list[tuple[str, str]]:
    return sorted((f.check, f.column or "") for f in found.failures)


def _schemas() -> dict[str, Any]:
    import pandera.pyspark as pa
    from pyspark.sql import types

    check, column = pa.Check, pa.Column
    long, double, text = types.LongType(), types.DoubleType(), types.StringType()
    return {
        "numbers": {
            "n": column(long, [check.gt(1), check.le(9), check.isin([1, 2]), check.notin([9])]),
            "f": column(double, [check.gt(0.7), check.lt(5), check.in_range(0, 1)]),
        },
        "text": {
            "s": column(
                text,
                [
                    check.str_startswith("x"),
                    check.str_endswith("b"),
                    check.str_length(1, 1),
                    check.str_matches("[a-z]+$"),
                    check.str_contains(r"\d"),
                    check.isin(["x", "ab"]),
                ],
                nullable=True,
            )
        },
        "passes": {
            "n": column(long, [check.ge(1)], nullable=True),
            "b": column(types.BooleanType()),
        },
        "types and presence": {"n": column(text, [check.str_startswith("1")]), "zz": column(long)},
        "of the user": {
            "n": column(
                long,
                [
                    check(lambda frame: frame.count() > 100, name="many"),
                    check(lambda frame: frame.count() > 1, name="some"),
                    check(lambda frame: frame.nothing, name="raises"),
                ],
                nullable=True,
            )
        },
        "values": {"n": column(long, [check.unique_values_eq([1, 2])], nullable=True)},
        "coerced": {"n": column(double, [check.gt(1.5)], nullable=True, coerce=True)},
        "pattern of names": {"[nf]": column(None, regex=True)},
    }


@pytest.mark.parametrize("name", ["numbers", "text", "passes", "types and presence", "of the user"])
def test_schema_of_pyspark(spark, tmp_path, name):
    import pandera.pyspark as pa

    path = _parquet(tmp_path)
    schema = pa.DataFrameSchema(_schemas()[name])
    assert _checks(_found(path, schema)) == _by_pandera(spark, path, schema)


def test_schema_of_pyspark_with_a_pattern_of_names(spark, tmp_path):
    import pandera.pyspark as pa

    path = _parquet(tmp_path)
    schema = pa.DataFrameSchema(_schemas()["pattern of names"])
    # Pandera stops at the first column of a pattern that fails; the scan tells of all.
    assert _by_pandera(spark, path, schema) == [("not_nullable", "n")]
    assert _checks(_found(path, schema)) == [("not_nullable", "f"), ("not_nullable", "n")]


@pytest.mark.parametrize("name", ["values", "coerced"])
def test_schema_of_pyspark_beyond_expressions(spark, tmp_path, name):
    import pandera.pyspark as pa

    path = _parquet(tmp_path)
    schema = pa.DataFrameSchema(_schemas()[name])
    assert _checks(_found(path, schema)) == _by_pandera(spark, path, schema)


def test_schema_of_pyspark_counts_rows(spark, tmp_path):
    import pandera.pyspark as pa
    from pyspark.sql import types

    schema = pa.DataFrameSchema(
        {"n": pa.Column(types.LongType(), [pa.Check.gt(1)]), "b": pa.Column(types.BooleanType())},
        unique=["n"],
    )
    found = _found(_parquet(tmp_path), schema)
    assert [(f.check, f.column, f.count, f.share) for f in found.failures] == [
        ("unique", None, 2, 0.4),
        ("not_nullable", "n", 1, 0.2),
        ("greater_than(1)", "n", 1, 0.2),
    ]
    assert found.failures[2].examples == ("1",)


def test_schema_of_pyspark_that_cannot_be_applied(spark, tmp_path):
    import pandera.pyspark as pa
    from assay.errors import SchemaError
    from pyspark.sql import types

    schema = pa.DataFrameSchema({"n": pa.Column(types.LongType(), [pa.Check.str_startswith("1")])})
    with pytest.raises(SchemaError, match="cannot be applied: TypeError") as caught:
        _found(_parquet(tmp_path), schema)
    assert caught.value.exit_code == 2


def test_folder_of_csv(spark, tmp_path):
    import pandera.pyspark as pa
    from pyspark.sql import types

    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("n,s\n1,x\n2,y\n", encoding="utf-8")
    (folder / "b.csv").write_text("n,s\n3,z\n", encoding="utf-8")
    schema = pa.DataFrameSchema({"n": pa.Column(types.IntegerType(), [pa.Check.lt(3)])})
    found = _found(folder, schema)
    assert [(f.check, f.count) for f in found.failures] == [("less_than(3)", 1)]


def test_schema_of_pandas_for_csv_is_refused(spark, tmp_path):
    import pandera.pandas as pa

    path = tmp_path / "data.csv"
    path.write_text("n\n1\n", encoding="utf-8")
    loaded = LoadedSchema("Schema", pa.DataFrameSchema({"n": pa.Column(int)}), "pandas")
    with (
        closing(open_spark(path, shown="data.csv", private=False)) as source,
        pytest.raises(DataError, match="only Parquet") as caught,
    ):
        scan.findings(source, loaded, root=tmp_path, sensitive=())
    assert caught.value.exit_code == 2


def test_damaged_file(spark, tmp_path):
    path = tmp_path / "data.parquet"
    path.write_bytes(b"no Parquet at all, but long enough to look at")
    with pytest.raises(DataError, match=r"Spark cannot read data\.parquet"):
        open_spark(path, shown="data.parquet", private=True)
