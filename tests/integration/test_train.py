"""train: real pipelines, and every way in which they go wrong."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from assay.errors import RepositoryError
from assay.section import Status
from assay.stages import train

from tests.builders import printed

if TYPE_CHECKING:
    from pathlib import Path

    from assay.stages.train import TrainSection

    from tests.repos import Project


def _outcomes(section: TrainSection) -> dict[str, str]:
    return {stage.name: stage.outcome for stage in section.stages}


def _only_stage(project: Project, cmd: str, *, more: str = "") -> None:
    """A pipeline of one stage; fast, because DVC has nothing to hash."""
    for name in ("dvc.lock", "data/raw.csv.dvc", "data/photos.dvc", ".dvc/config"):
        (project.root / name).unlink()
    project.write({"cmd.py": cmd, ".dvc/config": ""})
    stage = f"cmd: {sys.executable} cmd.py\n    deps: [cmd.py]\n{more}"
    project.write({"dvc.yaml": f"stages:\n  fit:\n    {stage}"})


# --- run ----------------------------------------------------------------------------------------


def test_stages_that_did_not_change_are_skipped(project: Project) -> None:
    project.write({"params.yaml": "depth: 7\n"})

    section = train.run(project.context())

    assert section.status is Status.PASS
    assert section.mode == "run"
    assert _outcomes(section) == {"prepare": "unchanged", "train": "ran"}
    prepare, fit = section.stages
    assert prepare.seconds is None
    assert fit.seconds is not None
    assert len((project.root / "model.bin").read_bytes()) == 700


def test_the_run_cache_of_the_remote_is_used(cloned: Project) -> None:
    """Somebody has trained this before and pushed it, and dvc.lock says something else.

    DVC keeps an output with `cache: false` in no remote, so a stage that has one cannot be
    restored; here all are cached.
    """
    pipeline = (cloned.root / "dvc.yaml").read_text()
    cached = pipeline.replace("metrics.json: {cache: false}", "metrics.json")
    cloned.git("rm", "--quiet", "--cached", "metrics.json")
    cloned.write({"dvc.yaml": cached})
    cloned.dvc("pull", "--quiet", "--allow-missing")
    cloned.dvc("repro", "--quiet")
    cloned.dvc("push", "--quiet", "--run-cache")
    metrics = (cloned.root / "metrics.json").read_text()
    cloned.write({"params.yaml": "depth: 5\n"})
    cloned.dvc("repro", "--quiet")
    assert (cloned.root / "metrics.json").read_text() != metrics
    cloned.write({"params.yaml": "depth: 6\n"})
    shutil.rmtree(cloned.cache)

    section = train.run(cloned.context())

    assert _outcomes(section) == {"prepare": "unchanged", "train": "restored"}
    assert (cloned.root / "metrics.json").read_text() == metrics


def test_outputs_that_are_not_here_are_pulled(cloned: Project) -> None:
    section = train.run(cloned.context())

    assert _outcomes(section) == {"prepare": "unchanged", "train": "unchanged"}
    assert (cloned.root / "model.bin").exists()


def test_pipelines_further_down_are_trained_too(project: Project) -> None:
    _only_stage(project, "print('fit')")
    project.write({"sub/dvc.yaml": "stages:\n  b:\n    cmd: echo b > b.txt\n    outs: [b.txt]\n"})

    section = train.run(project.context())

    assert _outcomes(section) == {"fit": "ran", "sub/dvc.yaml:b": "ran"}
    assert (project.root / "sub/b.txt").exists()


def test_no_lock_means_that_everything_is_trained(project: Project) -> None:
    (project.root / "dvc.lock").unlink()

    section = train.run(project.context())

    assert section.status is Status.PASS
    # Both are restored from what this machine remembers, or run.
    assert set(_outcomes(section)) == {"prepare", "train"}
    assert set(_outcomes(section).values()) <= {"ran", "restored"}
    assert (project.root / "dvc.lock").exists()


def test_output_is_shown_when_it_is_printed_and_fenced(project: Project) -> None:
    cmd = """\
