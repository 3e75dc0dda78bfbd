"""The data contract in every report: grouped, cut with a count, and told how it was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.provenance import Provenance
from assay.report import contract, details, html, junit, markdown, summary, terminal
from assay.report.escape import Code
from assay.section import Status
from assay.stages.validate import CheckFailure, FileResult, PlannedCheck, ValidateSection
from assay.verdict import decide

from tests import contract_records, records

if TYPE_CHECKING:
    from assay.record import RunRecord

FILE = FileResult(path="d.csv", schema_name="s.py:S", rows=200, columns=2, bytes=9)


def run(*files: FileResult) -> RunRecord:
    section = ValidateSection(status=Status.FAIL, exit_code=1, files=files)
    return records.good().with_section("validate", section)


def failing(number: int, path: str = "d.csv", **update: object) -> FileResult:
    failures = tuple(
        CheckFailure(check=f"isin([{at}])", column="a", count=7, share=7 / 200)
        for at in range(number)
    )
    return FILE.model_copy(update={"path": path, "failures": failures, **update})


def planned(*ways: tuple[str, str, str | None]) -> tuple[PlannedCheck, ...]:
    return tuple(
        PlannedCheck.model_validate({"check": check, "column": "a", "how": how, "why": why})
        for check, how, why in ways
    )


def test_checks_of_one_column_stand_together() -> None:
    failures = tuple(
        CheckFailure(check=check, column=column, count=1, share=0.1)
        for column, check in (("b", "x"), (None, "t"), ("a", "x"), ("b", "y"))
    )
    (file,) = contract.files(run(FILE.model_copy(update={"failures": failures})))
    found = [(row.column, row.check) for row in file.checks]
    assert found == [
        (("b",), "x"),
        (("b",), "y"),
        (("whole table",), "t"),
        (("a",), "x"),
    ]
    assert all(isinstance(row.check, Code) for row in file.checks)


@pytest.mark.parametrize(
    ("failure", "count", "share", "where"),
    [
        (CheckFailure(check="x", count=1_204, share=0.5), "1,204", "50.0 %", ""),
        (CheckFailure(check="x", count=1, share=0.0001), "1", "< 0.1 %", ""),
        (CheckFailure(check="dtype('int64')", count=1), "", "", ""),
        (CheckFailure(check="x", count=3), "3", "", ""),
        (CheckFailure(check="x", count=1, file="s.py", line=4), "", "", "s.py:4"),
        (CheckFailure(check="x", count=1, file="s.py"), "", "", "s.py"),
        (CheckFailure(check="x", count=1, line=4), "", "", ""),
    ],
)
def test_a_count_is_one_of_rows(failure: CheckFailure, count: str, share: str, where: str) -> None:
    (file,) = contract.files(run(FILE.model_copy(update={"failures": (failure,)})))
    (row,) = file.checks
    assert (row.count, row.share, row.where) == (count, share, where)


def test_what_holds_is_counted_where_there_is_a_plan() -> None:
    plan = planned(("isin([0])", "scan", None), ("y", "scan", None), ("z", "scan", None))
    facts = {
        "200 rows": failing(1),
        "200 rows; 2 of 3 checks hold": failing(1, plan=plan),
        "200 rows; 0 of 1 check holds": failing(1, plan=plan[:1]),
        "1 row; 3 of 3 checks hold": FILE.model_copy(
            update={"rows": 1, "plan": plan, "warnings": ("w",)}
        ),
        "": FILE.model_copy(update={"rows": None, "plan": plan, "error": "Ragged."}),
    }
    assert [file.facts for file in contract.files(run(*facts.values()))] == list(facts)


def test_a_relation_that_is_no_part_of_the_plan_is_counted_too() -> None:
    file = failing(1, plan=planned(("y", "scan", None)))
    assert contract.files(run(file))[0].facts == "200 rows; 1 of 2 checks hold"


def test_without_a_plan_of_the_schema_nobody_knows_how_much_holds() -> None:
    file = failing(1, plan=planned(("rows(min=3)", "scan", None)))
    assert contract.files(run(file))[0].facts == "200 rows"
    assert "check passed" not in junit.render(run(file), decide(run(file)))
    assert contract.held(file) is None
    assert contract.held(failing(1)) is None


def test_a_file_that_keeps_its_contract_is_not_listed() -> None:
    assert contract.files(run(FILE)) == ()
    assert contract.title(run(FILE)) == ""
    assert contract.files(records.good().model_copy(update={"validation": None})) == ()


@pytest.mark.parametrize(
    ("files", "title"),
    [
        ((failing(2), failing(1, "e.csv")), "Rules of the data contract that are broken (3)"),
        (
            (FILE.model_copy(update={"error": "x", "rows": None}),),
            "Data that could not be checked (1)",
        ),
        (
            (failing(2), failing(1, "e.csv", error="x"), failing(0, "f.csv", error="x")),
            (
                "Rules of the data contract that are broken (3),"
                " and data that could not be checked (2)"
            ),
        ),
        (
            (FILE.model_copy(update={"warnings": ("a", "b")}),),
            "Warnings of the data contract (2)",
        ),
    ],
)
def test_a_title_says_how_much_there_is(files: tuple[FileResult, ...], title: str) -> None:
    assert contract.title(run(*files)) == title


def test_long_lists_are_cut_with_a_count() -> None:
    (file,) = contract.files(run(failing(100)), 30)
    assert (len(file.checks), file.more) == (30, 70)
    many = run(*(failing(100, f"{at}.csv") for at in range(40)))
    found = contract.files(many, 30)
    assert len(found) == 30
    assert {(len(file.checks), file.more) for file in found} == {(contract.LEAST, 97)}
    assert contract.count(many) == 40
    assert len(contract.files(many)) == 40


def test_one_file_with_much_does_not_hide_the_others() -> None:
    found = contract.files(run(failing(500), failing(2, "e.csv")), 10)
    assert [(len(file.checks), file.more) for file in found] == [(5, 495), (2, 0)]


def test_every_report_counts_what_it_leaves_out() -> None:
    record = run(*(failing(100, f"{at:02}.csv") for at in range(40)))
    text = markdown.render(record)
    assert "…and 97 more in this file, in the full report." in text
    assert "…and 10 more, in the full report." in text
    assert "**`29.csv`** · 200 rows" in text
    assert "30.csv" not in text.partition("Rules of the data")[2]
    shown = terminal.text(record)
    assert "  …and 97 more in this file, in the full report\n" in shown
    assert "…and 30 more files, in the full report\n" in shown
    assert len(markdown.render(record)) < markdown.LIMIT
    assert "39.csv" in html.render(record)


def test_files_of_one_plan_are_told_of_once() -> None:
    plan = planned(("x", "scan", None), ("y", "batches", "a custom check"))
    record = run(
        *(FILE.model_copy(update={"path": f"{at}.csv", "plan": plan}) for at in range(3)),
        FILE.model_copy(update={"path": "other.csv", "plan": plan[:1]}),
        FILE,
    )
    assert list(contract.looked_at(record)) == [
        (("0.csv", " and 2 more"), "2"),
        (("in one scan of the data",), ("1",)),
        (
            ("by Pandera, on batches of rows: a custom check",),
            ("1", ": ", "a", " ", "y"),
        ),
        (("other.csv", ", ", "in one scan of the data"), ("1",)),
    ]
    (table,) = (one for one in details.tables(record) if "contract" in one.title)
    assert table.title == "How the data contract was checked (7 checks)"


def test_of_many_checks_that_pandera_ran_a_few_are_named() -> None:
    plan = planned(*((f"c{at}", "column", "why") for at in range(9)))
    ((_, named),) = contract.looked_at(run(FILE.model_copy(update={"plan": plan})))
    assert "".join(named) == "9: a c0, a c1, a c2 and 6 more"


def test_without_a_plan_nothing_is_said_of_one() -> None:
    assert not any("contract" in table.title for table in details.tables(run(failing(1))))


def test_checks_that_hold_are_one_passed_case_of_junit() -> None:
    record = contract_records.broken()
    text = junit.render(record, decide(record))
    assert '<testcase classname="data/raw/trips.parquet" name="25 checks passed"' in text
    assert (
        '<testcase classname="data/parts/00.csv" name="keeps every rule of schema.py:Part"' in text
    )
    assert "schema.py:12\nrow 17: 24\n" in text


def test_failing_rows_are_pointed_at_where_this_run_left_them() -> None:
    record = contract_records.broken()
    name = "failing-rows/trips.parquet-1a2b3c4d.csv"
    assert f"The first rows that fail: `{name}` in `failing-rows.zip`" in markdown.render(record)
    assert f"first failing rows: .assay/{name}\n" in terminal.text(record)
    assert f"<code>{name}</code> in <code>failing-rows.zip</code>" in html.render(record)
    assert name in summary.render(record)
    provenance = Provenance()
    told = record.model_copy(update={"provenance": provenance})
    for text in (markdown.render(told), terminal.text(told), html.render(told)):
        assert "failing-rows" not in text


def test_warnings_are_shown_and_counted() -> None:
    warned = FILE.model_copy(update={"warnings": tuple(f"w{at}" for at in range(8))})
    text = markdown.render(run(warned))
    assert "- ⚠️ w4\n- …and 3 more\n" in text
    assert "warning: d.csv (200 rows)\n  warning: w0\n" in terminal.text(run(warned))
