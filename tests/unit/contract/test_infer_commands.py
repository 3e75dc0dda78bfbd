"""`assay contract infer` and `diff` as the command line calls them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from assay.contract import commands
from assay.errors import DataError, RepositoryError, SchemaError

from tests.builders import write
from tests.repos import Repo

if TYPE_CHECKING:
    from pathlib import Path


def test_infer_reads_a_file(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},{n % 7},{'' if n % 5 else n / 2},2024-01-{n % 28 + 1:02d}\n" for n in range(99)
    )
    write(tmp_path, {"my rides.csv": f"id,week day,km,day\n{rows}"})
    code = commands.infer(tmp_path / "my rides.csv", shown="data/my rides.csv", sensitive=["km"])
    assert (
        code
        == '''\
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class MyRides(pa.DataFrameModel):
    """Inferred from data/my rides.csv (99 rows)."""

    id: Series[int] = pa.Field(ge=0, le=150)
    week_day: Series[int] = pa.Field(alias="week day", ge=0, le=6)
    km: Series[float] = pa.Field(nullable=True)
    day: Series[pd.Timestamp] = pa.Field(ge=pd.Timestamp("2024-01-01"), coerce=True)

    class Config:
        strict = True
'''
    )


def test_infer_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.csv does not exist") as found:
        commands.infer(tmp_path / "data.csv", shown="data.csv")
    assert found.value.exit_code == 2
    assert "`dvc pull`" in (found.value.hint or "")


SCHEMA = """\
import pandera.pandas as pa

Schema = pa.DataFrameSchema({"hr": pa.Column(int, pa.Check.le(%d))})
"""


def _diff(repo: Repo, *named: str) -> str:
    options: dict[str, Any] = {"environ": os.environ, "on_line": lambda _: None}
    return commands.diff(*named, git=repo.git(), **options)


def test_diff_of_two_revisions(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit({"schema.py": SCHEMA % 23})
    write(repo.root, {"schema.py": SCHEMA % 20})
    found = _diff(repo, "schema.py:Schema@HEAD")
    assert found == "breaking          hr: range at most 23 → at most 20 (accepts less)"


def test_a_file_that_is_damaged_in_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a": [f"secret{number}" for number in range(50_000)]}).to_parquet(path)
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 1_000] = b"U" * 1_000
    path.write_bytes(content)
    with pytest.raises(DataError, match="The data cannot be scanned") as caught:
        commands.infer(path, shown="x.parquet")
    assert "damaged" in (caught.value.hint or "")
    assert "secret" not in caught.value.message


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit({"schema.py": "Schema = 1"})
    with pytest.raises(RepositoryError, match="There is no revision `nowhere`"):
        _diff(repo, "schema.py:Schema@nowhere")
    with pytest.raises(SchemaError, match=r"schema\.py:Schema at HEAD: `Schema` is not a schema"):
        _diff(repo, "schema.py:Schema@HEAD")
