"""Data in a DVC remote as a source: an S3 server (moto's), and what is fetched from it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import polars as pl
import pytest
from assay.contract import scan
from assay.contract.schema import LoadedSchema
from assay.contract.sources import open_remote, remote
from assay.errors import DataError, RemoteError
from dvc.repo import Repo

from tests.builders import write

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(dvc|botocore|aiobotocore|s3fs).*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # aiohttp's sessions
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BUCKET = "tables"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key-0123456789",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
ROWS = 100_000
FOLDERS = ("parts", "marked", "mixed")


def _frame() -> pd.DataFrame:
    numbers = np.random.default_rng(5).normal(size=(ROWS, 9))
    frame = pd.DataFrame(numbers, columns=[f"x{n}" for n in range(9)])
    frame.insert(0, "id", range(ROWS))
    return frame


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, s3: str) -> Path:
    """A DVC project whose data is in a bucket, and nowhere else."""
    root = tmp_path_factory.mktemp("remote") / "project"
    (root / "parts" / "k=1").mkdir(parents=True)
    (root / "parts" / "k=2").mkdir()
    _frame().to_parquet(root / "t.parquet", compression="none")
    for number in (1, 2):
        pd.DataFrame({"i": [number, None]}).to_parquet(root / f"parts/k={number}/p.parquet")
    (root / "t.csv").write_text("a,b\n1,x\n2,y\n")
    for name, beside in (("marked", "_SUCCESS"), ("mixed", "README.md")):
        (root / name).mkdir()
        pd.DataFrame({"i": [1]}).to_parquet(root / name / "p.parquet")
        (root / name / beside).write_text(name)
    write(
        root,
        {
            ".dvc/config": "[core]\nremote = cloud\nanalytics = false\n"
            f"['remote \"cloud\"']\nurl = s3://{BUCKET}/data\nendpointurl = {s3}\n"
        },
    )
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    with Repo(str(root)) as repo:
        repo.add([str(root / name) for name in (*FOLDERS, "t.parquet", "t.csv")])
    # A remote has the layout of the cache.
    shutil.move(root / ".dvc" / "cache", root.parent / "cache")
    _upload(root.parent / "cache", s3)
    for name in FOLDERS:
        shutil.rmtree(root / name)
    (root / "t.parquet").unlink()
    (root / "t.csv").unlink()
    return root


def _upload(cache: Path, endpoint: str) -> None:
    import boto3

    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    client.create_bucket(Bucket=BUCKET)
    for path in filter(Path.is_file, cache.rglob("*")):
        client.upload_file(str(path), BUCKET, f"data/{path.relative_to(cache).as_posix()}")


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is fetched."""
    sizes: list[int] = []
    original = remote.RangedFile.readinto

    def counted(self: remote.RangedFile, buffer: bytearray) -> int:
        sizes.append(original(self, buffer))
        return sizes[-1]

    monkeypatch.setattr(remote.RangedFile, "readinto", counted)
    return sizes


def test_parquet_is_fetched_by_columns(project: Path, fetched: list[int]) -> None:
    source = open_remote(project, "t.parquet", shown="t.parquet", private=False)
    layout = source.layout("pandas", has_index=False)

    total = layout.table.id.sum().to_pyarrow().as_py()

    assert total == ROWS * (ROWS - 1) // 2
    # One of ten columns, its dictionary, and the footer, twice.
    assert 0.05 * source.bytes < sum(fetched) < 0.2 * source.bytes
    (frame,) = source.frames(layout, ["x3"])
    pd.testing.assert_frame_equal(frame, _frame()[["x3"]])
    assert sum(fetched) < 0.35 * source.bytes
    assert not (project / ".dvc" / "cache").exists() or not any(
        path.stat().st_size > 10_000 for path in (project / ".dvc" / "cache").rglob("*")
    )
    source.check_unchanged()
    source.close()


def test_many_threads_read_what_is_there(project: Path) -> None:
    source = open_remote(project, "t.parquet", shown="t.parquet", private=False)
    layout = source.layout("polars", has_index=False)

    sums = layout.table.aggregate([layout.table[f"x{n}"].sum().name(f"x{n}") for n in range(9)])

    for name, value in sums.to_pyarrow().to_pylist()[0].items():
        assert value == pytest.approx(_frame()[name].sum())
    assert pl.concat(source.frames(layout, rows=40_000)).equals(pl.from_pandas(_frame()))
    assert layout.empty.schema == pl.from_pandas(_frame()).schema
    source.close()


