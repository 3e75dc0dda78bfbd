"""A schema inferred from data accepts these data, and rejects what they could become by mistake."""

from __future__ import annotations

import ast
import datetime as dt
import re
import subprocess
import sys
import types
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pandera.pandas as pandera
import polars as pl
import pyarrow as pa
import pytest
from assay.contract import infer
from assay.contract.infer.facts import Options
from assay.contract.infer.profile import of_layout
from assay.contract.sources.base import POSITION, Layout
from assay.errors import DataError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
ROWS = 400


RENTALS = '''\
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class Rentals(pa.DataFrameModel):
    """Inferred from data/rentals.csv (400 rows)."""

    id: Series[int] = pa.Field(ge=1, unique=True)
    code: Series[str] = pa.Field(str_matches="^[A-Z]{2}-[0-9]{4}$")
    day: Series[pd.Timestamp] = pa.Field(ge=pd.Timestamp("2011-01-01"), coerce=True)
    hour: Series[int] = pa.Field(ge=0, le=23)
    season: Series[str] = pa.Field(isin=["spring", "winter"])
    holiday: Series[int] = pa.Field(isin=[0, 1])
    celsius: Series[float] = pa.Field(ge=-30, le=50)
    share: Series[float] = pa.Field(ge=0, le=1)
    riders: Series[pd.Int64Dtype] = pa.Field(ge=0, le=500, nullable=True, coerce=True)
    # Constant in this data.
    city: Series[str] = pa.Field(eq="Washington")
    token: Series[str] = pa.Field(
        str_matches="^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", unique=True
    )

    class Config:
        strict = True
        unique = ["day", "hour"]

    @pa.check("day")
    @classmethod
    def day_in_order(cls, values: Series) -> bool:
        """Rows follow the clock."""
        return values.is_monotonic_increasing
'''


def _layout(frame: Any) -> Layout:
    """A frame as a source gives it."""
    of_pandas = isinstance(frame, pd.DataFrame)
    table = pa.Table.from_pandas(frame, preserve_index=False) if of_pandas else frame.to_arrow()
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("CREATE TABLE t AS SELECT * FROM given")
    # DuckDB 1.2 has no name for a bare `rowid` in a view.
    connection.execute(f"CREATE VIEW numbered AS SELECT *, rowid + 0 AS {POSITION} FROM t")
    backend = ibis.duckdb.from_connection(connection)
    empty = frame.iloc[:0] if of_pandas else frame.clear()
    return Layout(empty=empty, table=backend.table("t"), numbered=backend.table("numbered"))


def _code(frame: Any, shown: str = "data/rentals.csv", **options: Any) -> str:
    flavour = "pandas" if isinstance(frame, pd.DataFrame) else "polars"
    found = of_layout(_layout(frame), flavour, shown=shown)
    return infer.code(infer.propose(found, Options(**options)))


def _load(code: str) -> Any:
    module = types.ModuleType("inferred")
    sys.modules["inferred"] = module  # Pandera looks type hints up in it
    exec(code.replace("\nclass ", "\n__name__ = 'inferred'\n\nclass ", 1), module.__dict__)
    name = next(n.name for n in ast.parse(code).body if isinstance(n, ast.ClassDef))
    return getattr(module, name)


def _accepts(schema: Any, frame: Any) -> bool:
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors:
        return False
    return True


