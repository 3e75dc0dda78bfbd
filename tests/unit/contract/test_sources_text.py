"""CSV, JSON lines and Arrow as sources, with pandas' and polars' own readers as the oracle."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import math
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from assay.contract.sources import open_source
from assay.contract.sources.base import POSITION
from assay.errors import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Layout, Source

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # Ibis

BACKENDS: tuple[Backend, ...] = ("pandas", "polars", "ibis")


@contextlib.contextmanager
def opened(
    path: Path, backend: Backend, *, private: bool = False
) -> Iterator[tuple[Source, Layout]]:
    source = open_source(path, shown=path.name, private=private)
    try:
        yield source, source.layout(backend, has_index=False)
    finally:
        source.close()


def refused(path: Path, backend: Backend, *, private: bool = False) -> DataError:
    with pytest.raises(DataError) as caught, opened(path, backend, private=private):
        pass
    assert caught.value.exit_code == 2
    return caught.value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _values(column: list[Any]) -> list[Any]:
    return [None if value is None or _is_nan(value) else value for value in column]


def same_as_pandas(path: Path, read: Callable[[Path], pd.DataFrame] = pd.read_csv) -> Layout:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DtypeWarning
        real = read(path)
    with opened(path, "pandas") as (source, layout):
        pd.testing.assert_frame_equal(layout.empty, real.iloc[:0])
        pd.testing.assert_frame_equal(next(iter(source.frames(layout))), real)
        last = list(real.columns)[-1:]
        pd.testing.assert_frame_equal(next(iter(source.frames(layout, last))), real[last])
        parts = list(source.frames(layout, rows=2 if len(real) < 50 else 1000))
        pd.testing.assert_frame_equal(pd.concat(parts), real, check_exact=True)
        table = layout.numbered.order_by(POSITION).to_pyarrow()
        for name in real:
            column, values = table[str(name)], _values(real[name].tolist())
            if pa.types.is_binary(column.type):  # of several types: only what is missing is told
                assert [v is None for v in column.to_pylist()] == [v is None for v in values]
            else:
                assert _values(column.to_pylist()) == values
        return layout


_CELLS = st.one_of(
    st.sampled_from(
        [
            *("", "NA", "nan", "NAN", "None", "N/A", "1", "-3", "0", "-0", "007", "+1", " 1", "1 "),
            *("1.5", "1.", ".5", "1e5", "1E-3", "1e", "inf", "-Infinity", "1e999", "True", "false"),
            *("tRue", "x", '"q""q"', '""', '" "', '"1"', '"a,b"', '"l\nm"', "1_0", "0x1F", "é"),
            *("9223372036854775807", "9223372036854775808", "123456789012345678901234567890"),
            *("0.1234567890123456789", "-", ".", "2020-01-01", "1,5"),
        ]
    ).map(lambda cell: '"1,5"' if cell == "1,5" else cell),
    st.integers().map(str),
    st.floats().map(repr),
)
_KINDS = [["1", "2", ""], ["1.5", "2", "NA"], ["True", "false"], ["a", "b", ""], ["1", "1.5", "7"]]


@st.composite
def _texts(draw: st.DrawFn) -> str:
    rows = draw(st.integers(0, 6))
    columns = []
    for number in range(draw(st.integers(2, 3))):
        cells = st.sampled_from(draw(st.sampled_from(_KINDS))) if draw(st.booleans()) else _CELLS
        columns.append([f"c{number}", *draw(st.lists(cells, min_size=rows, max_size=rows))])
    return "".join(",".join(row) + "\n" for row in zip(*columns, strict=True))


@settings(max_examples=10)
@given(_texts())
def test_any_csv_is_what_pandas_reads(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(text, encoding="utf-8")

        same_as_pandas(path)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n",
        "a\n1\n\n2\n",
        "\n\na,b\n1,2\n",
        "a,b\n   \n1,2\n",
        "\ufeffa,b\n1,x\n",
        "a,a\n1,\n2,\n",
        ",b\n1,2\n",
        "a,b\r\n1,x\r\n",
        "a,b\r1,2\r3,4\r",
        'a,b\n"x"y,1\n',
        "a,b\n" + "1,2\n" * 2100 + "1.5,x\n",
        "a,b\n" + "x,2\n" * 2100 + "1,x\n,1\n",
        "a,b\n00501,1\n10115,2\n",
        "a,b\nx,0.1234567890123456\ny,1e-7\n",
        "a,b\n,\n,\n",
    ],
)
def test_csv_at_its_edges_is_what_pandas_reads(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_bytes(text.encode())

    same_as_pandas(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("numbers", "then"),
    [(2**18 - 1, "x"), (2**18, "x"), (2**18 + 1, "x"), (2**18, "-1"), (2**18, "True")],
)
def test_types_are_inferred_for_the_rows_for_which_pandas_does(
    tmp_path: Path, numbers: int, then: str
) -> None:
    # A piece of two columns is 2**18 rows; this column holds other values from some row on.
    path = tmp_path / "t.csv"
    first = str(2**63) if then == "-1" else "1"
    path.write_text("a,b\n" + f"{first},1\n" * numbers + f"{then},2\n" * 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DtypeWarning
        real = pd.read_csv(path)

    with opened(path, "pandas") as (source, layout):
        (whole,) = source.frames(layout)
        parts = list(source.frames(layout, ["a"], rows=200_000))
        found = layout.table.to_pyarrow()

    assert layout.empty.dtypes.to_dict() == real.dtypes.to_dict()
    pd.testing.assert_frame_equal(whole, real)
    if then == "True" and type(real["a"].iloc[-1]) is int:
        pytest.skip("older versions write 1 for True where other pieces hold numbers")
    read = pd.concat(parts)["a"]
    assert [*map(type, read[-20:])] == [*map(type, real["a"][-20:])]
    pd.testing.assert_series_equal(read, real["a"])
    assert max(map(len, parts)) <= 200_000
    # Of values without a common type it is only known that they are there.
    is_mixed = pa.types.is_binary(found["a"].type)
    assert is_mixed == (len(set(map(type, real["a"]))) > 1)
    assert found["a"].null_count == 0
    assert sum(found["b"].to_pylist()) == numbers + 20


def test_parts_of_csv_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv").write_text("a,b\n2.5,y\n")

    with opened(tmp_path, "pandas") as (source, layout):
        (frame,) = source.frames(layout)
        assert frame.to_dict("list") == {"a": [1.0, 2.5], "b": ["x", "y"]}
        assert str(layout.empty["a"].dtype) == "float64"
    (tmp_path / "3.csv").write_text("a,c\n2.5,y\n")
    assert "have different columns" in refused(tmp_path, "pandas").message


def test_polars_reads_csv_as_it_does_with_all_rows_for_types(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "1,x,\n" * 200 + "1.5,,true\n")
    real = pl.read_csv(path, infer_schema_length=None)

    with opened(path, "polars") as (source, layout):
        assert layout.empty.schema == real.schema
        assert next(iter(source.frames(layout))).equals(real)
        assert pl.concat(source.frames(layout, ["c", "a"], rows=7)).equals(real.select("c", "a"))


# --- other formats ------------------------------------------------------------------------------

_FRAME = pd.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"], "c": [True, False, True]})


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.zst", "t.csv.bz2", "t.tsv", "t.tsv.gz"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_packed_csv(tmp_path: Path, name: str, backend: Backend) -> None:
    content = _FRAME.to_csv(index=False, sep="\t" if ".tsv" in name else ",").encode()
    (tmp_path / name).write_bytes(_packed(content, name))

    with opened(tmp_path / name, backend) as (_, layout):
        rows = layout.table.to_pyarrow().to_pylist()

    assert [_values(row.values()) for row in rows] == [
        [1, "x", True],
        [2, None, False],
        [None, "z", True],
    ]


def _packed(content: bytes, name: str) -> bytes:
    if name.endswith(".zst"):
        return bytes(pa.compress(content, codec="zstd", asbytes=True))
    if name.endswith(".bz2"):
        return bz2.compress(content)
    return gzip.compress(content) if name.endswith(".gz") else content


@pytest.mark.filterwarnings("ignore:Mismatched null-like values:FutureWarning")  # None and NaN
@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    lines = '{"a": 1, "b": "x", "l": [1]}\n{"a": null, "b": null, "l": []}\n{"a": 2.5, "b": "2"}\n'
    path.write_bytes(_packed(lines.encode(), name))

    same_as_pandas(path, lambda given: pd.read_json(given, lines=True))
    real = pl.read_ndjson(lines.encode())
    with opened(path, "polars") as (source, layout):
        assert layout.empty.schema == real.schema
        assert next(iter(source.frames(layout))).equals(real)
    with opened(path, "ibis") as (_, layout):
        assert layout.table.columns == ("a", "b", "l")


@pytest.mark.parametrize("name", ["t.feather", "t.arrow", "t.ipc"])
def test_arrow(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    _FRAME.assign(k=pd.Categorical(["u", "v", "u"]), n=[1, 2, 3]).to_feather(path)

    same_as_pandas(path, pd.read_feather)
    real = pl.read_ipc(path)
    with opened(path, "polars") as (source, layout):
        assert layout.empty.schema == real.schema
        assert next(iter(source.frames(layout))).equals(real)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("row", "fields"), [("1,2,3", "3 fields"), ("1", "1 field")])
def test_a_ragged_row_far_below_the_sample(
    tmp_path: Path, backend: Backend, row: str, fields: str
) -> None:
    text = "a,b\n" + "1,2\n" * 50_000 + row + "\n" + "1,2\n" * 50_000
    (tmp_path / "t.csv").write_text(text)

    error = refused(tmp_path / "t.csv", backend)

    said = f"t.csv is ragged: line 50002 has {fields}, where the header has 2"
    assert error.message.startswith(said)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_byte_that_is_not_utf8(tmp_path: Path, backend: Backend) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"1,x\n" * 30_000 + b"1,\xe9\n")

    error = refused(tmp_path / "t.csv", backend)

    assert error.message == ("t.csv is not UTF-8: line 30002 has the byte 0xe9 at offset 120006.")
    assert "Latin-1" in (error.hint or "")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.zst", "t.csv.bz2", "t.jsonl.gz"])
def test_a_packed_file_that_was_cut_off(tmp_path: Path, backend: Backend, name: str) -> None:
    content = "a,b\n" + "".join(f"{n},{n * n}\n" for n in range(20_000))
    whole = _packed(content.encode(), name)
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])

    error = refused(tmp_path / name, backend)

    form = {".gz": "gzip", ".zst": "Zstandard", ".bz2": "bzip2"}[Path(name).suffix]
    assert error.message == f"{name} is not a complete {form} file."
    assert "dvc pull --force" in (error.hint or "")


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_json_lines_that_are_none(tmp_path: Path, backend: Backend) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n{"a": secret\n')

    assert (
        "t.jsonl is not a readable JSON lines file"
        in refused(tmp_path / "t.jsonl", backend).message
    )
    assert "secret" not in refused(tmp_path / "t.jsonl", backend, private=True).message


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_arrow_file_that_was_cut_off(tmp_path: Path, backend: Backend) -> None:
    _FRAME.to_feather(tmp_path / "t.arrow", compression="uncompressed")
    (tmp_path / "t.arrow").write_bytes((tmp_path / "t.arrow").read_bytes()[:200])

    assert "t.arrow is not a readable Arrow file" in refused(tmp_path / "t.arrow", backend).message


def test_a_value_that_does_not_parse_is_named(tmp_path: Path) -> None:
    # pandas and polars look at all rows before they say what a column is; DuckDB looks at some.
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 50_000 + "1,hunter2\n")

    error = refused(path, "ibis")

    assert error.message == (
        "t.csv: `hunter2` in column `b` on line 50002 is no BIGINT, as the values above it are."
    )
    assert "hunter2" not in refused(path, "ibis", private=True).message


@pytest.mark.parametrize("backend", BACKENDS)
def test_values_of_a_private_file_are_in_no_message(tmp_path: Path, backend: Backend) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 3000 + "hunter2,hunter2,3\n")

    error = refused(tmp_path / "t.csv", backend, private=True)

    assert "hunter2" not in f"{error.message}{error.hint}"


def test_a_json_file_that_ends_too_early_is_named_as_the_user_does(tmp_path):
    path = tmp_path / "rides.jsonl"
    path.write_text('{"a": 1}\n{"a": 2,\n')
    message = refused(path, "ibis").message
    assert message.startswith("rides.jsonl is not a readable JSON lines file: ")
    assert "part-0" not in message
    assert not message.endswith((" .", ".."))


def test_whole_numbers_beyond_64_bits_are_named_for_polars(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n{"a": 99999999999999999999}\n')
    message = refused(tmp_path / "t.jsonl", "polars").message

    # Versions of polars without such numbers refuse them themselves.
    assert "more than 64 bits in column `a`" in message or "is not a readable JSON" in message


@pytest.mark.parametrize(
    "rows",
    [
        ["1,x", "2,y", "3.5,z"],
        ["1,x", ",y", "2,z"],
        ["1,x", "true,y", "w,z"],
        [",", ",", "1,"],
        ['"a\n1,2",x', "b,y"],
    ],
)
def test_polars_gets_the_types_that_all_rows_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str]
) -> None:
    monkeypatch.setattr("assay.contract.sources.polarstext._BLOCK", 5)  # a row or two
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b", *rows]))
    real = pl.read_csv(path, infer_schema_length=None)

    with opened(path, "polars") as (source, layout):
        assert layout.empty.schema == real.schema
        assert next(iter(source.frames(layout))).equals(real)


@pytest.mark.parametrize(
    "lines",
    [
        ['{"a": 1, "b": null}', '{"a": 2.5, "b": "x"}'],
        ['{"a": 1}', '{"b": 1}'],
        ['{"a": [1]}', '{"a": []}', '{"a": null}'],
        ['{"a": {"x": 1}}', '{"a": {"y": 1}}'],
    ],
)
def test_polars_gets_the_types_that_all_lines_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setattr("assay.contract.sources.polarstext._BLOCK", 5)
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(lines) + "\n")
    real = pl.read_ndjson(path, infer_schema_length=None)

    with opened(path, "polars") as (source, layout):
        assert layout.empty.schema == real.schema
        assert next(iter(source.frames(layout))).equals(real)


_JSON = [
    *("1", "2", "-3", "1.5", "2.0", "1e3", "null", '"x"', '"5"', '"1.5"', '""', "true", "false"),
    *("[1]", "[]", '{"k": 1}', "9223372036854775807", "18446744073709551615"),
]


@pytest.mark.filterwarnings("ignore:Mismatched null-like values:FutureWarning")  # None and NaN
@settings(max_examples=10)
@given(
    st.lists(st.lists(st.sampled_from(_JSON), min_size=1, max_size=4), min_size=1, max_size=3),
    st.integers(2, 6),
)
def test_any_json_lines_are_what_pandas_reads(kinds: list[list[str]], rows: int) -> None:
    columns = {f"c{n}": (kind * rows)[:rows] for n, kind in enumerate(kinds)}
    cells = zip(*columns.values(), strict=True)
    lines = ["{" + ", ".join(f'"c{n}": {v}' for n, v in enumerate(row)) + "}" for row in cells]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("assay.contract.sources.jsontable._rows_of_piece", lambda _: 2)
        path = Path(folder) / "t.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

        same_as_pandas(path, lambda given: pd.read_json(given, lines=True))


def test_json_lines_that_need_more_memory_than_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.contract.scan.memory.available", lambda: 100)
    (tmp_path / "certain.jsonl").write_text('{"a": 1, "b": "x"}\n' * 10)
    (tmp_path / "t.jsonl").write_text('{"created_at": "2024-01-01"}\n' * 10)

    with opened(tmp_path / "certain.jsonl", "pandas") as (_, layout):
        assert layout.table.count().to_pyarrow().as_py() == 10
    assert refused(tmp_path / "t.jsonl", "pandas").message == (
        "t.jsonl must be read whole, which takes about 0.1 MB of memory, where 0.1 MB are free."
    )
