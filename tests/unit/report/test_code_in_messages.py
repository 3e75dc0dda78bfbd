"""Names within a sentence stay code, whatever they hold: a backtick ends nothing."""

from __future__ import annotations

import pytest
from assay.report import escape, findings
from assay.report.escape import Code, Marked
from assay.section import Reason, Status
from assay.stages.validate import CheckFailure, FileResult, ValidateSection
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests import records

names = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(names | st.text("` a", min_size=1), min_size=1, max_size=3))
@example(["`"])
@example(["a`b", "``", " ` "])
def test_what_is_marked_is_found_again(codes: list[str]) -> None:
    sentence = ", ".join(map(escape.marked, codes)) + "."
    found = escape.pieces(f"failing: {sentence}")
    assert [piece for piece in found if isinstance(piece, Marked)] == codes
    assert [piece for piece in found if not isinstance(piece, Marked)] == [
        "failing: ",
        *[", "] * (len(codes) - 1),
        ".",
    ]


@pytest.mark.parametrize(
    ("sentence", "codes"),
    [
        ("run `dvc push`", ["dvc push"]),
        ("`a`, `b`", ["a", "b"]),
        ("`` a`b `` and `c`", ["a`b", "c"]),
        ("unbalanced ` tick", []),
        ("`` not closed `", []),
        ("` x `", [" x "]),
    ],
)
def test_code_in_a_sentence(sentence: str, codes: list[str]) -> None:
    found = escape.pieces(sentence)
    assert [piece for piece in found if isinstance(piece, Marked)] == codes
    assert escape.text(found) == sentence


def _result(name: str, failures: tuple[CheckFailure, ...]) -> FileResult:
    return FileResult(
        path=name, schema_name="schema.py:S", rows=30, columns=2, bytes=9, failures=failures
    )


def test_a_file_name_with_a_backtick_in_the_summary_of_validate() -> None:
    """Several failures become one line at the top, in which each name is one piece of code."""
    name = "data/a`b` @acme/owners.csv"
    failures = tuple(
        CheckFailure(column=column, check="in_range(0, 1)", count=3, share=0.1, examples=("7",))
        for column in ("x", "y")
    )
    validation = ValidateSection(
        status=Status.FAIL,
        files=(_result(name, failures),),
        reasons=tuple(Reason(message=f"{name}: column {c} fails") for c in ("x", "y")),
    )
    record = records.good().with_section("validate", validation)

    (problem,) = [p for p in findings.problems(record) if p.stage == "validate"]

    codes = [piece for piece in escape.pieces(problem.message) if isinstance(piece, Code)]
    assert codes == [name]
    page = MarkdownIt().render(escape.message(problem.message))
    assert f"<code>{name}</code>" in page
    assert "@" not in page.replace(f"<code>{name}</code>", "")
