"""Annotations of several stages in one step: each has its share of the ten."""

from __future__ import annotations

from assay.report.annotations import PER_TYPE, limited
from assay.section import Reason
from hypothesis import given
from hypothesis import strategies as st

SEVERITIES = ("error", "warning", "note")


def reasons(count: int, severity: str = "error", text: str = "r") -> list[Reason]:
    made = (Reason(message=f"{text}{i}") for i in range(count))
    return [reason.model_copy(update={"severity": severity}) for reason in made]


def test_what_the_step_has_shown_counts_towards_the_ten() -> None:
    found = limited(reasons(5), shown=[*reasons(8, text="s"), *reasons(9, "warning")])
    assert [reason.message for reason in found] == ["r0", "…and 4 more errors: see the report."]


def test_a_hundred_broken_rows_leave_room_for_the_gate_that_failed() -> None:
    rows = limited(reasons(100), to_come=4)
    assert len(rows) == 6
    assert rows[-1].message == "…and 95 more errors: see the report."
    gate = reasons(1, text="gate")
    assert limited(gate, shown=rows, to_come=0) == gate


def test_one_severity_that_is_full_does_not_keep_another_out() -> None:
    warning = reasons(1, "warning")
    assert limited([*reasons(3), *warning], shown=reasons(10, text="s")) == warning


@given(st.lists(st.lists(st.sampled_from(SEVERITIES), max_size=30), min_size=1, max_size=6))
def test_a_step_never_shows_more_than_ten_of_a_type_and_every_stage_is_heard(
    stages: list[list[str]],
) -> None:
    shown: list[Reason] = []
    for at, severities in enumerate(stages):
        said = [
            Reason(message=f"{at}-{i}").model_copy(update={"severity": severity})
            for i, severity in enumerate(severities)
        ]
        found = limited(said, shown=shown, to_come=len(stages) - at - 1)
        assert {r.severity for r in found} == {r.severity for r in said}
        shown += found
    for severity in SEVERITIES:
        assert sum(reason.severity == severity for reason in shown) <= PER_TYPE
