"""The package in a report: every reader of stages knows it, with and without a check before it."""

from __future__ import annotations

import pytest
from assay.report import (
    badge,
    check,
    escape,
    findings,
    html,
    junit,
    markdown,
    outputs,
    overview,
    package,
    summary,
    terminal,
    view,
)
from assay.section import Reason, Status
from assay.stages.checkout import CheckoutSection
from assay.verdict import decide

from tests import package_records, records
from tests.package_records import made


@pytest.mark.parametrize("name", package_records.ALL)
def test_every_format_shows_it(name: str) -> None:
    record = package_records.ALL[name]()
    verdict = decide(record)
    for render in (markdown.render, html.render, summary.render, terminal.text):
        assert "Package" in render(record)  # type: ignore[operator]
    assert 'name="package"' in junit.render(record, verdict)
    assert ("package" in outputs.of(record)["decided-by"]) is (name != "packaged")
    assert badge.of(record, verdict).outcome == verdict.outcome
    assert check.of(record, verdict, reasons=record.package.reasons if record.package else ())
    overview.of(record)
    stages = [row[0] for row in view.of(record).stages]
    assert stages[-2:] == ["compare", "package"]


def test_a_check_alone_is_not_told_of_packaging() -> None:
    assert "package" not in markdown.render(records.good()).lower().replace("packages", "")
    stopped = records.errored_checkout()
    assert findings.not_run(stopped) == ("validate", "test", "train", "evaluate", "compare")


def test_what_packaging_itself_stumbled_on_kept_no_stage_from_running() -> None:
    assert findings.not_run(package_records.without_a_check()) == ()
    assert findings.not_run(package_records.disagreeing()) == ()


def test_a_package_that_an_earlier_error_kept_from_being_made() -> None:
    section = made().model_copy(
        update={"status": Status.SKIPPED, "blocked_by": "evaluate", "digest": None}
    )
    bad = CheckoutSection(status=Status.ERROR, exit_code=3, reasons=(Reason(message="No."),))
    record = package_records.without_a_check().with_section("checkout", bad)
    record = record.with_section("package", section)
    assert findings.not_run(record)[0] == "package"
    assert [line.label for line in findings.lines(record)] == []


def test_native_because_it_was_asked_for_says_so_in_its_line() -> None:
    why = "assay.yaml asks for a native bundle (`package.format`)."
    section = made().model_copy(update={"kind": "native", "why_native": why})
    assert escape.text(package.summary(section)) == (
        "native, same answers on 10,646 rows, 110 kB, digest c436184607f9: "
        "assay.yaml asks for a native bundle (`package.format`)"
    )


def test_a_row_of_the_table_is_no_problem_of_its_own() -> None:
    record = package_records.disagreeing()
    assert len(findings.problems(record)) == 1
    assert len(view.of(record).mismatches) == 3


def test_reasons_of_packaging_get_on_lines_of_a_check_run() -> None:
    record = package_records.without_a_check()
    reason = Reason(message=package_records.NOT_EVALUATED, file="assay.yaml", line=2)
    (found,) = check.of(record, decide(record), reasons=(reason,)).annotations
    assert found.title == "Package"
