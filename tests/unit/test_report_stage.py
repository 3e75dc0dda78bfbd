"""The files of a report, with templates of the user's that work or do not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from assay.plots import DeclaredPlot
from assay.stages import report as reporting

from tests import records
from tests.builders import make_context, printed, write

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "report: {templates: words}"
EXTENDS = '{% extends "assay/comment.md.j2" %}\n'
LOOP = "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"


def reported(root: Path, files: dict[str, str], *, project: str = "") -> tuple[str, str]:
    """What is posted, and what the log says."""
    write(root, {f"words/{name}": text for name, text in files.items()})
    context = make_context(root, CONFIG, environ={}, github=True)
    record = records.good().model_copy(update={"project": project})
    context = replace(context, record=record)
    made = reporting.run(context, formats=("markdown", "html"))
    assert made.verdict.outcome == "pass"
    assert "<html" in made.html.read_text(encoding="utf-8")
    return made.markdown.read_text(encoding="utf-8"), printed(context)


def test_a_template_has_its_say(tmp_path: Path) -> None:
    body = EXTENDS + "{% block verdict %}Ask **us**.\n{{ super() }}{% endblock %}"
    comment, said = reported(tmp_path, {"comment.md.j2": body})
    assert comment.startswith("Ask **us**.\n### ✅ Passed")
    assert said == ""


@pytest.mark.parametrize(
    ("name", "body", "line", "words"),
    [
        ("comment.md.j2", EXTENDS + "\n{{ x", ",line=3", "cannot be understood"),
        (
            "comment.md.j2",
            EXTENDS + "{% block verdict %}{{ no.such }}{% endblock %}",
            ",line=2",
            "",
        ),
        ("comment.md.j2", LOOP, ",line=1", "loops too often"),
        ("comment.md.j2", " \n", "", "shows nothing"),
        ("page.html.j2", "\n{{ view.__class__ }}", ",line=2", "unsafe"),
        ("coment.md.j2", "x", "", "allowed are `comment.md.j2` and `page.html.j2`"),
    ],
)
def test_a_template_that_fails_costs_its_words_alone(
    tmp_path: Path, name: str, body: str, line: str, words: str
) -> None:
    comment, said = reported(tmp_path, {name: body}, project="models/churn/")
    assert comment.startswith("### ✅ Passed")
    (warning,) = said.splitlines()
    assert warning.startswith(f"::warning file=models/churn/words/{name}{line}::"), warning
    assert words in warning


def test_a_folder_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    comment, said = reported(tmp_path, {})
    assert comment.startswith("### ✅ Passed")
    assert said == (
        "::warning file=words::The folder of templates cannot be read: No such file or directory.\n"
    )


def test_a_summary_that_cannot_be_written_costs_no_other_place(tmp_path: Path) -> None:
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "none/summary.md")}
    context = make_context(tmp_path, environ=environ, github=True)
    files = reporting.run(replace(context, record=records.good()), formats=("markdown", "summary"))
    assert files.markdown.is_file()
    assert re.fullmatch(
        r"::warning::.*summary\.md cannot be written: No such file or directory\.\n",
        printed(context),
    )


def test_files_of_plots_that_lead_nowhere_are_left_out(tmp_path: Path) -> None:
    record = records.good()
    assert record.evaluate is not None
    plots = [
        DeclaredPlot(name=name, kind="vega", file=f"plots/{name}", revision="head")
        for name in ("loop", "outside", "there")
    ]
    evaluate = record.evaluate.model_copy(update={"plots": tuple(plots)})
    record = record.model_copy(update={"evaluate": evaluate})
    write(tmp_path, {"state/plots/there": "{}", "secret": "s"})
    (tmp_path / "state/plots/loop").symlink_to("loop")
    (tmp_path / "state/plots/outside").symlink_to("../../secret")
    assert reporting.plot_files(record, tmp_path / "state") == {"plots/there": b"{}"}
