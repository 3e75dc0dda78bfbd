"""The first failing rows as a file: which rows, what of them, and that opening it is safe."""

from __future__ import annotations

import csv
import datetime as dt
import importlib
import os
import tempfile
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from assay.contract import failing
from assay.contract.check import Findings
from assay.contract.job import Outcome
from assay.contract.sources.base import POSITION, Layout
from assay.stages.validate import CheckFailure, FileResult
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

FRAME = pd.DataFrame({"hour": [1, 24, 2, -5], "temp": [0.5, None, 2.0, 3.0], "who": list("abcd")})
FINDINGS = Findings(
    failures=(
        CheckFailure(check="in_range(0, 23)", column="hour", count=2),
        CheckFailure(check="dtype('int64')", column="temp", count=1),
        CheckFailure(check="not_nullable", column="temp", count=1),
        CheckFailure(check="adds_up", count=1),
    ),
    positions=((1, 3), (), (1,), (0,)),
)


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def written(
    root: Path,
    frame: Any,
    findings: Findings = FINDINGS,
    *,
    sensitive: Sequence[str] = (),
) -> list[list[str]] | None:
    rows = failing.of_frame(frame, sensitive=sensitive)
    name = failing.write(rows, findings, root, sensitive=sensitive, name="hour.csv")
    assert name in (None, "failing-rows/hour.csv")
    return None if name is None else read(root / name)


def of_rows(*numbers: int) -> Findings:
    return Findings(
        failures=(CheckFailure(check="x", column="c", count=len(numbers)),), positions=(numbers,)
    )


EXPECTED = [
    ["(row)", "(fails)", "hour", "temp", "who"],
    ["0", "adds_up", "1", "0.5", "a"],
    ["1", "hour: in_range(0, 23); temp: not_nullable", "24", "", "b"],
    ["3", "hour: in_range(0, 23)", "-5", "3.0", "d"],
]


@pytest.mark.parametrize("frame", [FRAME, pl.from_pandas(FRAME)], ids=["pandas", "polars"])
def test_a_row_stands_with_its_number_its_checks_and_its_values(tmp_path: Path, frame: Any) -> None:
    assert written(tmp_path, frame) == EXPECTED
    assert [file.name for file in (tmp_path / failing.FOLDER).iterdir()] == ["hour.csv"]


@pytest.mark.parametrize("backend", ["duckdb", "polars"])
def test_a_scanned_table_gives_the_same_file(tmp_path: Path, backend: str) -> None:
    ibis = importlib.import_module("ibis")
    numbered = pl.from_pandas(FRAME).with_row_index(POSITION).reverse()
    if backend == "duckdb":
        table = ibis.memtable(numbered.to_arrow())
    else:
        table = ibis.polars.connect({"t": numbered.lazy()}).table("t")
    rows = failing.of_layout(Layout(empty=None, table=table.drop(POSITION), numbered=table))
    assert rows is not None
    assert failing.write(rows, FINDINGS, tmp_path, sensitive=(), name="x.csv")
    assert read(tmp_path / "failing-rows/x.csv") == EXPECTED
    assert failing.write(rows, FINDINGS, tmp_path, sensitive=("who",), name="y.csv")
    assert read(tmp_path / "failing-rows/y.csv") == [row[:-1] for row in EXPECTED]


def test_rows_without_numbers_give_no_file(tmp_path: Path) -> None:
    assert failing.of_layout(Layout(empty=None, table=None)) is None
    assert written(tmp_path, FRAME, Findings(failures=FINDINGS.failures)) is None
    assert written(tmp_path, FRAME, Findings()) is None
    assert not list(tmp_path.iterdir())


def test_sensitive_columns_are_left_out(tmp_path: Path) -> None:
    for frame in (FRAME, pl.from_pandas(FRAME)):
        table = written(tmp_path, frame, sensitive=("who", "temp"))
        assert table is not None
        assert [row[2:] for row in table] == [["hour"], ["1"], ["24"], ["-5"]]


def test_a_sensitive_column_that_is_missing_leaves_no_file(tmp_path: Path) -> None:
    headless = FRAME.set_axis(["1", "0.5", "carol"], axis=1)
    assert written(tmp_path, headless, sensitive=("who",)) is None
    assert not list(tmp_path.iterdir())


