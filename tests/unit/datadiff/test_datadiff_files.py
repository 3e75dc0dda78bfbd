"""Files that are no tables, or not the ones that somebody meant: what each is told."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from assay.datadiff import engine
from assay.datadiff.compare import compare
from assay.datadiff.source import source
from assay.errors import DataError, OutsideError

if TYPE_CHECKING:
    from pathlib import Path

    from assay.datadiff.section import DataChange

GOOD = b"a,b\n1,x\n2,y\n"


def compared(folder: Path, content: bytes, name: str = "t.csv", **options: object) -> DataChange:
    """A file with this content against a good one of the same format."""
    (folder / "head").mkdir(exist_ok=True)
    head, base = folder / "head" / name, folder / name
    head.write_bytes(content)
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    if name.endswith(".parquet"):
        table.to_parquet(base)
    else:
        base.write_bytes(gzip.compress(GOOD) if name.endswith(".gz") else GOOD)
    return compare(head, base, shown=name, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv is empty (0 bytes)."),
        (b"\n\n", "t.csv holds no table: it is blank."),
        (b"a,b\n1,2\n3\n", "t.csv is ragged: line 3 has 1 fields, where the header has 2."),
        (b"a,b\n1,2\n3,4,5\n", "t.csv is ragged: line 3 has 3 fields, where the header has 2."),
        ("a,b\n1,ä\n".encode("latin-1"), "t.csv is not UTF-8: line 2 has a byte that cannot be."),
        ("a,b\n1,x\n".encode("utf-16"), "t.csv is not UTF-8: line 1 has a byte that cannot be."),
        (b"version https://git-lfs.github.com/spec/v1\n", "t.csv is a pointer of Git LFS."),
    ],
)
def test_csv_that_is_no_table(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        compared(tmp_path, content)
    assert caught.value.message == message
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"PAR1 cut off PAR1", b"a,b\n1,2\n" * 20])
def test_damaged_parquet(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"t\.parquet is not a readable Parquet file: ") as caught:
        compared(tmp_path, content, "t.parquet")
    assert str(tmp_path) not in caught.value.message


def test_a_cut_off_parquet_file(tmp_path: Path) -> None:
    pd.DataFrame({"a": range(5000)}).to_parquet(tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    with pytest.raises(DataError, match="not a readable Parquet file"):
        compared(tmp_path, content[:-100], "t.parquet")


def test_parquet_damaged_in_the_middle(tmp_path: Path) -> None:
    pd.DataFrame({"a": range(5000), "b": "x"}).to_parquet(tmp_path / "whole.parquet")
    content = bytearray((tmp_path / "whole.parquet").read_bytes())
    content[100:2000] = b"\xff" * 1900
    with pytest.raises(DataError, match=r"t\.parquet"):
        compared(tmp_path, bytes(content), "t.parquet")


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8bxx", gzip.compress(GOOD * 500, mtime=0)[:-40], GOOD],
    ids=["cut off", "cut off late", "not packed"],
)
def test_damaged_gzip(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"t\.csv\.gz is not a complete gzip file"):
        compared(tmp_path, content, "t.csv.gz")


def test_errors_do_not_quote_sensitive_data(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        compared(tmp_path, b'a,b\n1,"secret7431\n', sensitive=["b"])
    assert "7431" not in f"{caught.value.message}{caught.value.hint}"
    assert "is not a readable CSV file" in caught.value.message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv does not exist"):
        compare(tmp_path / "a.csv", tmp_path / "a.csv", shown="t.csv")


HEAD = pd.DataFrame(
    {
        "id": [1, 2, 3, 5],
        "x": [0.5, None, 2.5, -1.0],
        "name": ["a", "b'", None, "é"],
        "at": pd.date_range("2026-01-01 10:00", periods=4, freq="D"),
        "tags": [["a"], [], ["b", "c"], ["a"]],
    }
)
BASE = HEAD.assign(x=[0.5, 1.0, 2.5, -1.0], id=[1, 2, 3, 4]).iloc[[2, 0, 1, 3]]


def written(path: Path, frame: pd.DataFrame) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix in {".arrow", ".feather"}:
        frame.reset_index(drop=True).to_feather(path)
    else:
        frame.to_json(path, orient="records", lines=True, date_format="iso")
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".jsonl.gz", ".arrow", ".feather"])
def test_other_formats_are_compared_as_parquet_is(tmp_path: Path, suffix: str) -> None:
    def change(ending: str) -> DataChange:
        head = [
            written(tmp_path / "head" / f"{number}{ending}", part)
            for number, part in enumerate((HEAD.iloc[:3], HEAD.iloc[3:]))
        ]
        base = written(tmp_path / "base" / f"object{ending}", BASE)
        bare = base.rename(base.with_name(f"object{ending.replace('.', '-')}"))
        return compare(head, bare, base_name=f"t{ending}", key=["id"], shown="t")

    expected, found = change(".parquet"), change(suffix)
    assert found.rows == expected.rows
    assert expected.rows is not None
    assert (expected.rows.added, expected.rows.removed, expected.rows.changed) == (1, 1, 1)
    changed = {column.name: column.changed_rows for column in expected.columns}
    assert {column.name: column.changed_rows for column in found.columns} == changed
    assert found.problems == expected.problems


def test_keys_that_only_some_lines_have(tmp_path: Path) -> None:
    head, base = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    base.write_text('{"id": 1}\n' * 30_000)
    head.write_text(base.read_text() + '{"id": 1.5, "late": "x"}\n')
    found = compare(head, base, shown="t.jsonl")
    assert {(one.name, one.head_type, one.base_type) for one in found.columns} == {
        ("id", "DOUBLE", "BIGINT"),
        ("late", "VARCHAR", None),
    }


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("t.jsonl", b'{"a": 1}\n{"a": \n', "t.jsonl is not a readable JSON lines file", "one JSON"),
        ("t.jsonl", b"\xff\xfe{\n", "t.jsonl is not a readable JSON lines file", "one JSON"),
        ("t.jsonl.gz", b"\x1f\x8b\x08 cut", "t.jsonl.gz is not a readable JSON lines", "one JSON"),
        ("t.arrow", b"ARROW1\0\0 cut off", "t.arrow is not a readable Arrow file", "damaged"),
        ("t.feather", b"a,b\n1,2\n", "t.feather is not a readable Arrow file", "damaged"),
    ],
)
def test_what_is_not_of_its_format(
    tmp_path: Path, name: str, content: bytes, message: str, hint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    good = written(tmp_path / "good" / name, HEAD)
    for head, base in ((tmp_path / name, good), (good, tmp_path / name)):
        with pytest.raises(DataError) as caught:
            compare(head, base, shown=name)
        assert message in caught.value.message
        assert hint in (caught.value.hint or "")


def test_json_does_not_quote_sensitive_data(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": "secret7431"\n')
    with pytest.raises(DataError) as caught:
        compare(tmp_path / "t.jsonl", tmp_path / "t.jsonl", shown="t.jsonl", sensitive=["a"])
    assert "7431" not in f"{caught.value.message}{caught.value.hint}"


def test_an_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"t\.xlsx is in no supported format\."):
        source(tmp_path / "t.xlsx", shown="t.xlsx")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no data file in it"):
        source(tmp_path, shown="parts")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(DataError, match="is not a regular file"):
        source(tmp_path / "t.csv", shown="t.csv")


def test_mixed_formats(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(GOOD)
    (tmp_path / "b.tsv").write_bytes(GOOD)
    with pytest.raises(DataError, match="parts mixes formats"):
        source(tmp_path, shown="parts")


def test_no_rows_are_said(tmp_path: Path) -> None:
    found = compared(tmp_path, b"a,b\n")
    assert found.rows is not None
    assert (found.rows.head, found.rows.removed) == (0, 2)
    assert "t.csv has no rows." in [problem.message for problem in found.problems]


def test_no_common_column_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, b"c,d\n1,2\n")
    assert found.rows is None
    assert [c.change for c in found.columns] == ["added", "added", "removed", "removed"]
    assert found.problems[0].message == "t.csv and base's t.csv have no column in common."


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parts_are_one_table(tmp_path: Path, form: str) -> None:
    table = pd.DataFrame({"id": range(20), "x": range(20), "c": "a"})
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, (start, end) in enumerate(((0, 12), (12, 20))):
        part = table.iloc[start:end]
        part = part[["c", "id", "x"]] if number else part  # another order of columns
        name = parts / f"{number}.{form}"
        part.to_csv(name, index=False) if form == "csv" else part.to_parquet(name, index=False)
    whole = tmp_path / f"whole.{form}"
    table.to_csv(whole, index=False) if form == "csv" else table.to_parquet(whole, index=False)
    found = compare(parts, whole, key=["id"], shown="parts")
    assert found.rows is not None
    assert (found.rows.head, found.rows.unchanged) == (20, 20)


def test_parts_with_different_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "b.csv").write_bytes(b"a,c\n1,2\n")
    with pytest.raises(DataError, match=r"different columns: b\.csv is not like a\.csv"):
        compare(tmp_path, tmp_path, shown="data")


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ("1\n-2\n", "BIGINT"),
        ("1\n2.5\n", "DOUBLE"),
        ("1e3\n2\n", "DOUBLE"),
        ("1\nNA\n\n", "BIGINT"),
        ("2020-01-01\n2021-02-03 04:05:06\n", "TIMESTAMP"),
        ("1\nx\n", "VARCHAR"),
        ("0x10\n1\n", "VARCHAR"),
        ("NA\nNA\n", "VARCHAR"),
        ("99999999999999999999\n1\n", "DOUBLE"),
    ],
)
def test_types_of_csv_hold_for_every_value(tmp_path: Path, values: str, type_: str) -> None:
    rows = "".join(f"{value},z\n" for value in values.splitlines())
    found = compared(tmp_path, f"a,b\n{rows}".encode())
    assert next(c for c in found.columns if c.name == "a").head_type == type_


def test_a_value_late_in_the_file_decides_the_type(tmp_path: Path) -> None:
    content = b"a,b\n" + b"1,x\n" * 30_001 + b"oops,x\n"
    found = compared(tmp_path, content)
    assert found.columns[0].head_type == "VARCHAR"


def test_headers_may_be_blank_or_stand_twice(tmp_path: Path) -> None:
    found = compared(tmp_path, b"\xef\xbb\xbfa,a,\n1,2,3\n")
    assert [c.name for c in found.columns] == ["a", "a.1", "Unnamed: 2", "b"]


def test_duckdb_reaches_nothing_else(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "t.csv").write_bytes(GOOD)
    (tmp_path / "other.csv").write_bytes(GOOD)
    given = {"head": source(tmp_path / "t.csv", shown="t.csv")}
    with engine.opened(given, private=False) as opened:
        for sql in (
            f"SELECT * FROM read_csv('{tmp_path / 'other.csv'}')",
            f"COPY head TO '{tmp_path / 'out.csv'}'",
            f"ATTACH '{tmp_path / 'x.db'}'",
            "INSTALL httpfs",
            "SET memory_limit = '1GB'",
        ):
            with pytest.raises(duckdb.Error):
                opened.connection.execute(sql).fetchall()
    assert not (tmp_path / "out.csv").exists()


def test_without_duckdb_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(OutsideError, match="duckdb is not installed"):
        compared(tmp_path, GOOD)


def test_the_command_line_does_not_import_duckdb() -> None:
    code = "import assay.cli, assay.datadiff.compare, sys; sys.exit('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