def test_a_folder_with_partitions(project: Path) -> None:
    source = open_remote(project, "parts", shown="parts", private=False)

    for backend in ("pandas", "polars"):
        layout = source.layout(backend, has_index=False)
        rows = layout.table.to_pyarrow().to_pylist()
        assert sorted(map(str, rows)) == sorted(
            map(
                str,
                [{"i": i, "k": k} for i, k in ((1.0, 1), (None, 1), (2.0, 2), (None, 2))],
            )
        )
        (frame,) = source.frames(layout)
        assert frame.shape == (4, 2)
    source.close()


def test_a_folder_with_other_files(project: Path) -> None:
    source = open_remote(project, "marked", shown="marked", private=False)
    (frame,) = source.frames(source.layout("pandas", has_index=False))
    source.close()
    with pytest.raises(DataError, match="mixed holds README"):
        open_remote(project, "mixed", shown="mixed", private=False)

    assert frame.to_dict("list") == {"i": [1]}


def test_csv_is_copied_for_a_while(project: Path) -> None:
    source = open_remote(project, "t.csv", shown="t.csv", private=False)

    (frame,) = source.frames(source.layout("pandas", has_index=False))

    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    source.close()
    assert not (project / "t.csv").exists()


class _Opened:
    """A source whose layout is known already."""

    def __init__(self, source: Any, layout: Any) -> None:
        self._source, self._layout = source, layout

    def layout(self, *_: Any, **__: Any) -> Any:
        return self._layout

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def test_what_dvc_does_not_track(project: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_remote(project, "other.parquet", shown="other.parquet", private=False)

    assert caught.value.message == "DVC does not track other.parquet."


def test_what_was_never_pushed(project: Path, s3: str, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "copy")
    pointer = (copy / "t.parquet.dvc").read_text()
    (copy / "t.parquet.dvc").write_text(
        "\n".join(
            line if "md5:" not in line else line[: line.index("md5:")] + f"md5: {'a' * 32}"
            for line in pointer.splitlines()
        )
        + "\n"
    )

    with pytest.raises(DataError) as caught:
        open_remote(copy, "t.parquet", shown="t.parquet", private=False)

    assert caught.value.message == "t.parquet is not in the remote."
    assert caught.value.hint == "Run `dvc push` where the data is."


def test_a_remote_that_does_not_answer(project: Path, s3: str, tmp_path: Path) -> None:
    copy = shutil.copytree(project, tmp_path / "copy")
    config = (copy / ".dvc" / "config").read_text()
    (copy / ".dvc" / "config").write_text(config.replace(s3, "http://127.0.0.1:9"))

    with pytest.raises(RemoteError) as caught:
        open_remote(copy, "t.parquet", shown="t.parquet", private=False)

    assert caught.value.exit_code == 3
    assert "t.parquet cannot be read from its remote" in caught.value.message
    assert ENVIRON["AWS_SECRET_ACCESS_KEY"] not in f"{caught.value.message}{caught.value.hint}"


def test_a_remote_that_stops_to_answer_during_the_scan(project: Path, tmp_path: Path) -> None:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    copy = shutil.copytree(project, tmp_path / "copy")
    config = copy / ".dvc" / "config"
    host, port = server.get_host_and_port()
    lines = [line for line in config.read_text().splitlines() if "endpointurl" not in line]
    config.write_text("\n".join([*lines, f"endpointurl = http://{host}:{port}", ""]))
    source = open_remote(copy, "t.parquet", shown="t.parquet", private=False)
    layout = source.layout("pandas", has_index=False)
    server.stop()
    schema = pa.DataFrameSchema({"x1": pa.Column(float, pa.Check.gt(-1))})

    with pytest.raises(RemoteError) as caught:
        scan.findings(
            _Opened(source, layout),
            LoadedSchema("schema", schema, "pandas"),
            root=copy,
            sensitive=(),
        )

    source.close()
    assert caught.value.exit_code == 3
    assert caught.value.message.startswith("The table cannot be read from its remote: Endpoint")
    assert "Traceback" not in caught.value.message
    assert "dvc remote list" in str(caught.value.hint)