def test_an_index_is_shown_unless_something_is_sensitive(tmp_path: Path) -> None:
    indexed = FRAME.set_index("who")
    assert written(tmp_path, indexed, of_rows(1)) == [
        ["(row)", "(fails)", "who", "hour", "temp"],
        ["1", "c: x", "b", "24", ""],
    ]
    for sensitive in ("who", "hour"):
        table = written(tmp_path, indexed, of_rows(1), sensitive=(sensitive,))
        assert table is not None
        assert "who" not in table[0]
        assert "b" not in table[1]
    several = FRAME.set_index(["who", "hour"])
    assert written(tmp_path, several, of_rows(2)) == [
        ["(row)", "(fails)", "who", "hour", "temp"],
        ["2", "c: x", "c", "2", "2.0"],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula_to_a_spreadsheet(tmp_path: Path, start: str) -> None:
    frame = pd.DataFrame({f"{start}1+1": [f"{start}HYPERLINK('x')", "fine"]})
    findings = Findings(
        failures=(CheckFailure(check="x", column=f"{start}1+1", count=1),), positions=((0,),)
    )
    table = written(tmp_path, frame, findings)
    assert table is not None
    for cell in (table[0][2], table[1][1], table[1][2]):
        assert cell.startswith("'")


@settings(max_examples=40)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_each_cell_is_one_cell_and_none_is_a_formula(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        frame = pl.DataFrame({"a": texts, "b": texts[::-1]}, strict=False)
        table = written(Path(folder), frame, of_rows(*range(len(texts))))
    assert table is not None
    assert len(table) == len(texts) + 1
    for row in table:
        assert len(row) == 4
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "-5"),
        (np.float64(-1.5), "-1.5"),
        (Decimal("-0.10"), "-0.10"),
        (float("nan"), ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        (None, ""),
        (True, "True"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (np.array([1, 2]), "[1 2]"),
        (b"\xff", "b'\\xff'"),
        ("two\nlines", "two\\nlines"),
        ("x" * 5_000, "x" * 999 + "…"),
    ],
)
def test_a_value_of_any_type_is_text(tmp_path: Path, value: Any, text: str) -> None:
    frame = pd.DataFrame({"a": pd.Series([value], dtype=object)})
    table = written(tmp_path, frame, of_rows(0))
    assert table is not None
    assert table[1][2] == text


def test_every_check_has_its_share_of_the_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": range(30_000)})
    spans = [range(at * 1_000, at * 1_000 + 1_000) for at in range(20)]
    findings = Findings(
        failures=tuple(CheckFailure(check=f"c{at}", count=1_000) for at in range(20)),
        positions=tuple(map(tuple, spans)),
    )
    table = written(tmp_path, frame, findings)
    assert table is not None
    assert len(table) - 1 == failing.MOST_ROWS
    assert {row[1] for row in table[1:]} == {f"c{at}" for at in range(20)}


def test_a_file_does_not_grow_without_end(tmp_path: Path) -> None:
    wide = pd.DataFrame({f"c{at}": ["x" * 2_000] * 1_000 for at in range(20)})
    table = written(tmp_path, wide, of_rows(*range(1_000)))
    assert table is not None
    assert 200 < len(table) < 1_000
    assert (tmp_path / "failing-rows/hour.csv").stat().st_size <= failing.MOST_BYTES


@pytest.mark.parametrize(
    ("path", "start"),
    [
        ("data/hour.csv", "hour.csv-"),
        ("s3://bucket/über hour.parquet", "ber-hour.parquet-"),
        ("../../..", "data-"),
        ("\n/\0", "data-"),
        ("x" * 500, "x" * 60 + "-"),
    ],
)
def test_a_file_has_a_name_that_is_safe_and_its_own(path: str, start: str) -> None:
    name = failing.file_name(path, 0)
    assert name.startswith(start)
    assert name.endswith(".csv")
    assert name == failing.file_name(path, 0)
    assert len({name, failing.file_name(path, 1), failing.file_name(f"a/{path}", 0)}) == 3
    assert name.isascii()
    assert "/" not in name


def test_what_an_earlier_run_left_is_removed(tmp_path: Path) -> None:
    failing.clear(tmp_path)
    written(tmp_path, FRAME)
    assert failing.bundle(tmp_path, ["failing-rows/hour.csv"])
    failing.clear(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious.csv").write_text("x")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/failing-rows").symlink_to(tmp_path / "mine")
    assert failing.bundle(tmp_path / "state", ["failing-rows/precious.csv"]) is None
    failing.clear(tmp_path / "state")
    assert (tmp_path / "mine/precious.csv").exists()
    assert not (tmp_path / "state/failing-rows").is_symlink()


def test_a_file_that_the_archive_has_no_room_for_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "MOST_BUNDLED", 2_000_000)
    (tmp_path / "failing-rows").mkdir()
    outcomes = [Outcome(begun="a.csv")]
    for name, size in (("a", 1_500_000), ("b", 600_000), ("c", 500_000), ("gone", None)):
        file = f"failing-rows/{name}.csv"
        if size is not None:
            (tmp_path / file).write_bytes(b"x" * size)
        told = FileResult(
            path=name,
            schema_name="S",
            rows=1,
            columns=1,
            bytes=1,
            failing_rows=file,
            warnings=("w",),
        )
        outcomes.append(Outcome(file=told))
    first, *found = failing.limited(tmp_path, outcomes)
    assert first == outcomes[0]
    assert [one.file.failing_rows is None for one in found if one.file] == [
        False,
        True,
        False,
        False,
    ]
    assert found[0] == outcomes[1]
    assert found[1].file is not None
    assert found[1].file.warnings == (
        "w",
        "Its failing rows are left out: with them there are over 2 MB.",
    )


def test_an_archive_holds_the_files_that_are_plain(tmp_path: Path) -> None:
    written(tmp_path, FRAME)
    folder = tmp_path / "failing-rows"
    (tmp_path / "secret").write_text("hidden")
    (folder / "link.csv").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", folder / "hard.csv")
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    (folder / "large.csv").write_bytes(b"x" * (failing.MOST_BYTES + 1))
    names = ["hour.csv", "hour.csv", "link.csv", "hard.csv", "pipe.csv", "folder.csv", "large.csv"]
    odd = ["secret", "failing-rows/../secret", "/etc/passwd", "failing-rows/a\0b", "", "."]
    archive = failing.bundle(tmp_path, [*(f"failing-rows/{name}" for name in names), *odd])
    assert archive == tmp_path / "failing-rows.zip"
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == ["failing-rows/hour.csv"]
        assert packed.read("failing-rows/hour.csv") == (folder / "hour.csv").read_bytes()
    assert failing.bundle(tmp_path, odd) is None
