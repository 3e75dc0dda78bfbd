"""The step summary's limit, which GitHub counts in bytes: what is over it is not shown at all."""

from __future__ import annotations

import pytest
from assay.report import summary
from assay.stages.test import FailedTest
from assay.stages.validate import CheckFailure

from tests import records
from tests.records import change, metric_gate, slice_change


@pytest.mark.parametrize("letter", ["m", "→", "𝄞", "|", "\x1b", "\udc80"])
def test_a_giant_record_fits_with_room_for_what_other_tools_of_the_step_write(letter: str) -> None:
    record = records.failed_checks()
    assert record.compare is not None
    assert record.validation is not None
    assert record.test is not None
    long = letter * 200
    compare = record.compare.model_copy(
        update={
            "metrics": tuple(change(f"{long}{i}", 0.5, 0.4, configured=True) for i in range(700)),
            "slices": tuple(slice_change(long, str(i), 50, 0.5, 0.4) for i in range(700)),
            "gates": tuple(
                metric_gate(f"{long}{i}", "min", 0.6, 0.4, passed=False, message=f"{long} {i}")
                for i in range(700)
            ),
        }
    )
    failures = tuple(CheckFailure(check=f"{long}{i}", column=long, count=1) for i in range(700))
    file = record.validation.files[0].model_copy(update={"failures": failures})
    validation = record.validation.model_copy(update={"files": (file,)})
    tests = tuple(
        FailedTest(name=f"{i}", outcome="failed", message=long, details=long * 20)
        for i in range(700)
    )
    test = record.test.model_copy(update={"failures": tests})
    giant = (
        record.with_section("compare", compare)
        .with_section("validate", validation)
        .with_section("test", test)
    )
    size = len(summary.render(giant).encode("utf-8", errors="backslashreplace"))
    assert size <= summary.LIMIT_BYTES * 3 // 4
    assert size > 1_000