def _rentals() -> pd.DataFrame:
    """Rentals by hour: a key, a scale, categories, measurements, shares and counts."""
    rng = np.random.default_rng(0)
    hours = np.arange(ROWS)
    return pd.DataFrame(
        {
            "id": hours + 1,
            "code": [f"AB-{n % 40:04d}" for n in hours],
            "day": (pd.Timestamp("2011-01-01") + pd.to_timedelta(hours // 24, "D")).strftime(
                "%Y-%m-%d"
            ),
            "hour": hours % 24,
            "season": rng.choice(["winter", "spring"], ROWS),
            "holiday": rng.choice([0, 1], ROWS),
            "celsius": np.round(rng.normal(15, 8, ROWS), 2),
            "share": np.round(rng.uniform(0, 1, ROWS), 4),
            "riders": np.where(hours % 50 == 0, np.nan, np.round(rng.lognormal(3, 1, ROWS))),
            "city": "Washington",
            "token": [str(uuid.UUID(int=int(n))) for n in rng.integers(0, 2**62, ROWS)],
        }
    )


def test_a_person_could_have_written_it() -> None:
    assert _code(_rentals()) == RENTALS


@pytest.mark.parametrize("of_polars", [False, True])
def test_code_is_in_the_form_of_ruff(of_polars: bool) -> None:
    pytest.importorskip("ruff")
    frame = _rentals().rename(columns={"season": "the season, by the calendar", "code": "class"})
    frame["the season, by the calendar"] += " as the weather service of the city has it"
    code = _code(pl.from_pandas(frame) if of_polars else frame)
    for rule in (("format", "-"), ("check", "--quiet", "--select=E,F,I,UP", "-")):
        done = subprocess.run(
            [Path(sys.executable).with_name("ruff"), *rule, "--isolated"],
            input=code,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, code if rule[0] == "format" else "")


CORRUPTIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "fahrenheit": lambda f: f.assign(celsius=f["celsius"] * 9 / 5 + 132),
    "percent": lambda f: f.assign(share=f["share"] * 100),
    "hours from 1": lambda f: f.assign(hour=f["hour"] + 1),
    "a new category": lambda f: f.assign(season=f["season"].mask(f["id"] == 7, "monsoon")),
    "a gap": lambda f: f.assign(celsius=f["celsius"].mask(f["id"] == 7)),
    "half a rider": lambda f: f.assign(riders=f["riders"] + 0.5),
    "fewer than none": lambda f: f.assign(riders=-f["riders"]),
    "rows twice": lambda f: pd.concat([f, f.tail(3)], ignore_index=True),
    "rows twice, with other ids": lambda f: f.assign(
        day=f["day"].where(f["id"] > 24, "2011-01-02")
    ),
    "out of order": lambda f: f.iloc[::-1],
    "another form of code": lambda f: f.assign(code=f["code"].str.replace("-", "")),
    "another form of date": lambda f: f.assign(day="soon"),
    "seconds for days": lambda f: f.assign(day="1970-01-01"),
    "a broken token": lambda f: f.assign(token=f["token"].str[:-1]),
    "a column too many": lambda f: f.assign(more=1),
    "a column too few": lambda f: f.drop(columns="share"),
    "text for numbers": lambda f: f.assign(hour=f["hour"].astype(str)),
}


@pytest.fixture(scope="module")
def rentals_schema() -> Any:
    return _load(_code(_rentals()))


def test_data_are_accepted(rentals_schema: Any) -> None:
    rentals_schema.validate(_rentals(), lazy=True)


