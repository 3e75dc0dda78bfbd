"""What a terminal shows of much."""

from assay.report import terminal
from assay.stages.test import FailedTest

from tests import records


def test_what_is_left_out_is_counted_where_it_was() -> None:
    record = records.failed_checks()
    assert record.test is not None
    many = tuple(
        FailedTest(name=f"test_{number}", outcome="failed", message="Bad.") for number in range(11)
    )
    text = terminal.text(
        record.with_section("test", record.test.model_copy(update={"failures": many}))
    )
    lines = text.splitlines()
    at = lines.index("…and 1 more test, in the full report")
    assert lines[at - 2] == "failed: test_9"
    assert lines[at + 2].startswith("broken: ")
