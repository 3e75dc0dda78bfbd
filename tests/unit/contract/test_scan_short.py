"""Memory and disk that run out during a scan: an outside error, and never a pass."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pandas as pd
import pandera.pandas as pa
import pytest
from assay.contract import scan, sources
from assay.contract.schema import LoadedSchema
from assay.datadiff import engine
from assay.errors import OutsideError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # Ibis

ROWS = 300_000
SCHEMA = pa.DataFrameSchema({"key": pa.Column(str, unique=True)})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, one of which comes twice, so that they have to be grouped."""
    path = tmp_path_factory.mktemp("short") / "t.parquet"
    pd.DataFrame({"key": [f"{row:040d}" for row in (*range(ROWS), 7)]}).to_parquet(path)
    return path


@pytest.mark.parametrize("what", ["memory", "disk", "folder"])
def test_what_runs_out_is_an_outside_error(data, what, monkeypatch):
    original = engine.lock

    def locked(connection, folder, files, *, memory):
        original(connection, folder, files, memory=memory)
        connection.execute("SET threads = 1")
        connection.execute(f"SET memory_limit = '{2 if what == 'memory' else 16}MB'")
        if what == "disk":
            connection.execute("SET max_temp_directory_size = '1MB'")
        if what == "folder":
            (folder / "spilled").write_text("a file has the name")

    monkeypatch.setattr(engine, "lock", locked)
    loaded = LoadedSchema("schema", SCHEMA, "pandas")
    opened = closing(sources.open_source(data, shown="t.parquet", private=False))
    with opened as source, pytest.raises(OutsideError) as caught:
        scan.findings(source, loaded, root=data.parent, sensitive=())
    assert caught.value.exit_code == 3
    assert "memory" in caught.value.message
    assert "disk space" in caught.value.message
    assert str(data.parent) not in caught.value.message


def test_the_same_data_where_there_is_room(data):
    loaded = LoadedSchema("schema", SCHEMA, "pandas")
    with closing(sources.open_source(data, shown="t.parquet", private=False)) as source:
        (failure,) = scan.findings(source, loaded, root=data.parent, sensitive=()).failures
    assert (failure.check, failure.count) == ("field_uniqueness", 2)
