"""Who holds the same data against the same contract: one of them in a process of its own.

`python -m benchmarks.contract_peers NAME FILE`. The last line that it prints says how many seconds
the validation took, without its imports; that of data which does not pass is an error.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import contract_data as data

if TYPE_CHECKING:
    from collections.abc import Callable

# As a person would write it who knows DuckDB: one pass, one count for each promise.
SQL = """
SELECT
    count(*) AS n,
    count_if(f0 NOT BETWEEN 0 AND 1000),
    count_if(f1 NOT BETWEEN 0 AND 1000),
    count_if(f2 NOT BETWEEN 0 AND 1000),
    count_if(f3 NOT BETWEEN 0 AND 1000),
    count_if(f4 < 0), count_if(f4 > 1000),
    count_if(f5 < 0), count_if(f5 >= 1000),
    count_if(f6 <= -1),
    count_if(f7 < 0), count_if(f7 >= 1000),
    count_if(n0 NOT BETWEEN 0 AND 9), count_if(n0 NOT IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)),
    count_if(n1 NOT BETWEEN 0 AND 99), count_if(n1 IN (-1, 999)),
    count_if(n2 NOT BETWEEN 0 AND 999),
    count_if(n3 < 0), count_if(n3 >= 10000),
    count_if(n4 < 0), count_if(n4 = -1),
    count_if(c0 NOT IN ('kind 0', 'kind 1', 'kind 2')),
    count_if(c1 NOT IN ('city 0', 'city 1', 'city 2', 'city 3', 'city 4', 'city 5', 'city 6',
        'city 7', 'city 8', 'city 9', 'city 10', 'city 11')),
    count_if(c1 IN ('', 'unknown')),
    count_if(NOT starts_with(c2, 'shop-')), count_if(length(c2) <> 9),
    count_if(NOT regexp_matches(c2, '^shop-[0-9]{4}')),
    count_if(NOT starts_with(c3, 'SKU-')), count_if(length(c3) NOT BETWEEN 5 AND 12),
    count_if(day < TIMESTAMP '2020-01-01'), count_if(day >= TIMESTAMP '2024-01-01'),
    n - count(id), n - count(f0), n - count(f1), n - count(f2), n - count(f3), n - count(f4),
    n - count(f5), n - count(f6), n - count(n0), n - count(n1), n - count(n2), n - count(n3),
    n - count(n4), n - count(c0), n - count(c1), n - count(c2), n - count(day), n - count(flag),
    count(id) - count(DISTINCT id)
