"""Running stages: what blocks what, and what an earlier end means for a stage run alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.pipeline import INTERRUPTED, run_stages
from assay.section import Status
from assay.stages.checkout import CheckoutSection

from tests.builders import make_context, printed

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