@pytest.mark.parametrize("corrupt", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_plausible_mistakes_are_rejected(
    corrupt: Callable[[pd.DataFrame], pd.DataFrame], rentals_schema: Any
) -> None:
    assert not _accepts(rentals_schema, corrupt(_rentals()))


PROPOSALS: dict[str, tuple[Callable[[int], Any], str]] = {
    "counts have no end that is sure": (
        lambda n: min(n % 17, n % 5) + (n % 97 == 0) * 30,
        "Series[int] = pa.Field(ge=0, le=55)",
    ),
    "a scale has": (lambda n: n % 12 + 1, "Series[int] = pa.Field(ge=1, le=12)"),
    "years are far from zero": (
        lambda n: 2000 + n % 23 + n % 2,
        "Series[int] = pa.Field(ge=1994, le=2029)",
    ),
    "codes are listed": (
        lambda n: [1, 2, 5, 10][n % 4],
        "Series[int] = pa.Field(isin=[1, 2, 5, 10])",
    ),
    "percent": (lambda n: float(n % 101), "Series[float] = pa.Field(ge=0, le=100)"),
    "below zero": (lambda n: -0.5 * n, "Series[float] = pa.Field(ge=-230, le=0)"),
    "tiny": (lambda n: 1e-9 * n, "Series[float] = pa.Field(ge=0, le=4.5e-07)"),
    "infinite": (lambda n: n or float("inf"), "Series[float] = pa.Field(ge=0)"),
    "infinite below": (lambda n: n or float("-inf"), "Series[float] = pa.Field(le=450)"),
    "nothing at all": (lambda n: np.nan, "Series[float] = pa.Field(nullable=True)"),
    "true or false, with gaps": (
        lambda n: [True, None][n % 2],
        "Series[pd.BooleanDtype] = pa.Field(nullable=True, coerce=True)",
    ),
    "a word seen once may not be the last": (
        lambda n: ["yes", "no"][n % 2] if n else "perhaps",
        "Series[str]",
    ),
    "any text": (lambda n: f"{'very ' * (n % 9)}good {n % 31}", "Series[str]"),
    "hashes": (
        lambda n: f"{n * 2654435761 % 2**32:08x}",
        "Series[str] = pa.Field(str_matches='^[0-9a-f]{8}$', unique=True)",
    ),
    "special characters": (
        lambda n: f"{n % 10}.{n % 7}$",
        r"Series[str] = pa.Field(str_matches='^[0-9]\\.[0-9]\\$$')",
    ),
    "no date": (
        lambda n: f"2011-02-{n % 31 + 1:02d}",
        "Series[str] = pa.Field(str_matches='^[0-9]{4}-[0-9]{2}-[0-9]{2}$')",
    ),
    "measurements are unique by accident": (
        lambda n: n * 7_919_317 % 2_000_003,
        "Series[int] = pa.Field(ge=0, le=3000000)",
    ),
    "names are unique": (lambda n: f"user{n}", "Series[str] = pa.Field(unique=True)"),
    "sentences are not": (lambda n: f"user {n}", "Series[str]"),
}


@pytest.fixture(scope="module")
def proposed() -> dict[str, str]:
    """The field of each of `PROPOSALS`."""
    frame = pd.DataFrame(
        {f"c{k}": [value(n) for n in range(300)] for k, (value, _) in enumerate(PROPOSALS.values())}
    )
    (model,) = (node for node in ast.parse(_code(frame)).body if isinstance(node, ast.ClassDef))
    fields = [ast.unparse(node) for node in model.body if isinstance(node, ast.AnnAssign)]
    return {name: field.partition(": ")[2] for name, field in zip(PROPOSALS, fields, strict=True)}


@pytest.mark.parametrize("name", PROPOSALS)
def test_what_is_proposed_for_a_column(name: str, proposed: dict[str, str]) -> None:
    assert proposed[name] == PROPOSALS[name][1]


def test_few_rows_tell_little() -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "word": ["yes", "no", "no"], "size": [1.5, 2.5, 3.5]})
    code = _code(frame)
    assert "    word: Series[str]\n" in code
    assert "unique" not in code


def test_of_sensitive_columns_only_the_type_is_told() -> None:
    code = _code(_rentals(), sensitive=frozenset({"season", "day", "riders", "id"}))
    assert "    season: Series[str]\n" in code
    assert "    day: Series[pd.Timestamp] = pa.Field(coerce=True)\n" in code
    assert "    riders: Series[pd.Int64Dtype] = pa.Field(nullable=True, coerce=True)\n" in code
    assert "    id: Series[int]\n" in code
    assert not {"winter", "2011", "in_order", "unique = "} & set(code.replace("(", " ").split())
    assert "winter" not in code
    assert "2011" not in code


def test_polars_gets_a_model_for_polars() -> None:
    code = _code(pl.from_pandas(_rentals()).with_columns(pl.col("day").str.to_date()))
    assert "    day: pl.Date = pa.Field(ge=date(2011, 1, 1))\n" in code
    assert "    riders: float = pa.Field(ge=0, le=500, nullable=True)\n" in code
    assert "import pandera.polars as pa\nimport polars as pl\n" in code