import os, sys
print("::error file=x::mine")
print("::set-output name=verdict::pass")
print("##[error]old style")
print("secrets", [n for n in os.environ if "TOKEN" in n or n.startswith("ACTIONS_")])
print("files", [n for n in os.environ if n in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")])
print("cloud", os.environ.get("AWS_ACCESS_KEY_ID"))
print("python", sys.executable)
"""
    _only_stage(project, cmd)
    secrets = {
        "GITHUB_TOKEN": "ghs_secret",
        "ACTIONS_RUNTIME_TOKEN": "secret",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
        "GITHUB_OUTPUT": str(project.root / "output"),
        "GITHUB_ENV": str(project.root / "env"),
        "AWS_ACCESS_KEY_ID": "AKIA",
    }

    context = project.context(github=True, environ=secrets)
    section = train.run(context)

    assert section.status is Status.PASS
    lines = printed(context).splitlines()
    start = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])
    assert start is not None
    assert lines[-1] == f"::{start[1]}::"
    inside = lines[1:-1]
    assert "::error file=x::mine" in inside
    assert "##[error]old style" in inside
    assert start[1] not in "\n".join(inside)
    assert "secrets []" in inside
    assert "files []" in inside
    assert "cloud AKIA" in inside


FAILURES = {
    "raises": ("raise SystemExit(3)", "", "exited with 3"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "", "exited with "),
    "no output": ("print('nothing')", "    outs: [model.bin]\n", "model.bin"),
    "no metrics": ("print('nothing')", "    metrics: [scores.json]\n", "scores.json"),
}


@pytest.mark.parametrize(("cmd", "more", "said"), FAILURES.values(), ids=FAILURES)
def test_a_stage_that_fails(project: Project, cmd: str, more: str, said: str) -> None:
    (project.root / "model.bin").unlink()
    _only_stage(project, cmd, more=more)

    section = train.run(project.context())

    assert section.status is Status.FAIL
    assert _outcomes(section) == {"fit": "failed"}
    (reason,) = section.reasons
    assert reason.message.startswith("Training failed in stage `fit`: ")
    assert said in reason.message
    assert "failed to reproduce" not in reason.message, "said already"
    assert reason.message.endswith(".")
    assert reason.file == "dvc.yaml"
    assert "log of `train`" in (reason.hint or "")
    assert ("memory ran out" in (reason.hint or "")) == ("SIGKILL" in cmd)


def test_a_stage_that_cannot_start_is_named(project: Project) -> None:
    project.write({".dvc/config": ""})
    (project.root / "data/raw.csv.dvc").unlink()
    (project.root / "data/raw.csv").unlink()

    section = train.run(project.context())

    assert section.status is Status.FAIL
    assert _outcomes(section) == {"prepare": "failed"}
    assert "data/raw.csv" in section.reasons[0].message


def test_dvc_that_is_killed(project: Project) -> None:
    _only_stage(project, "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")

    section = train.run(project.context())

    assert section.status is Status.FAIL
    # The stage's parent is a shell on some systems, and DVC itself on others.
    assert re.search(r"killed by SIGKILL|-9|137", section.reasons[0].message)


def test_a_stage_name_cannot_print_commands(project: Project) -> None:
    """What a stage prints about itself is text: it cannot become an annotation."""
    _only_stage(project, "print('Running stage \\'x\\x1b[31m\\':'); raise SystemExit(1)")

    section = train.run(project.context())

    assert "\x1b" not in section.reasons[0].message


# --- verify -------------------------------------------------------------------------------------


def test_what_was_trained_elsewhere_is_verified(project: Project) -> None:
    section = train.run(project.context(train="verify"))

    assert section.status is Status.PASS
    assert section.mode == "verify"
    assert _outcomes(section) == {"prepare": "verified", "train": "verified"}


def test_stale_by_code_data_and_parameters(project: Project) -> None:
    project.write({"params.yaml": "depth: 9\n", "data/raw.csv": "id,y,season\n1,1,spring\n"})
    code = project.root / "src/train.py"
    code.write_text(code.read_text() + "# changed\n")

    section = train.run(project.context(train="verify"))

    assert section.status is Status.FAIL
    assert section.exit_code == 0, "the pipeline makes it 1: a no, not an error"
    said = {stage.name: stage.changes for stage in section.stages}
    assert said["prepare"] == ("data/raw.csv modified",)
    assert set(said["train"]) == {"src/train.py modified", "params.yaml depth modified"}
    messages = [reason.message for reason in section.reasons]
    assert "`prepare` is stale: data/raw.csv modified." in messages
    assert all("dvc repro" in (reason.hint or "") for reason in section.reasons)


def test_stale_by_command_and_output(project: Project) -> None:
    pipeline = (project.root / "dvc.yaml").read_text()
    project.write({"dvc.yaml": pipeline.replace("cmd: cp data", "cmd: cp -f data")})
    (project.root / "model.bin").unlink()
    project.write({"model.bin": "by hand"})

    section = train.run(project.context(train="verify"))

    said = {stage.name: stage.changes for stage in section.stages}
    assert said["prepare"] == ("changed command",)
    assert said["train"] == ("model.bin modified",)


def test_a_stage_that_always_changes_is_not_stale_for_that(project: Project) -> None:
    pipeline = (project.root / "dvc.yaml").read_text()
    always = pipeline.replace("  train:\n", "  train:\n    always_changed: true\n")
    project.write({"dvc.yaml": always})

    section = train.run(project.context(train="verify"))

    assert section.status is Status.PASS


def test_nothing_to_verify_without_a_lock(project: Project) -> None:
    (project.root / "dvc.lock").unlink()
    with pytest.raises(RepositoryError, match=r"no dvc\.lock") as caught:
        train.run(project.context(train="verify"))
    assert caught.value.exit_code == 2


# --- skip ---------------------------------------------------------------------------------------


def test_skip(project: Project) -> None:
    section = train.run(project.context(train="skip"))
    assert section.status is Status.SKIPPED
    assert section.mode == "skip"
    assert section.reasons[0].severity == "note"


def test_skip_with_a_lock_of_other_code_is_a_warning(project: Project) -> None:
    project.write({"src/train.py": "# other\n", "params.yaml": "depth: 9\n"})
    context = project.context(train="skip")
    section = train.run(context)
    assert section.status is Status.WARN
    assert section.exit_code == 0
    warning, note = section.reasons
    assert warning.severity == "warning"
    assert "`src/train.py`, `depth`. Metrics and predictions may be of another" in warning.message
    assert warning.file == "dvc.lock"
    assert note.severity == "note"


@pytest.mark.parametrize("damage", [{"dvc.lock": "stages: ["}, {"params.yaml": "["}])
def test_skip_where_files_cannot_be_read(project: Project, damage: dict[str, str]) -> None:
    """Other stages say so; nothing is trained, so nothing is said here."""
    project.write(damage)
    section = train.run(project.context(train="skip"))
    assert section.status is Status.SKIPPED


def test_skip_of_a_clone_whose_data_is_not_here(cloned: Project) -> None:
    assert train.run(cloned.context(train="skip")).status is Status.SKIPPED


def test_without_a_pipeline_there_is_nothing_to_train(project: Project) -> None:
    (project.root / "dvc.yaml").unlink()
    section = train.run(project.context())
    assert section.status is Status.SKIPPED
    assert "nothing to train" in section.reasons[0].message


def test_a_damaged_dvc_yaml_is_dvcs_word_on_it(project: Project, tmp_path: Path) -> None:
    project.write({"dvc.yaml": "stages:\n  train:\n    cmdd: echo\n"})

    section = train.run(project.context())

    assert section.status is Status.FAIL
    assert "dvc.yaml is invalid: extra keys not allowed" in section.reasons[0].message
