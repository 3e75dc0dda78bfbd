"""Programs on standby: the same answers as those started when they are needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from assay import process
from assay.contract.job import DONE, Job, JobSpec, Table
from assay.standby import CONTRACT, Standby
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


class TestTheContract:
    """Ready before anybody knows what there is to validate."""

    @pytest.fixture
    def standby(self):
        made = Standby(os.environ, times=1, program=CONTRACT)
        made.get_ready()
        yield made
        made.dismiss()

    @pytest.fixture
    def table(self, tmp_path):
        (tmp_path / "schema.py").write_text(
            "import pandera.pandas as pa\n"
            "Schema = pa.DataFrameSchema({'a': pa.Column(int, pa.Check.gt(0))})\n"
        )
        (tmp_path / "a.csv").write_text("a\n1\n0\n")
        spec = JobSpec(number=0, reference="schema.py:Schema", tables=(Table(path="a.csv"),))
        root, now = str(tmp_path), "2026-01-01T00:00:00+00:00"
        job = Job(root=root, state=root, now=now, specs=(spec,))
        (tmp_path / "job.json").write_text(job.model_dump_json())
        return tmp_path

    def test_it_does_what_it_does_without(self, standby, table):
        said, results = [], [table / "ready", table / "usual"]
        args = [str(table / "job.json")]
        ready = standby.take(table, [*args, str(results[0])], program=CONTRACT)
        assert process.follow(ready, said.append).code == 0
        argv = [sys.executable, "-P", "-m", "assay.contract", *args, str(results[1])]
        env = process.user_environment(os.environ)
        process.stream(argv, cwd=table, env=env, on_line=said.append)
        assert said == ["validate: a.csv (2 rows) fail"] * 2
        assert results[0].read_text() == results[1].read_text()
        assert results[0].read_text().endswith(f"{DONE}\n")

    def test_a_schema_that_ends_the_process_is_not_through(self, standby, table):
        (table / "schema.py").write_text("import os\nos._exit(0)\n")
        args = [str(table / "job.json"), str(table / "results")]
        ready = standby.take(table, args, program=CONTRACT)
        assert process.follow(ready, print).code == 0
        assert DONE not in (table / "results").read_text()

    def test_a_job_that_cannot_be_read_is_no_success(self, standby, table):
        ready = standby.take(table, ["gone.json", "results"], program=CONTRACT)
        done = process.follow(ready, lambda _: None)
        assert done.code == 1
        assert "FileNotFoundError" in done.tail

    def test_whoever_wants_dvc_does_not_get_it(self, standby, table):
        assert standby.take(table, ["root"]) is None
        args = [str(table / "job.json"), str(table / "results")]
        ready = standby.take(table, args, program=CONTRACT)
        assert process.follow(ready, lambda _: None).code == 0
