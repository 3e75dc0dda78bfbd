"""The comment in each of its states, and its length."""

import pytest
from assay.report import markdown, summary
from assay.section import Reason, Status
from assay.stages.validate import ValidateSection
from assay.verdict import decide

from tests import records


def first_line(text: str) -> str:
    return text.partition("\n")[0]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (
            "good",
            "### ✅ Passed: F1 0.6512 → 0.6634 (+0.0122, better), but worse on 2 of 5 slices.",
        ),
        ("regression", "### ❌ Failed: F1 0.5812 is below min 0.6 (1 more gate did not pass)."),
        ("first-run", "### ✅ Passed: F1 is 0.6634; there is no baseline"),
        ("no-gate", "### ⚪ Not judged: F1 0.6512 → 0.6634"),
        ("errored-checkout", "### 🛑 Could not finish (checkout): `data/raw/hour.csv`"),
        ("failed-checks", "### ❌ Failed (validate): data/raw/hour.csv: column `hr` fails"),
    ],
)
def test_the_first_line_is_the_verdict_in_words(name: str, start: str) -> None:
    assert first_line(markdown.render(records.ALL[name]())).startswith(start)


def test_a_first_run_says_that_there_is_no_baseline() -> None:
    text = markdown.render(records.first_run())
    assert "There is no baseline" in text
    assert "⚪ not decided: worse by at most 0.01" in text


def test_without_metrics_a_missing_baseline_is_no_news() -> None:
    record = records.first_run()
    assert record.compare is not None
    empty = record.compare.model_copy(update={"metrics": (), "gates": ()})
    assert "no baseline" not in markdown.render(record.with_section("compare", empty))


def test_no_gate_is_said_and_how_to_set_one() -> None:
    text = markdown.render(records.no_gate())
    assert "nothing could fail" in text
    assert "`metrics: {f1: {max_regression: 0.01}}`" in text
    assert "Passed" not in text


def test_a_dirty_tree_and_a_fork_are_said() -> None:
    assert "changes that are in no commit" in markdown.render(records.no_gate())
    assert "made by a fork" in markdown.render(records.errored_checkout())


def test_an_error_shows_what_to_do_where_and_what_was_not_run() -> None:
    text = markdown.render(records.errored_checkout())
    assert "> **What to do:** Whoever changed it has to run `dvc push`." in text
    assert "> **Where:** `data/raw/hour.csv.dvc:3`" in text
    assert "Not run: validate, test, train, evaluate, compare." in text


def test_what_the_tables_list_is_one_problem_a_stage() -> None:
    text = markdown.render(records.failed_checks())
    top = text.partition("| Metric |")[0]
    assert "3 rules broken in `data/raw/hour.csv`, 1 file could not be checked" in top
    assert "fails `not_nullable`" not in top
    assert "> **validate: ❌ failed.** data/raw/day.csv: The file is empty." in top
    assert top.count("> **test: ") == 1


def test_a_failed_gate_stands_in_the_table_and_is_no_problem_besides() -> None:
    record = records.ALL["regression"]()
    assert record.compare is not None
    (failed, *_) = (gate for gate in record.compare.gates if gate.passed is False)
    gates = (failed.model_copy(update={"message": "f1 0.5 is below its minimum 0.6"}),)
    reasons = (Reason(message="f1 0.5 is below its minimum 0.6."),)
    section = record.compare.model_copy(update={"gates": gates, "reasons": reasons})
    text = markdown.render(record.with_section("compare", section))
    assert text.count("is below its minimum") == 1, "in the headline"


def test_a_warning_of_a_stage_that_failed_is_called_a_warning() -> None:
    record = records.failed_checks()
    assert record.test is not None
    reasons = (Reason(message="Odd.", severity="warning"), Reason(message="Bad."))
    text = markdown.render(
        record.with_section("test", record.test.model_copy(update={"reasons": reasons}))
    )
    assert "**test: ⚠️ warning.** Odd." in text
    assert "**test: ❌ failed.** Bad." in text


def test_names_in_the_lines_are_code() -> None:
    record = records.good()
    why = Reason(message="No data is validated: assay.yaml has no `data`.", severity="note")
    skipped = ValidateSection(status=Status.SKIPPED, reasons=(why,))
    text = markdown.render(record.with_section("validate", skipped))
    assert "- **Contract:** No data is validated: assay.yaml has no `data`." in text


