"""Running stages: what blocks what, and what an earlier end means for a stage run alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay import yamlfile
from assay.pipeline import INTERRUPTED, run_stages
from assay.section import Reason, Section, Status
from assay.stages import checkout
from assay.stages.checkout import CheckoutSection

from tests.builders import make_context, printed, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("code", [2, 3, INTERRUPTED])
def test_a_stage_after_one_that_ended_early_is_no_success(tmp_path: Path, code: int) -> None:
    context = make_context(tmp_path)
    ended = CheckoutSection(status=Status.ERROR, exit_code=code)
    context = context.with_record(context.record.with_section("checkout", ended))

    done = run_stages(["train"], context)

    section = done.record.train
    assert section is not None
    assert (section.status, section.exit_code) == (Status.SKIPPED, code)
    assert section.blocked_by == "checkout"
    assert section.reasons[0].hint == "Run `assay checkout` again."
    assert "train: skipped, because checkout did not succeed" in printed(done)


def test_reasons_are_placed_by_one_look_at_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"assay.yaml": "train: skip\nmetrics:\n  f1: {min: 1}\n"})
    keys = [("metrics", "f1", "min"), ("train",), None, ("gone",), ("metrics", "f1")] * 100
    said = tuple(Reason(message="No.", key=key) for key in keys)
    context = make_context(tmp_path)
    reads: list[str] = []
    read = yamlfile.load_document

    def counted(text: str, *, file: str) -> yamlfile.YamlDocument:
        reads.append(file)
        return read(text, file=file)

    def run(_: object) -> Section:
        return CheckoutSection(status=Status.FAIL, reasons=said)

    monkeypatch.setattr(yamlfile, "load_document", counted)
    monkeypatch.setattr(checkout, "run", run)
    section = run_stages(["checkout"], context).record.checkout

    assert section is not None
    assert [reason.line for reason in section.reasons[:5]] == [3, 1, None, None, 3]
    assert [reason.file for reason in section.reasons[:3]] == ["assay.yaml", "assay.yaml", None]
    assert len(section.reasons) == 500
    assert reads == ["assay.yaml"]
