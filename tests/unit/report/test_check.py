"""Check runs and commit statuses: what they say, and GitHub's limits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from assay.override import DEFAULT_KEY
from assay.report import check
from assay.report.check import inside
from assay.section import Reason, Status
from assay.verdict import Verdict, decide
from hypothesis import given
from hypothesis import strategies as st

from tests import records
from tests.golden import assert_golden

if TYPE_CHECKING:
    from assay.record import RunRecord

HOSTILE = "a\nb::error::x%0A<img src=x onerror=alert(1)>@team\x00\x1b[31m\udc80"


def report(limit: int) -> str:
    """A report, without what the templates of the day make of it."""
    return "### Verdict\n\n| a |\n|--|\n\n<details>\n<summary>More</summary>\n\nAll\n\n</details>\n"


def verdict(outcome: str, code: int, headline: str = "It is so.") -> Verdict:
    return Verdict.model_validate(
        {"outcome": outcome, "headline": headline, "decided_by": "x", "exit_code": code}
    )


def run_of(record: RunRecord, *reasons: Reason) -> check.CheckRun:
    return check.of(record, decide(record), reasons=reasons, report=report)


@pytest.mark.parametrize(
    ("outcome", "code", "conclusion", "state"),
    [
        ("pass", 0, "success", "success"),
        ("warn", 0, "neutral", "success"),
        ("no gate", 0, "neutral", "success"),
        ("fail", 1, "failure", "failure"),
        ("fail", 2, "failure", "failure"),
        ("inconclusive", 1, "failure", "failure"),
        ("error", 3, "failure", "error"),
        ("error", 4, "failure", "error"),
        ("error", 130, "cancelled", "error"),
    ],
)
def test_what_satisfies_a_required_check_is_what_ends_with_zero(
    outcome: str, code: int, conclusion: str, state: str
) -> None:
    made = check.of(records.good(), verdict(outcome, code), report=report)
    assert made.conclusion == conclusion
    assert check.status(records.good(), verdict(outcome, code)).state == state
    assert (made.conclusion in {"success", "neutral"}) == (code == 0)


@pytest.mark.parametrize(
    ("title", "key", "name", "context"),
    [
        ("", DEFAULT_KEY, "Assay", "assay/default"),
        ("", "churn", "Assay: churn", "assay/churn"),
        ("Churn model", "churn", "Assay: Churn model", "assay/churn"),
        ("a\n b\x00", "k\n", "Assay: a b\\x00", "assay/k"),
        ("x" * 300, "y" * 300, f"Assay: {'x' * 92}…", f"assay/{'y' * 93}…"),
    ],
)
def test_reports_of_one_repository_have_a_name_each(
    title: str, key: str, name: str, context: str
) -> None:
    record = records.good().model_copy(update={"title": title, "comment_key": key})
    made = run_of(record)
    assert (made.name, made.external_id) == (name, context)
    assert check.status(record, decide(record)).context == context


def test_the_summary_is_what_the_report_shows_and_the_text_what_it_folds_away() -> None:
    made = run_of(records.good())
    assert made.summary == "### Verdict\n\n| a |\n|--|"
    assert made.text == "<details>\n<summary>More</summary>\n\nAll\n\n</details>"


def test_a_report_without_folds_has_no_text_and_one_without_anything_has_its_headline() -> None:
    record = records.good()
    made = check.of(record, verdict("pass", 0), report=lambda limit: "All of it")
    assert (made.summary, made.text) == ("All of it", None)
    assert check.of(record, verdict("pass", 0), report=lambda limit: "").summary == "It is so."


@pytest.mark.parametrize("letter", ["x", "é", "→", "𝄞", "\udc80"])
@pytest.mark.parametrize("folded", [False, True])
def test_the_limit_is_one_of_bytes(letter: str, folded: bool) -> None:
    start = "<details>" if folded else "x"
    made = check.of(
        records.good(), verdict("pass", 0), report=lambda limit: f"{start}{letter * limit}"
    )
    for part in (made.summary, made.text or ""):
        assert len(part.encode()) <= 65_535
    assert len((made.text if folded else made.summary or "").encode()) > 20_000


def test_a_report_that_fits_is_rendered_once() -> None:
    asked = []
    check.of(records.good(), verdict("pass", 0), report=lambda limit: asked.append(limit) or "x")
    assert asked == [65_335]  # a note on annotations may follow


def test_the_title_is_one_line_of_at_most_255_characters() -> None:
    said = "word " * 100
    made = check.of(records.good(), verdict("fail", 1, f"{HOSTILE}\n{said}"), report=report)
    assert "\n" not in made.title
    assert "\x00" not in made.title
    assert len(made.title) <= 255
    assert made.title.endswith("word…")
    json.dumps(asdict(made), ensure_ascii=False).encode()


def test_a_status_is_cut_at_a_word_within_140_characters() -> None:
    said = check.status(records.good(), verdict("fail", 1, "a number is below its bound " * 9))
    assert len(said.description) <= 140
    assert said.description.startswith("Failed: a number is below")
    assert said.description.removesuffix("…").split()[-1] in {"a", "number", "is", "its", "below"}


@given(st.text(max_size=300), st.integers(min_value=2, max_value=150))
def test_a_cut_keeps_to_its_limit_and_to_the_text(text: str, most: int) -> None:
    cut = check.cut_words(text, most)
    assert len(cut) <= most
    assert cut == text if len(text) <= most else text.startswith(cut.removesuffix("…"))
    short = check.cut_bytes(text, most + 3)
    assert len(short.encode()) <= most + 3


@given(st.text(st.characters(), max_size=80))
def test_clean_text_can_be_sent_and_holds_lines_and_tabs_alone(text: str) -> None:
    clean = check.clean(text)
    clean.encode()
    assert all(c.isprintable() or c in "\n\t" for c in clean)


@pytest.mark.parametrize(
    ("project", "file", "path"),
    [
        ("", "params.yaml", "params.yaml"),
        ("models/churn/", "params.yaml", "models/churn/params.yaml"),
        ("models/churn/", "../shared/schema.py", "models/shared/schema.py"),
        ("", "./a//b.py", "a/b.py"),
        ("", None, None),
        ("", "", None),
        ("", ".", None),
        ("", "../outside.py", None),
        ("models/", "../../outside.py", None),
        ("../", "a.py", None),
        ("/etc/", "passwd", None),
        ("", "/etc/passwd", None),
        ("", "a/../../b", None),
        ("", ".git/config", None),
        ("", "a\\b.py", None),
        ("", "a\nb.py", None),
        ("", "a\udc80.py", None),
        ("", "x" * 5000, None),
    ],
)
def test_paths_are_of_the_repository_and_never_outside_of_it(
    project: str, file: str | None, path: str | None
) -> None:
    assert inside(project, file) == path


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_path_leads_out(project: str, file: str) -> None:
    path = inside(project, file)
    if path is not None:
        assert not path.startswith("/")
        assert ".." not in path.split("/")


def test_an_annotation_has_its_place_its_level_and_what_to_do() -> None:
    record = records.regression_of_a_metric().model_copy(update={"project": "bikes/"})
    reason = Reason(
        message="f1 0.5812 is below min 0.6.",
        file="assay.yaml",
        line=9,
        key=("metrics", "f1", "min"),
        hint="Train longer.",
    )
    (made,) = run_of(record, reason).annotations
    assert made == check.Annotation(
        path="bikes/assay.yaml",
        start_line=9,
        end_line=9,
        level="failure",
        title="metrics.f1.min",
        message="f1 0.5812 is below min 0.6.\nTrain longer.",
    )


def test_a_failing_test_unfolds_its_traceback() -> None:
    record = records.failed_checks()
    assert record.test is not None
    made = run_of(record, *record.test.reasons).annotations
    assert [(a.path, a.start_line, a.title) for a in made] == [
        ("tests/test_features.py", 12, "Tests"),
        ("tests/test_train.py", 1, "Tests"),
    ]
    assert made[0].raw_details is not None
    assert made[0].raw_details.endswith("E       3 != 4")
    assert made[1].raw_details is None


def test_cases_of_one_test_have_their_own_tracebacks() -> None:
    record = records.failed_checks()
    assert record.test is not None
    names = ("a.py::test", "a.py::test[1]", "a.py::test[10]")
    failure = record.test.failures[0]
    failures = tuple(failure.model_copy(update={"name": n, "details": n}) for n in names)
    reasons = tuple(
        Reason(message=f"{n} failed: x", file=failure.file, line=failure.line) for n in names
    )
    test = record.test.model_copy(update={"failures": failures, "reasons": reasons})
    made = run_of(record.with_section("test", test), *reasons).annotations
    assert [a.raw_details for a in made] == list(names)


def test_a_gate_that_was_accepted_is_only_a_notice() -> None:
    record = records.accepted()
    assert record.compare is not None
    messages = [f"{gate.message}." for gate in record.compare.gates[:2]]
    reasons = [Reason(message=text, file="assay.yaml", line=3) for text in messages]
    made = run_of(record, *reasons).annotations
    assert {a.level for a in made if a.message == messages[0]} == {"notice"}


def test_annotations_are_ordered_unique_and_limited_and_the_rest_is_counted() -> None:
    many = [Reason(message=f"n{i}", severity="note", file="a.py") for i in range(200)]
    worst = Reason(message="worst", file="a.py", line=0)
    made = run_of(records.good(), *many, worst, worst, Reason(message="nowhere"))
    assert len(made.annotations) == 150
    assert made.annotations[0].message == "worst"
    assert made.annotations[0].start_line == 1
    assert made.text is not None
    assert made.text.endswith("_51 more annotations were left out; the report has what they say._")


def test_no_markdown_is_cut_for_the_note_on_annotations() -> None:
    # Half a code span is none, and what it held would be alive.
    record = records.good()
    many = [Reason(message=f"n{i}", severity="note", file="a.py") for i in range(200)]

    def report(limit: int) -> str:
        spans = "`@team @team @team @team @team` "
        return "Passed\n<details>\n" + spans * ((limit - 20) // len(spans))

    made = check.of(record, decide(record), reasons=many, report=report)
    assert made.text is not None
    assert len(made.text.encode()) <= check.MOST_BYTES
    assert made.text.count("`") % 2 == 0
    assert "50 more annotations" in made.text


def test_a_line_beyond_all_files_costs_no_check_run() -> None:
    (made,) = run_of(records.good(), Reason(message="m", file="a.py", line=10**30)).annotations
    assert made.start_line == made.end_line == 2**31 - 1


def test_what_an_annotation_says_is_at_most_64_kb() -> None:
    reason = Reason(message="→" * 1_000_000, file="a.py", key=("x" * 1000,), hint=HOSTILE)
    (made,) = run_of(records.good(), reason).annotations
    assert len(made.message.encode()) <= 64 * 1000
    assert len(made.title) <= 255


def test_hostile_text_is_spelled_out() -> None:
    (made,) = run_of(
        records.good(), Reason(message=HOSTILE, file="a.py", key=(HOSTILE,))
    ).annotations
    assert made.message.startswith("a\nb::error::x%0A<img")
    assert made.message.endswith(r"\x00\x1b[31m\udc80")
    assert made.title == HOSTILE.replace("\n", " ").replace("\x00", r"\x00").replace(
        "\x1b", r"\x1b"
    ).replace("\udc80", r"\udc80")


def test_an_interrupted_run_is_cancelled() -> None:
    record = records.good()
    assert record.train is not None
    train = record.train.model_copy(update={"status": Status.ERROR, "exit_code": 130})
    assert run_of(record.with_section("train", train)).conclusion == "cancelled"


@pytest.mark.parametrize("name", ["good", "regression", "failed-checks", "accepted", "no-gate"])
def test_golden(name: str) -> None:
    record = records.ALL[name]()
    reasons = [reason for _, section in record.sections() for reason in section.reasons]
    made = check.of(
        record,
        decide(record),
        reasons=reasons,
        report=report,
        details_url=record.ci.run_url,
    )
    status = check.status(record, decide(record), target_url=record.ci.run_url)
    shown = {"check run": asdict(made), "commit status": asdict(status)}
    text = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    assert_golden(f"publish/check-{name}.json", text)
