"""DVC on standby: the same answers as DVC started when it is needed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from assay import process
from assay.standby import Standby
from assay.workspace.dvccli import Dvc


@pytest.fixture
def standby():
    made = Standby(os.environ, times=2)
    made.get_ready()
    yield made
    made.dismiss()


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "a $(touch owned) 'folder'"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run([*Dvc(folder).argv("init", "-q")], cwd=folder, check=True)
    return folder


def test_it_says_what_dvc_says(standby, project):
    usual, ready = [], []
    assert Dvc(project).stream("root", "--nope", on_line=usual.append).code == 254
    assert Dvc(project, standby=standby).stream("root", "--nope", on_line=ready.append).code == 254
    assert ready == usual
    # The second time too, with the next process.
    assert Dvc(project, standby=standby).json("status", "--json") == {}


def test_json_is_not_mixed_with_warnings(standby, project):
    (project / "dvc.yaml").write_text("metrics: [gone.json]\n")
    found = Dvc(project, standby=standby).json("metrics", "show", "--json")
    assert found == Dvc(project).json("metrics", "show", "--json")


def test_user_code_gets_no_token_and_no_input(monkeypatch, project):
    standby = Standby({**os.environ, "GITHUB_TOKEN": "secret"}, times=1)
    standby.get_ready()
    code = "import os, sys; print(os.environ.get('GITHUB_TOKEN'), sys.stdin.read())"
    command = f'python -c "{code}"'
    (project / "dvc.yaml").write_text(f"stages:\n  a:\n    cmd: >-\n      {command}\n")
    lines = []
    assert Dvc(project, standby=standby).stream("repro", on_line=lines.append).code == 0
    assert "None " in lines


def test_one_that_died_is_replaced(standby, project):
    waiting = standby._waiting
    waiting.kill()
    waiting.wait()
    assert Dvc(project, standby=standby).stream("root", on_line=lambda _: None).code == 0


def test_dismissed_it_is_gone(standby):
    waiting = standby._waiting
    standby.dismiss()
    assert waiting.returncode is not None
    assert standby.take(Path.cwd(), ["root"]) is None


def test_without_dvc_there_is_none(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(process, "start", pytest.fail)
    standby = Standby({}, times=1)
    standby.get_ready()
    assert standby.take(Path.cwd(), ["root"]) is None
