"""What `assay deploy` and its kin say, hand over and return."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from assay.cli import app
from assay.configrollout import HostSpec
from assay.console import Console
from assay.errors import UsageError
from assay.rollout import placing
from assay.rollout.journal import Event
from assay.rollout.placing import Whose
from assay.rollout.targets import host
from assay.stages import deploy, rollback
from typer.testing import CliRunner

from tests.unit.report.test_rollout_report import FEW, NEW, OLD, outcome, told, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from assay.context import Context
    from assay.report.rollout import Told

CONFIG = "environments: {production: {target: {folder: /srv/a}}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "assay.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "ASSAY_ENVIRONMENT", "ASSAY_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def ends(monkeypatch: pytest.MonkeyPatch, ending: str, **changes: Any) -> list[Any]:
    """Let the stage end so; what it was given."""
    given: list[Any] = []

    def run(context: Context, *wish: Any, **more: Any) -> Told:
        given.append((wish, more))
        return told(outcome(ending, **changes), warnings=("The stage was not recorded.",))

    monkeypatch.setattr(deploy, "run", run)
    monkeypatch.setattr(rollback, "run", run)
    monkeypatch.setattr(rollback, "resume", run)
    return given


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("promoted", 0),
        ("nothing to do", 0),
        ("rolled back", 1),
        ("error", 3),
        ("inconclusive", 5),
        ("interrupted", 130),
    ],
)
def test_a_deployment_returns_what_it_came_to(
    project: Path, monkeypatch: pytest.MonkeyPatch, ending: str, code: int
) -> None:
    given = ends(monkeypatch, ending)
    done = CliRunner().invoke(app, ["deploy", "bikes@v1.3.0", "--to", "production"])
    assert done.exit_code == code
    ((wish,), more) = given[0]
    assert wish == deploy.Wish("production", "bikes@v1.3.0")
    assert more["who"] == Whose()
    written = (project / "GITHUB_OUTPUT").read_text()
    assert f"\n{ending.replace(' ', '-')}\n" in written
    assert f"\n{NEW}\n" in written
    assert f"\n{OLD}\n" in written
    assert "**bikes v1" in (project / "GITHUB_STEP_SUMMARY").read_text()
    assert "The stage was not recorded." in done.output


def test_a_rollback_that_is_done_is_no_failure(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ends(monkeypatch, "rolled back", verb="rollback", version=OLD, before=NEW)
    done = CliRunner().invoke(app, ["rollback", "--env", "production", "--to", "v1.2.0"])
    assert done.exit_code == 0
    assert given == [(("production",), {"to": "v1.2.0"})]
    assert "production was rolled back to bikes v1.2.0 instead of v1.3.0." in done.output


def test_a_resumption(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, "resumed", verb="resume")
    done = CliRunner().invoke(app, ["rollout", "resume", "--env", "production"])
    assert done.exit_code == 0


def test_a_reason_is_said_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, "inconclusive", reason=FEW.sentence, verdicts=(verdict(FEW),), stage="before")
    done = CliRunner().invoke(app, ["deploy", "bikes@v1.3.0", "--to", "production"])
    said = " ".join(done.output.split())  # lines are broken by the terminal's width
    assert said.count(FEW.sentence) == 1
    assert "could not be told before any traffic moved: bikes v1.2.0 answers" in said


def test_nothing_to_resume(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, "nothing to do", verb="resume", version=None, verdicts=())
    done = CliRunner().invoke(app, ["rollout", "resume", "--env", "production"])
    assert "No rollout of production is unfinished." in done.output


def test_progress_is_not_repeated_and_a_log_keeps_its_lines() -> None:
    out = io.StringIO()
    context: Any = SimpleNamespace(console=Console(out=out), clock=lambda: 0.0)
    tell = placing._teller(context)
    few, died = "3 of 100.", "It died:\nTraceback\x1b"
    for kind, what in (("judged", few), ("judged", few), ("end", died), ("end", few)):
        tell(Event(kind=kind, rollout="r", time=0.0, what=what))  # type: ignore[arg-type]
    assert out.getvalue() == (
        "     0.0 s  3 of 100.\n     0.0 s  It died:\n            Traceback\\x1b\n"
    )


def test_one_measure_is_one() -> None:
    assert verdict(FEW.model_copy(update={"decision": "passed"})).sentence.startswith("1 measure ")


def test_a_home_in_the_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    made = host.made(HostSpec(folder="~/srv"), tmp_path, None)
    assert isinstance(made, host.HostTarget)
    assert made.agent.place.folder == tmp_path / "me/srv"
    with pytest.raises(UsageError, match="somebody who is not known here"):
        host.made(HostSpec(folder="~nobody-at-all/srv"), tmp_path, None)


def test_a_status(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "status", lambda *_: "stable       bikes@v1.2.0")
    done = CliRunner().invoke(app, ["rollout", "status", "--env", "production"])
    assert (done.exit_code, done.output) == (0, "stable       bikes@v1.2.0\n")


def test_an_environment_has_to_be_named(project: Path) -> None:
    for command in (["deploy", "bikes@v1.3.0"], ["rollback"], ["rollout", "status"]):
        assert CliRunner().invoke(app, command).exit_code == 2