def test_a_given_verdict_is_believed() -> None:
    verdict = decide(records.good()).model_copy(update={"headline": "As told."})
    assert first_line(markdown.render(records.good(), verdict=verdict)) == "### ✅ Passed: As told."


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a", "](https://example.org/a)"),
        ("https://example.org/a b)(c", "](https://example.org/a%20b%29%28c)"),
    ],
)
def test_the_link_to_the_page(url: str, shown: str) -> None:
    assert shown in markdown.render(records.good(), html_link=url)


def test_a_link_that_is_no_web_address_is_left_out() -> None:
    assert "full report with" not in markdown.render(records.good(), html_link="javascript:alert()")


@pytest.mark.parametrize("limit", [65_536, 20_000, 8_000, 3_000, 1_200, 400, 200])
def test_a_long_report_keeps_the_verdict_within_the_limit(limit: int) -> None:
    for name in ("good", "hostile", "failed-checks"):
        whole = markdown.render(records.ALL[name]())
        text = markdown.render(records.ALL[name](), limit=limit)
        assert markdown.length(text) <= limit
        if limit >= 400:
            assert first_line(text) == first_line(whole)
        if limit >= 1_200:
            assert text == whole or "Left out for want of room" in text or "more, in the" in text


def test_details_are_left_out_in_their_order() -> None:
    record = records.good()
    whole = markdown.render(record)
    left_out = []
    for limit in range(markdown.length(whole), 500, -40):
        text = markdown.render(record, limit=limit)
        line = next((x for x in text.splitlines() if x.startswith("_Left out")), "")
        if line:
            left_out = (
                line.removeprefix("_Left out for want of room: ").partition(".")[0].split(", ")
            )
            order = [p for p in markdown.LEAST_IMPORTANT_FIRST if p in left_out]
            assert left_out == order
    assert left_out[0] == "environment"
    assert "all metrics" in left_out


def test_a_thousand_metrics_fit() -> None:
    record = records.good()
    assert record.compare is not None
    many = tuple(records.change(f"metric_{i}", 0.5, 0.6) for i in range(1_000))
    slices = tuple(records.slice_change("user", str(i), 10, 0.5, 0.4) for i in range(1_000))
    compare = record.compare.model_copy(
        update={"metrics": (*record.compare.metrics, *many), "slices": slices}
    )
    text = markdown.render(record.with_section("compare", compare))
    assert markdown.length(text) <= markdown.LIMIT
    assert "Worse on 1,000 of 1,000 slices" in text
    assert "more, in the full report" in text


def test_characters_are_counted_as_github_counts_them() -> None:
    assert markdown.length("é😀") == 3


def test_the_step_summary_fits_in_bytes() -> None:
    record = records.hostile(tuple(f"日本語{i}" * 60 for i in range(60)))
    text = summary.render(record)
    assert len(text.encode()) < summary.LIMIT_BYTES


@pytest.mark.parametrize(
    ("update", "commands"),
    [
        (
            {"pull_request": 7},
            ["git fetch origin pull/7/head", f"git checkout --detach {records.HEAD}"],
        ),
        (
            {"pull_request": None, "head_ref": "it's $(mine)"},
            ["git fetch origin 'refs/heads/it'\"'\"'s $(mine)'"],
        ),
        ({"pull_request": None, "head_ref": "-x"}, ["git fetch origin refs/heads/-x"]),
        ({"pull_request": None, "head_ref": "a\nb"}, [f"git fetch origin {records.HEAD}"]),
        ({"head_sha": "$(evil)"}, ["```sh\nassay check --base"]),
    ],
)
def test_the_commands_to_repeat_a_run(update: dict[str, object], commands: list[str]) -> None:
    record = records.good()
    record = record.model_copy(update={"ci": record.ci.model_copy(update=update)})
    text = markdown.render(record)
    for command in commands:
        assert command in text
    assert f"assay check --base {records.BASE}" in text


def test_the_command_of_a_project_in_a_folder() -> None:
    record = records.good().model_copy(update={"project": "models/a $(b)/"})
    assert f"assay check -C 'models/a $(b)/' --base {records.BASE}" in markdown.render(record)