FROM read_parquet(?)
"""


def duckdb_by_hand(file: Path) -> Callable[[], bool]:
    import duckdb

    def validate() -> bool:
        found = duckdb.connect().execute(SQL, [str(file)]).fetchone()
        return found is not None and not any(found[1:])

    return validate


def polars_by_hand(file: Path) -> Callable[[], bool]:
    import polars as pl
    from polars import col

    def validate() -> bool:
        failing = [
            ~col("f0", "f1", "f2", "f3").is_between(0, 1000),
            col("f4").lt(0).alias("f4 ge"),
            col("f4").gt(1000).alias("f4 le"),
            col("f5").lt(0).alias("f5 ge"),
            col("f5").ge(1000).alias("f5 lt"),
            col("f6").le(-1),
            col("f7").lt(0).alias("f7 ge"),
            col("f7").ge(1000).alias("f7 lt"),
            ~col("n0").is_between(0, 9).alias("n0 range"),
            ~col("n0").is_in(list(range(10))),
            ~col("n1").is_between(0, 99).alias("n1 range"),
            col("n1").is_in([-1, 999]),
            ~col("n2").is_between(0, 999),
            col("n3").lt(0).alias("n3 ge"),
            col("n3").ge(10_000).alias("n3 lt"),
            col("n4").lt(0).alias("n4 ge"),
            col("n4").eq(-1),
            ~col("c0").is_in(data.KINDS),
            ~col("c1").is_in(data.CITIES).alias("c1 in"),
            col("c1").is_in(["", "unknown"]),
            ~col("c2").str.starts_with("shop-").alias("c2 start"),
            col("c2").str.len_chars().ne(9).alias("c2 length"),
            ~col("c2").str.contains("^shop-[0-9]{4}"),
            ~col("c3").str.starts_with("SKU-").alias("c3 start"),
            ~col("c3").str.len_chars().is_between(5, 12),
            col("day").lt(data.FIRST_DAY).alias("day ge"),
            col("day").ge(data.LAST_DAY).alias("day lt"),
        ]
        required = [name for name in data.COLUMNS if name not in data.NULLABLE]
        found = (
            pl.scan_parquet(file)
            .select(
                *(expression.sum() for expression in failing),
                col(required).null_count().name.suffix(" null"),
                (col("id").count() - col("id").n_unique()).alias("id unique"),
            )
            .collect(engine="streaming")
        )
        return not any(found.row(0))

    return validate


def pandera_ibis(file: Path) -> Callable[[], bool]:
    import ibis

    schema, connection = data.ibis_schema(), ibis.duckdb.connect()
    passes(schema, connection.read_parquet(file).limit(0))

    def validate() -> bool:
        return passes(schema, connection.read_parquet(file))

    return validate


def pandera_polars(file: Path) -> Callable[[], bool]:
    import polars as pl

    schema = data.polars_schema()
    passes(schema, pl.DataFrame())
    return lambda: passes(schema, pl.read_parquet(file))


def pandera_pandas(file: Path) -> Callable[[], bool]:
    import pandas as pd

    schema = data.pandas_schema()
    passes(schema, pd.DataFrame())
    return lambda: passes(schema, pd.read_parquet(file))


def passes(schema: Any, table: Any) -> bool:
    from pandera.errors import SchemaErrors

    try:
        schema.validate(table, lazy=True)
    except SchemaErrors:
        return False
    return True


def great_expectations(file: Path) -> Callable[[], bool]:
    import great_expectations as gx
    import pandas as pd

    asked = gx.expectations
    expected = [
        asked.ExpectColumnValuesToBeUnique(column=data.UNIQUE),
        *(
            asked.ExpectColumnValuesToNotBeNull(column=name)
            for name in data.COLUMNS
            if name not in data.NULLABLE
        ),
        *(_expectation(asked, *promise) for promise in data.CHECKS),
    ]

    def validate() -> bool:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        batch = (
            context.data_sources.add_pandas("pandas")
            .add_dataframe_asset("table")
            .add_batch_definition_whole_dataframe("whole")
        )
        suite = context.suites.add(gx.ExpectationSuite("contract", expectations=expected))
        definition = gx.ValidationDefinition(name="contract", data=batch, suite=suite)
        context.validation_definitions.add(definition)
        table = pd.read_parquet(file)
        found = definition.run(batch_parameters={"dataframe": table}, result_format="BASIC")
        return bool(found.success)

    return validate


def _expectation(asked: Any, column: str, check: str, args: tuple[Any, ...]) -> Any:
    """What Great Expectations calls one of Pandera's checks."""
    between = {
        "in_range": lambda low, high: {"min_value": low, "max_value": high},
        "ge": lambda low: {"min_value": low},
        "gt": lambda low: {"min_value": low, "strict_min": True},
        "le": lambda high: {"max_value": high},
        "lt": lambda high: {"max_value": high, "strict_max": True},
    }
    if check in between:
        return asked.ExpectColumnValuesToBeBetween(column=column, **between[check](*args))
    match check:
        case "isin":
            return asked.ExpectColumnValuesToBeInSet(column=column, value_set=args[0])
        case "notin":
            return asked.ExpectColumnValuesToNotBeInSet(column=column, value_set=args[0])
        case "ne":
            return asked.ExpectColumnValuesToNotBeInSet(column=column, value_set=list(args))
        case "str_length":
            low, high = args
            return asked.ExpectColumnValueLengthsToBeBetween(
                column=column, min_value=low, max_value=high
            )
        case _:  # str_startswith, str_matches
            return asked.ExpectColumnValuesToMatchRegex(column=column, regex=f"^{args[0]}")


def ours(file: Path) -> Callable[[], bool]:
    import ibis
    import pandas as pd
    from assay.contract import scan
    from assay.contract.schema import LoadedSchema
    from assay.contract.sources import open_source

    loaded = LoadedSchema(name="Schema", schema=data.pandas_schema(), backend="pandas")
    passes(loaded.schema, pd.DataFrame())  # Pandera imports its backends when they are needed
    ibis.duckdb.connect()  # so does Ibis

    def validate() -> bool:
        source = open_source(file, shown=file.name, private=False)
        try:
            found = scan.findings(source, loaded, root=file.parent, sensitive=())
        finally:
            source.close()
        assert {one.how for one in found.plan} == {"scan"}, found.plan
        return not found.failures

    return validate


PEERS = {
    peer.__name__: peer
    for peer in (
        duckdb_by_hand,
        polars_by_hand,
        pandera_ibis,
        pandera_polars,
        pandera_pandas,
        great_expectations,
        ours,
    )
}


def main(name: str, file: Path) -> None:
    validate = PEERS[name](file)
    start = time.perf_counter()
    passed = validate()
    seconds = time.perf_counter() - start
    if not passed:
        sys.exit(f"{name}: the data does not pass")
    print(seconds)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