def test_types_of_pandas() -> None:
    moments = pd.date_range("2020-03-01", periods=3, freq="D")
    frame = pd.DataFrame(
        {
            "small": pd.Series([1, 2, 3], dtype="int8"),
            "natural": pd.Series([1, 2, 3], dtype="uint16"),
            "single": pd.Series([1, 2, 3], dtype="float32"),
            "gaps": pd.Series([1, None, 3], dtype="Int32"),
            "maybe": pd.Series([True, None, False], dtype="boolean"),
            "word": pd.Series(["a", None, "c"], dtype="category"),
            "zoned": moments.tz_localize("Europe/Paris"),
            "lasted": moments - moments[0],
            "exact": [Decimal("1.5"), None, Decimal("2.5")],
            "listed": [[1], [2, 3], []],
            "clock": moments,
        }
    )
    code = _code(frame)
    _load(code).validate(frame, lazy=True)
    for line in (
        "small: Series[pa.Int8] =",
        "natural: Series[pa.UInt16] =",
        "single: Series[pa.Float32] =",
        "gaps: Series[pd.Int32Dtype] = pa.Field(ge=0, le=4, nullable=True)",
        "maybe: Series[pd.BooleanDtype] = pa.Field(nullable=True)",
        "word: Series[pd.CategoricalDtype] = pa.Field(nullable=True)",
        "lasted: Series[Any]\n",
        "exact: Series[object] = pa.Field(nullable=True)",
        "listed: Series[object]\n",
        "from typing import Annotated, Any\n",
        ', "Europe/Paris"]] = pa.Field(\n',
        '        ge=pd.Timestamp("2020-01-01", tz="Europe/Paris")\n',
    ):
        assert line in code


def test_types_of_polars() -> None:
    moments = [dt.datetime(2020, 3, day, tzinfo=dt.UTC) for day in (1, 2, 3)]
    frame = pl.DataFrame(
        {
            "small": pl.Series([1, 2, 3], dtype=pl.Int8),
            "single": pl.Series([1.5, None, 3.5], dtype=pl.Float32),
            "word": pl.Series(["a", None, "c"], dtype=pl.Categorical),
            "chosen": pl.Series(["a", "a", 'c"'], dtype=pl.Enum(["a", 'c"'])),
            "zoned": pl.Series(moments, dtype=pl.Datetime("ms", "UTC")),
            "lasted": pl.Series([dt.timedelta(1)] * 3, dtype=pl.Duration("us")),
            "exact": pl.Series([Decimal("1.5"), None, Decimal("2.5")], dtype=pl.Decimal(10, 2)),
            "listed": pl.Series([[1], [2, 3], []], dtype=pl.List(pl.Int16)),
            "record": pl.Series([{"a b": 1, "c": "x"}] * 3),
            "none": pl.Series([None] * 3, dtype=pl.Null),
        }
    )
    code = _code(frame)
    _load(code).validate(frame, lazy=True)
    for line in (
        "single: pl.Float32 = pa.Field(ge=0, le=4.5, nullable=True)",
        'chosen: pl.Enum(["a", "c\\""])\n',
        'zoned: pl.Datetime("ms", "UTC") = pa.Field(\n',
        'datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC"))',
        'lasted: pl.Duration("us")\n',
        "exact: pl.Decimal(10, 2) = pa.Field(nullable=True)",
        "listed: pl.List(pl.Int16)\n",
        'record: pl.Struct({"a b": pl.Int64, "c": pl.String})\n',
        "    # No value in this data.\n    none: pl.Null = pa.Field(nullable=True)",
    ):
        assert line in code


def test_the_docs_show_what_is_made_of_the_example() -> None:
    pointer = (ROOT / "example-repo/data/raw/2011.csv.dvc").read_text(encoding="utf-8")
    (digest,) = re.findall(r"md5: (\w{32})", pointer)
    path = ROOT / "example-repo/dvc-storage/files/md5" / digest[:2] / digest[2:]
    frame = pd.read_csv(path)
    code = _code(frame, shown="data/raw/2011.csv")
    docs = (ROOT / "docs/contract-infer.md").read_text(encoding="utf-8")
    assert f"```python\n{code}```\n" in docs
    _load(code).validate(frame, lazy=True)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("data/hourly rentals.csv", "HourlyRentals"),
        ("data/raw/2011.csv", "Schema"),
        ("s3://bucket/bike-sharing.csv.gz", "BikeSharing"),
        ("None.csv", "Schema"),
        ("series.parquet", "Schema"),
        ("größe.csv", "GrE"),
    ],
)
def test_the_class_is_named_after_the_file(shown: str, name: str) -> None:
    assert f"class {name}(pa.DataFrameModel):" in _code(pd.DataFrame({"x": [1]}), shown)


