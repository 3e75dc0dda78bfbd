"""Reading data files, and saying what is wrong with them."""

from __future__ import annotations

import gzip
import io
import os
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from assay.contract import csvfields, reader
from assay.errors import DataError

from tests.builders import write

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = ["pandas", "polars"]
CSV = "a,b\n1,x\n2,y\n"


def read(root: Path, name: str, backend: str = "pandas", **options: Any) -> Any:
    return reader.read(root / name, backend=backend, shown=name, **options)  # type: ignore[arg-type]


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


FORMATS: dict[str, tuple[str, bytes]] = {
    "csv": ("d.csv", CSV.encode()),
    "suffix in capitals": ("D.CSV", CSV.encode()),
    "byte order mark": ("a.b.csv", CSV.encode("utf-8-sig")),
    "tsv": ("d.tsv", CSV.replace(",", "\t").encode()),
    "gzip": ("d.csv.gz", gzip.compress(CSV.encode())),
    "line ends of Windows": ("d.csv", CSV.replace("\n", "\r\n").encode()),
    "quotes, no last line end": ("d.csv", b'a,b\n1,"x"\n2,y'),
    "odd name": ("odd [*] $(name).csv", CSV.encode()),
    "parquet": ("d.parquet", parquet(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))),
    "parquet, odd name": ("d [*].parquet", parquet(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", FORMATS)
def test_read_formats(tmp_path, backend, case):
    name, content = FORMATS[case]
    write(tmp_path, {name: content})
    frame = read(tmp_path, name, backend)
    assert list(frame.columns) == ["a", "b"]
    assert frame["a"].to_list() == [1, 2]


def test_read_polars_types_from_all_rows(tmp_path):
    write(tmp_path, {"d.csv": "a\n" + "1\n" * 200 + "1.5\n"})
    assert read(tmp_path, "d.csv", "polars")["a"].sum() == 201.5


@pytest.mark.parametrize("backend", BACKENDS)
def test_read_header_only_is_a_table_without_rows(tmp_path, backend):
    write(tmp_path, {"d.csv": "a,b\n"})
    assert read(tmp_path, "d.csv", backend).shape == (0, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_read_quoted_line_breaks_and_empty_last_fields_are_not_ragged(tmp_path, backend):
    write(tmp_path, {"d.csv": 'a,b\n"x\ny, z",1\n"q ""u""",\nw,\n'})
    assert read(tmp_path, "d.csv", backend).shape == (3, 2)


BAD = {
    "empty": ("d.csv", b"", "d.csv is empty (0 bytes).", None),
    "blank": ("d.csv", b"\n\n", "d.csv holds no table: it is blank.", None),
    "latin-1": (
        "d.csv",
        "a,b\n1,x\n2,caf\xe9\n".encode("latin-1"),
        "d.csv is not UTF-8: line 3 has the byte 0xe9 at offset 13.",
        3,
    ),
    "utf-16": (
        "d.csv",
        CSV.encode("utf-16"),
        "d.csv is not UTF-8: line 1 has the byte 0xff at offset 0.",
        1,
    ),
    "utf-16 without a mark": (
        "d.csv",
        CSV.encode("utf-16-le"),
        "d.csv is not UTF-8: line 1 has the byte 0x00 at offset 1.",
        1,
    ),
    "ragged, too long": (
        "d.csv",
        b"a,b\n1,x\n2,y,z\n",
        "d.csv is ragged: line 3 has 3 fields, where the header has 2.",
        3,
    ),
    "ragged, too long at once": (
        "d.csv",
        b"a,b\n1,x,q\n2,y,z\n",
        "d.csv is ragged: line 2 has 3 fields, where the header has 2.",
        2,
    ),
    "ragged, too short": (
        "d.csv",
        b"a,b\n1,x\n\n2\n",
        "d.csv is ragged: line 4 has 1 field, where the header has 2.",
        4,
    ),
    "ragged after a quoted line break": (
        "d.tsv",
        b'a\tb\n"1\n2"\tx\n2\ty\tz\n',
        "d.tsv is ragged: line 4 has 3 fields, where the header has 2.",
        4,
    ),
    "cut-off gzip": (
        "d.csv.gz",
        gzip.compress(CSV.encode() * 100)[:-12],
        "d.csv.gz is not a complete gzip file",
        None,
    ),
    "no gzip": ("d.csv.gz", CSV.encode(), "d.csv.gz is not a complete gzip file", None),
    "no parquet": ("d.parquet", b"PAR1 but not", "d.parquet is not a readable Parquet file", None),
    "cut-off parquet": (
        "d.parquet",
        parquet(pd.DataFrame({"a": range(1000)}))[:-50],
        "d.parquet is not a readable Parquet file",
        None,
    ),
    "other format": ("d.xlsx", b"PK", "d.xlsx is in no supported format.", None),
    "no suffix": ("data", b"a", "data is in no supported format.", None),
    "pointer of lfs": (
        "d.csv",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "d.csv is a pointer of Git LFS.",
        None,
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", BAD)
def test_read_bad_input(tmp_path, backend, case):
    name, content, message, line = BAD[case]
    write(tmp_path, {name: content})
    with pytest.raises(DataError) as caught:
        read(tmp_path, name, backend)
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert (caught.value.exit_code, caught.value.line) == (2, line)


@pytest.mark.parametrize("backend", BACKENDS)
def test_read_damaged_parquet_body(tmp_path, backend):
    content = bytearray(parquet(pd.DataFrame({"a": range(50_000)})))
    content[4:2000] = b"\xff" * 1996
    write(tmp_path, {"d.parquet": bytes(content)})
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read(tmp_path, "d.parquet", backend)


def test_read_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"d\.csv does not exist") as caught:
        read(tmp_path, "d.csv")
    assert caught.value.hint == "Check `data:` in assay.yaml."
    write(tmp_path, {"d.csv.dvc": "outs: []\n"})
    with pytest.raises(DataError) as caught:
        read(tmp_path, "d.csv")
    assert caught.value.hint == "It is under DVC: run `dvc pull`."


def test_read_folder_and_pipe(tmp_path):
    (tmp_path / "d.csv").mkdir()
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(DataError, match=r"d\.csv is a folder"):
        read(tmp_path, "d.csv")
    with pytest.raises(DataError, match=r"p\.csv is not a regular file"):
        read(tmp_path, "p.csv")


def test_read_without_permission(tmp_path, monkeypatch):
    write(tmp_path, {"d.csv": CSV})

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(DataError, match=r"d\.csv cannot be read: Permission denied\."):
        read(tmp_path, "d.csv")


def test_read_without_pyarrow(tmp_path, monkeypatch):
    write(tmp_path, {"d.parquet": b"PAR1"})

    def missing(*args: object, **options: object) -> None:
        raise ImportError("Missing optional dependency 'pyarrow'")

    monkeypatch.setattr(pd, "read_parquet", missing)
    with pytest.raises(DataError, match="needs pyarrow"):
        read(tmp_path, "d.parquet")


def test_read_without_polars(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(DataError, match="polars is not installed"):
        read(tmp_path, "d.csv", "polars")


def test_read_more_than_memory(tmp_path, monkeypatch):
    write(tmp_path, {"d.csv": CSV})

    def exhausted(*args: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pd, "read_csv", exhausted)
    with pytest.raises(DataError, match="does not fit into the memory"):
        read(tmp_path, "d.csv")


def test_read_private_file_quotes_nothing(tmp_path, monkeypatch):
    write(tmp_path, {"d.csv": CSV})

    def quoting(*args: object, **options: object) -> None:
        raise ValueError("cannot parse `4111 1111`")

    monkeypatch.setattr(pd, "read_csv", quoting)
    with pytest.raises(DataError, match="4111"):
        read(tmp_path, "d.csv")
    with pytest.raises(DataError) as caught:
        read(tmp_path, "d.csv", private=True)
    assert caught.value.message == "d.csv is not a readable CSV file (ValueError)."


@pytest.mark.parametrize("first", [0, 7])
def test_read_index_column_only_where_the_schema_has_one(tmp_path, first):
    write(tmp_path, {"d.csv": f"a\n{first},1\n{first + 1},2\n"})
    assert list(read(tmp_path, "d.csv", has_index=True).index) == [first, first + 1]
    with pytest.raises(DataError, match="ragged"):
        read(tmp_path, "d.csv")


def test_read_stray_quotes_are_scanned_in_linear_time(tmp_path):
    lines = ['a,b\n1,"open\n', *("2,x\n" for _ in range(400_000)), "3\n"]
    write(tmp_path, {"d.csv": "".join(lines)})
    counts = list(csvfields.counts(csvfields.Csv(tmp_path / "d.csv", "d.csv", ",")))
    assert counts[0] == (1, 2)
    assert counts[-1] == (400_003, 1)
