"""The files of a source: what is found, refused, and noticed when it changes."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from assay.contract import judge
from assay.contract.sources import files, open_source
from assay.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def refused(path: Path | list[Path], shown: str = "data", name: str | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        open_source(path, shown=shown, name=name, private=False)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.parquet", files.Kind(".parquet")),
        ("a.PQ", files.Kind(".parquet")),
        ("part-0.snappy.parquet", files.Kind(".parquet")),
        ("a.b.csv.gz", files.Kind(".csv", ".gz")),
        ("a.tsv.zst", files.Kind(".tsv", ".zst")),
        ("a.ndjson.bz2", files.Kind(".jsonl", ".bz2")),
        ("a.feather", files.Kind(".arrow")),
        ("a.parquet.gz", None),
        ("a.xlsx", None),
        ("a", None),
        (".csv", None),
        ("a.gz", None),
    ],
)
def test_the_name_tells_the_format(name: str, kind: files.Kind | None) -> None:
    assert files.kind_of(name) == kind


def test_an_object_without_a_suffix_is_what_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "0f1e2d"
    pd.DataFrame({"a": [1, 2]}).to_parquet(path)

    source = open_source(path, shown="data.parquet", name="data.parquet", private=False)

    layout = source.layout("pandas", has_index=False)
    assert layout.table.a.sum().to_pyarrow().as_py() == 3
    assert source.bytes == path.stat().st_size
    source.close()


def test_a_format_that_is_not_supported(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")

    error = refused(tmp_path / "a.xlsx", "a.xlsx")

    assert error.message == "a.xlsx is in no supported format."
    assert "Parquet" in (error.hint or "")
    assert ".jsonl" in (error.hint or "")


def test_a_folder_that_is_empty(tmp_path: Path) -> None:
    assert refused(tmp_path).message == "data has nothing in it."


def test_a_folder_without_data_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "a.csv").write_text("a\n1\n")

    assert refused(tmp_path).message == "data has no data file in it."


def test_a_folder_of_two_formats(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "b.parquet")

    assert refused(tmp_path).message == "data mixes formats: a.csv and b.parquet."


@pytest.mark.parametrize("stray", ["README.md", "a.parquet.dvc", "year=1/SUCCESS"])
def test_a_folder_of_parquet_with_another_file(tmp_path: Path, stray: str) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "b.parquet")
    (tmp_path / "_SUCCESS").write_text("what Spark leaves is no data")
    (tmp_path / stray).parent.mkdir(exist_ok=True)
    (tmp_path / stray).write_text("x")

    error = refused(tmp_path)  # whatever the schema is of

    assert error.message.startswith(f"data holds {stray}, which is no Parquet file")
    with pytest.raises(pa.ArrowInvalid):
        pd.read_parquet(tmp_path)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl", "a.arrow"])
def test_zero_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")

    assert refused(tmp_path / name, name).message == f"{name} is empty (0 bytes)."


def test_a_pointer_of_git_lfs(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("version https://git-lfs.github.com/spec/v1\n")

    error = refused(tmp_path / "a.parquet", "a.parquet")

    assert error.message == "a.parquet is a pointer of Git LFS."
    assert error.hint == "Run `git lfs pull` first."


@pytest.mark.parametrize("name", ["a.parquet", "folder"])
def test_data_that_was_not_pulled(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.dvc").write_text("outs: []\n")

    error = refused(tmp_path / name, name, "a.parquet")

    assert error.message == f"{name} does not exist."
    assert "dvc pull" in (error.hint or "")


def test_the_pointer_of_dvc_in_place_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.dvc").write_text("outs: []\n")

    assert "no supported format" in refused(tmp_path / "a.parquet.dvc").message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")

    assert refused(tmp_path / "a.csv").message == "data is not a regular file."


def test_listed_parts_are_read_in_their_order(tmp_path: Path) -> None:
    for number in (1, 2):
        pq.write_table(pa.table({"a": [number]}), tmp_path / f"{number}.parquet")

    source = open_source(
        [tmp_path / "2.parquet", tmp_path / "1.parquet"], shown="data", private=False
    )

    (frame,) = source.frames(source.layout("pandas", has_index=False))
    assert frame["a"].tolist() == [2, 1]
    source.close()


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("change", ["longer", "as long", "replaced", "gone"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, name: str, change: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    frame.to_csv(path, index=False) if name == "t.csv" else frame.to_parquet(path)
    source = open_source(path, shown=name, private=False)
    source.layout("pandas", has_index=False)
    source.check_unchanged()
    content = path.read_bytes()

    if change == "longer":
        path.write_bytes(content + b"5,6\n")
    elif change == "as long":
        path.write_bytes(content[::-1])
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    elif change == "replaced":
        status = path.stat()
        (tmp_path / "new").write_bytes(content)
        os.utime(tmp_path / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
        (tmp_path / "new").replace(path)
    else:
        path.unlink()

    with pytest.raises(DataError) as caught:
        source.check_unchanged()
    source.close()
    what = "is gone" if change == "gone" else "was changed"
    assert caught.value.message == f"{name} {what} while it was validated."
    assert caught.value.exit_code == 2


def test_a_file_that_is_small_only_as_long_as_it_is_packed(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "t.csv.gz", "wb", compresslevel=1) as file:
        file.writelines([b"0" * 1_000_000] * 17)
    repeated = pa.table({"a": pa.array([0] * 17_000_000, pa.int8())})
    pq.write_table(repeated, tmp_path / "t.parquet")
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(b"a\n1\n"))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a\n1\n")[:-4])

    small = [path.name for path in tmp_path.iterdir() if judge._is_small(path)]

    assert all(path.stat().st_size < judge.SMALL / 100 for path in tmp_path.iterdir())
    assert sorted(small) == ["cut.csv.gz", "s.csv.gz"]  # its reader says what is wrong with it