def test_a_file_name_stays_in_the_docstring() -> None:
    code = _code(pd.DataFrame({"x": [1]}), shown='a"""b\\\n')
    assert ast.get_docstring(ast.parse(code).body[-1]) == r"Inferred from a'''b\\n (1 row)."  # type: ignore[arg-type]


def test_a_name_that_is_asked_for() -> None:
    frame = pd.DataFrame({"x": [1]})
    assert "class Hours(" in _code(frame, class_name="Hours")
    with pytest.raises(UsageError, match="`a b` cannot be the name") as found:
        _code(frame, class_name="a b")
    assert found.value.exit_code == 2


def test_a_sensitive_column_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"data/rentals\.csv has no column `salary`") as found:
        _code(pd.DataFrame({"x": [1]}), sensitive=frozenset({"salary"}))
    assert found.value.exit_code == 2


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"x": pd.Series([], dtype="int64")}), "has no rows"),
        (pl.DataFrame({"x": []}), "has no rows"),
    ],
)
def test_nothing_to_learn_from(frame: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as found:
        _code(frame)
    assert found.value.exit_code == 2


def test_pandera_itself_proposes_less(rentals_schema: Any) -> None:
    """`pandera.infer_schema` takes the extremes as seen for bounds."""
    theirs = pandera.infer_schema(_rentals())
    newer = _rentals().assign(celsius=lambda f: f["celsius"] + 1, id=lambda f: f["id"] + ROWS)
    assert _accepts(rentals_schema, newer)
    assert not _accepts(theirs, newer)


FIRST = dt.datetime(1700, 1, 1)  # noqa: DTZ001 (hypothesis adds the zone)
LAST = dt.datetime(2200, 1, 1)  # noqa: DTZ001

# What a file may hold. Half of the columns have few values, so that lists and scales come up.
_FEW = {
    "whole": st.sampled_from([0, 1, 2, 3]),
    "floats": st.sampled_from([0.25, 1e300, -5e-324, -1.5]),
    "text": st.sampled_from(["a", "b", "it's", '"', "\\", "é", "two\nlines"]),
}
_MANY = {
    "whole": st.integers(-(2**63), 2**63 - 1),
    "floats": st.floats(allow_nan=True),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    "dates": st.dates(dt.date(1600, 1, 1)).map(str),
    "moments": st.datetimes(FIRST, LAST),
    "zoned": st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC)),
    "flags": st.booleans(),
}
_NAMES = st.one_of(
    st.sampled_from(["int", "class", "Config", "validate", "_x", "2011", "a b", "\uff21", "pa"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6),
)


@st.composite
def _columns(draw: st.DrawFn) -> dict[str, list[Any]]:
    names = draw(st.lists(_NAMES, min_size=1, max_size=5, unique_by=str.lower))
    rows = draw(st.sampled_from([1, 3, 25, 130]))
    columns = {}
    for name in names:
        values = draw(st.sampled_from([*_FEW.values(), *_MANY.values()]))
        values = values if draw(st.booleans()) else values | st.none()
        # Few draws, told apart by their position: what hypothesis draws by the hundred is slow.
        drawn = draw(st.lists(values, min_size=min(rows, 4), max_size=6))
        columns[name] = [drawn[(n * n + n // 7) % len(drawn)] for n in range(rows)]
    return columns


@settings(max_examples=6)
@given(_columns())
def test_pandas_accepts_the_data_that_a_schema_was_made_from(columns: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame(columns)
    _load(_code(frame)).validate(frame, lazy=True)


@settings(max_examples=6)
@given(_columns())
def test_polars_accepts_the_data_that_a_schema_was_made_from(columns: dict[str, list[Any]]) -> None:
    frame = pl.DataFrame(columns, strict=False)
    _load(_code(frame)).validate(frame, lazy=True)
