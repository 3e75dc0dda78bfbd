"""`disjoint_from`: a gate on rows that evaluation data and training data have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.section import Status
from assay.stages import compare

from tests.builders import make_context
from tests.repos import Repo

if TYPE_CHECKING:
    from pathlib import Path

    from assay.stages.compare import CompareSection

CONFIG = """
data:
  - path: test.csv
    schema: schema.py:Schema
    key: id
    disjoint_from: train.csv
"""


def _compare(tmp_path: Path, test: str, train: str | None, config: str = CONFIG) -> CompareSection:
    repo = Repo(tmp_path / "repo")
    files = {"test.csv": test, **({} if train is None else {"train.csv": train})}
    repo.commit(files)
    return compare.run(make_context(repo.root, config, environ=repo.environ))


def test_nothing_in_common_passes(tmp_path: Path) -> None:
    section = _compare(tmp_path, "id,x\n1,5\n2,6\n", "id,x\n3,5\n4,7\n")
    (gate,) = section.gates
    assert gate.result == "passed"
    assert gate.name == "data.0.disjoint_from: 0"
    assert gate.message == "test.csv has no row in common with train.csv"
    assert section.leakage[0].shared_rows == 0


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("id,x\n1,5\n3,5\n", "1 of the 2 rows of test.csv are in train.csv too"),
        ("id,x\n1,5\n3,9\n4,9\n", "2 of the 3 keys of test.csv are in train.csv too"),
    ],
)
def test_rows_or_keys_in_common_fail(tmp_path: Path, test: str, said: str) -> None:
    section = _compare(tmp_path, test, "id,x\n3,5\n4,7\n")
    assert section.status is Status.FAIL
    (gate,) = section.gates
    assert (gate.result, gate.message) == ("failed", said)
    (reason,) = [reason for reason in section.reasons if reason.severity == "error"]
    assert reason.key == ("data", 0, "disjoint_from")


@pytest.mark.parametrize("train", [None, "a,b\n1,2\n"])
def test_what_cannot_be_looked_at_fails(tmp_path: Path, train: str | None) -> None:
    section = _compare(tmp_path, "id,x\n1,5\n", train)
    assert [gate.result for gate in section.gates] == ["failed"]
