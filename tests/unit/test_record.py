"""The record: written whole, read strictly, without secrets."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from assay import record as records
from assay.ci import CiContext
from assay.config import Config
from assay.errors import OutsideError, UsageError
from assay.record import STAGES, Revision, RunRecord
from assay.section import Status
from assay.stages.checkout import CheckoutSection
from assay.stages.validate import ValidateSection
from assay.workspace import write_atomically

from tests import records as examples

if TYPE_CHECKING:
    from pathlib import Path


def _new() -> RunRecord:
    return records.new(ci=CiContext(), config=Config(), head=Revision(sha="ab" * 20))


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "record.json"
    for record in (_new(), examples.good(), examples.hostile()):
        records.save(record, path)
        assert records.load(path) == record
    assert os.listdir(path.parent) == ["record.json"]  # noqa: PTH208 (names)


def test_a_name_that_is_not_utf8_is_written_all_the_same(tmp_path: Path) -> None:
    record = records.new(ci=CiContext(head_ref="a\udcffb"), config=Config(), project="\udcff/")
    records.save(record, tmp_path / "record.json")
    assert records.load(tmp_path / "record.json").ci.head_ref == "a?b"


def test_sections_by_stage() -> None:
    record = _new().with_section("validate", ValidateSection(status=Status.WARN))
    record = record.with_section("checkout", CheckoutSection(status=Status.PASS))
    assert [stage for stage, _ in record.sections()] == ["checkout", "validate"]
    assert record.section("validate") is record.validation
    assert json.loads(record.to_json())["validate"]["status"] == "warn"
    assert all(record.section(stage) is None for stage in STAGES[2:])


def test_it_says_what_it_ran_in() -> None:
    environment = _new().environment
    assert environment is not None
    assert environment.python.startswith("3.")
    assert "dvc" in environment.packages


def test_a_record_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no record") as caught:
        records.load(tmp_path / "record.json")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 2, "created": "2026-01-01T00:00:00Z"}', "null"]
)
def test_what_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is not a record that Assay"):
        records.load(path)


def test_a_record_with_something_else_in_it(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    content = json.loads(_new().to_json())
    path.write_text(json.dumps({**content, "extra": 1}))
    with pytest.raises(UsageError):
        records.load(path)


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OutsideError, match="cannot be written: No space left") as caught:
        write_atomically(path, "new")
    assert caught.value.exit_code == 3
    assert "Free some space" in (caught.value.hint or "")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def test_a_record_of_any_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    with path.open("wb") as file:
        file.truncate(records.LIMIT + 1)  # without taking the space
    with pytest.raises(UsageError, match="larger than 100 MB"):
        records.load(path)
