"""Outputs of the action, annotations, and the stage that writes them all."""

import io
import json
import re
from pathlib import Path

import pytest
from assay.console import Console
from assay.context import Context
from assay.errors import OutsideError
from assay.report import annotations, outputs
from assay.section import Reason
from assay.stages import report
from assay.workspace import Workspace

from tests import records


def read_outputs(text: str) -> dict[str, str]:
    """As the runner reads the file."""
    return {
        match[1]: match[3]
        for match in re.finditer(r"^([\w-]+)<<(\S+)\n(.*?)\n\2\n", text, re.MULTILINE | re.DOTALL)
    }


@pytest.mark.parametrize(
    ("name", "verdict", "outcome"),
    [
        ("good", "pass", "success"),
        ("regression", "fail", "failure"),
        ("no-gate", "no-gate", "success"),
        ("errored-checkout", "error", "failure"),
    ],
)
def test_outputs(name: str, verdict: str, outcome: str) -> None:
    found = outputs.of(records.ALL[name]())
    assert found["verdict"] == verdict
    assert found["outcome"] == outcome
    assert isinstance(json.loads(found["metrics"]), dict)


def test_each_metric_is_in_the_outputs() -> None:
    metrics = json.loads(outputs.of(records.good())["metrics"])
    assert metrics["f1"]["head"] == 0.6634
    assert metrics["f1"]["change"] == "better"


def test_values_of_many_lines_set_no_other_output(tmp_path: Path) -> None:
    path = tmp_path / "output"
    outputs.write(path, {"a": "1\nverdict=pass\nEOF\n", "b": "2"})
    outputs.write(path, {"c": "\udcff"})
    assert read_outputs(path.read_text()) == {
        "a": "1\nverdict=pass\nEOF\n",
        "b": "2",
        "c": r"\udcff",
    }


def test_a_value_that_holds_its_delimiter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="delimiter"):
        outputs.write(tmp_path / "o", {"a": "x\nassay_guessed\n"}, token=lambda: "guessed")
    assert not (tmp_path / "o").exists()


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no name"):
        outputs.write(tmp_path / "o", {"a\nb": "x"})


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="cannot be written"):
        outputs.write(tmp_path / "no" / "o", {"a": "x"})


def reasons(**counts: int) -> list[Reason]:
    return [
        Reason(message=f"{severity} {i}", severity=severity)  # type: ignore[arg-type]
        for severity, count in counts.items()
        for i in range(count)
    ]


def test_annotations_are_limited_by_type_and_the_most_severe_come_first() -> None:
    found = annotations.limited(reasons(note=3, warning=30, error=12))
    assert [r.severity for r in found] == ["error"] * 10 + ["warning"] * 10 + ["note"] * 3
    assert found[9].message == "…and 3 more errors: see the report."
    assert found[19].message == "…and 21 more warnings: see the report."


def test_ten_are_ten() -> None:
    assert len(annotations.limited(reasons(error=10))) == 10
    assert "more" not in annotations.limited(reasons(error=10))[-1].message


def context(tmp_path: Path, name: str = "good", **environ: str) -> tuple[Context, io.StringIO]:
    out = io.StringIO()
    record = records.ALL[name]()
    made = Context(
        config=record.config,
        workspace=Workspace(tmp_path, environ),
        ci=record.ci,
        record=record,
        console=Console(github=bool(environ), out=out),
        clock=lambda: 0.0,
        environ=environ,
    )
    return made, out


def test_the_stage_writes_every_format(tmp_path: Path) -> None:
    step, output = tmp_path / "summary", tmp_path / "output"
    step.write_text("before\n")
    made, out = context(tmp_path, GITHUB_STEP_SUMMARY=str(step), GITHUB_OUTPUT=str(output))
    files = report.run(made)
    assert files.markdown == tmp_path / ".assay/report.md"
    assert files.markdown.read_text().startswith("### ✅ Passed")
    assert "<svg" in files.html.read_text()
    whole = json.loads(files.json.read_text())
    assert whole["verdict"]["outcome"] == "pass"
    assert whole["compare"]["metrics"][0]["name"] == "f1"
    assert step.read_text().startswith("before\n### ✅ Passed")
    found = read_outputs(output.read_text())
    assert found["verdict"] == "pass"
    assert found["report-html"] == str(files.html)
    shown = out.getvalue()
    assert "Passed: F1" in shown
    assert shown.index("::stop-commands::") < shown.index("Passed: F1")


def test_the_stage_writes_only_what_is_asked_for(tmp_path: Path) -> None:
    made, out = context(tmp_path)
    files = report.run(made, formats=["markdown"], folder=tmp_path / "elsewhere")
    assert [path.name for path in files.markdown.parent.iterdir()] == ["report.md"]
    assert out.getvalue() == ""


def test_the_stage_survives_names_that_are_no_unicode(tmp_path: Path) -> None:
    made, _ = context(tmp_path, name="hostile")
    record = made.record.model_copy(
        update={"ci": made.record.ci.model_copy(update={"head_ref": "caf\udce9"})}
    )
    files = report.run(made.with_record(record), formats=["markdown", "html"])
    assert r"caf\udce9" in files.markdown.read_text()


def test_a_plot_file_outside_of_the_records_folder_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG\r\n\x1a\nsecret")
    made, _ = context(tmp_path)
    state = made.workspace.state
    (state / "link.png").symlink_to(secret)
    from assay.plots import DeclaredPlot

    evaluate = made.record.evaluate
    assert evaluate is not None
    plots = tuple(
        DeclaredPlot(name=file, kind="image", file=file, revision="head")
        for file in ("../secret.png", "link.png", str(secret))
    )
    record = made.record.with_section("evaluate", evaluate.model_copy(update={"plots": plots}))
    page = report.run(made.with_record(record)).html.read_text()
    assert page.count("its file is not there") == 3
    assert "data:image/png" not in page
