"""Which stages changed between two commits, and why: with a real git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay import causes
from assay import config as configs
from assay.causes import CodeChange
from assay.workspace import Workspace

from tests.builders import write
from tests.repos import Repo

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE = """\
stages:
  prepare:
    cmd: python -m own.prepare
    deps: [data/raw.csv, own/files.py, own/prepare.py]
    outs: [data/prepared.csv]
  train:
    cmd: python -m own.train
    deps: [data/prepared.csv, own/files.py, own/train.py]
    params: [depth]
    outs: [model.pkl]
    metrics:
    - metrics.json: {cache: false}
"""
LOCK = """\
stages:
  train:
    cmd: python -m own.train
    params: {params.yaml: {depth: 3}}
    outs:
    - {path: metrics.json, md5: 00000000000000000000000000000000}
"""
START = {
    "dvc.yaml": PIPELINE,
    "dvc.lock": LOCK,
    "params.yaml": "depth: 3\n",
    "metrics.json": "{}",
    "own/files.py": "a = 1\nb = 2\n",
    "own/prepare.py": "prepare = 1\n",
    "own/train.py": "train = 1\n",
    "own/helper.py": "helper = 1\n",
    "tests/test_train.py": "test = 1\n",
    "schema.py": "schema = 1\n",
    "data/raw.csv.dvc": "outs:\n- {path: raw.csv, md5: 00000000000000000000000000000000}\n",
}
CONFIG = "data: [{path: data/raw.csv, schema: 'schema.py:Schema'}]"


class Project(Repo):
    """A repository whose first commit is base."""

    def __init__(self, root: Path, files: dict[str, str | bytes]) -> None:
        super().__init__(root)
        self.base = self.commit(files)

    def causes(self, folder: str = ".", config: str = "data: []") -> causes.Causes:
        workspace = Workspace(self.root / folder, self.environ)
        return causes.find(workspace, self.base, configs.parse(config))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "repo", START)


def brief(found: causes.Causes) -> dict[str, list[tuple[str, str, int | None, int | None]]]:
    return {
        stage.name: [(c.path, c.change, c.added, c.removed) for c in stage.code]
        for stage in found.stages
    }


def test_nothing_changed(project: Project):
    assert not project.causes().any


def test_a_module_that_two_stages_share_is_a_cause_of_both(project: Project):
    project.commit({"own/files.py": "a = 1\nb = 3\nc = 4\n"})
    change = ("own/files.py", "modified", 2, 1)
    assert brief(project.causes()) == {"prepare": [change], "train": [change]}


def test_changes_that_are_not_committed_count(project: Project):
    write(project.root, {"own/train.py": "train = 2\n"})
    assert brief(project.causes()) == {"train": [("own/train.py", "modified", 1, 1)]}


def test_parameters_data_metrics_and_locks_are_reported_elsewhere(project: Project):
    project.commit(
        {
            "params.yaml": "depth: 4\n",
            "metrics.json": "{ }",
            "dvc.lock": LOCK.replace("depth: 3", "depth: 4"),
            "data/raw.csv.dvc": START["data/raw.csv.dvc"].replace("0", "1"),
        }
    )
    assert not project.causes().any


def test_another_command_is_shown_with_both_texts(project: Project):
    project.commit({"dvc.yaml": PIPELINE.replace("own.train", "own.train --fast")})
    (stage,) = project.causes().stages
    assert (stage.name, stage.change) == ("train", "modified")
    assert stage.base_command == "python -m own.train"
    assert stage.head_command == "python -m own.train --fast"


def test_commands_in_a_list_are_lines(project: Project):
    project.commit({"dvc.yaml": PIPELINE.replace("cmd: python -m own.train", "cmd: [a, b]")})
    assert project.causes().stages[0].head_command == "a\nb"


def test_dependencies_that_come_and_go(project: Project):
    project.commit({"dvc.yaml": PIPELINE.replace("own/train.py]", "data/extra.csv]")})
    (stage,) = project.causes().stages
    assert stage.new_dependencies == ("data/extra.csv",)
    assert stage.lost_dependencies == ("own/train.py",)
    assert stage.head_command is None


def test_stages_that_come_and_go(project: Project):
    project.commit({"dvc.yaml": PIPELINE.replace("  train:", "  fit:")})
    assert [(s.name, s.change) for s in project.causes().stages] == [
        ("fit", "added"),
        ("train", "removed"),
    ]


def test_files_that_come_and_go_in_a_folder_that_is_a_dependency(tmp_path: Path):
    pipeline = "stages:\n  train:\n    cmd: python x\n    deps: [own/]\n"
    project = Project(tmp_path / "repo", {"dvc.yaml": pipeline, "own/a.py": "1\n", "own/b": "2\n"})
    (project.root / "own/a.py").unlink()
    write(
        project.root,
        {"own/new.py": "1\n2", "own/image.bin": b"\0\1", "own/b": "3\n", "own/empty.py": ""},
    )
    assert brief(project.causes()) == {
        "train": [
            ("own/a.py", "removed", 0, 1),
            ("own/b", "modified", 1, 1),
            ("own/empty.py", "added", 0, 0),
            ("own/image.bin", "added", None, None),
            ("own/new.py", "added", 2, 0),
        ]
    }
    project("add", "--all")
    assert brief(project.causes())["train"][2:4] == [
        ("own/empty.py", "added", 0, 0),
        ("own/image.bin", "added", None, None),
    ]


def test_code_that_no_stage_declares_is_named_and_tests_are_not(project: Project):
    project.commit(
        {
            "own/helper.py": "helper = 2\n",
            "tests/test_train.py": "test = 2\n",
            "own/test_x.py": "",
            "schema.py": "schema = 2\n",
            "README.md": "read",
        }
    )
    found = project.causes(config=CONFIG)
    assert found.stages == ()
    assert found.unclaimed == (
        CodeChange(path="own/helper.py", change="modified", added=1, removed=1),
    )


def test_a_changed_mode_is_no_change(project: Project):
    (project.root / "own/train.py").chmod(0o755)
    assert not project.causes().any


def test_templates_are_filled_in_from_the_lock(tmp_path: Path):
    pipeline = """\
stages:
  train:
    foreach: [a, b]
    do:
      wdir: models/${item}
      cmd: python ${item}.py
      deps: ["${item}.py", ../shared.py]
"""
    lock = "stages:\n" + "".join(
        f"  train@{x}:\n    deps: [{{path: {x}.py}}, {{path: ../shared.py}}]\n" for x in "ab"
    )
    files = {
        "dvc.yaml": pipeline,
        "dvc.lock": lock,
        "models/a/a.py": "1\n",
        "models/b/b.py": "1\n",
        "models/shared.py": "1\n",
    }
    project = Project(tmp_path / "repo", files)
    project.commit({"models/b/b.py": "2\n", "models/shared.py": "2\n"})
    assert brief(project.causes()) == {
        "train": [("models/b/b.py", "modified", 1, 1), ("models/shared.py", "modified", 1, 1)]
    }


def test_pipelines_further_down_and_a_project_in_a_folder(tmp_path: Path):
    pipeline = "stages:\n  fit:\n    cmd: x\n    deps: [fit.py]\n"
    files = {"p/models/dvc.yaml": pipeline, "p/models/fit.py": "1\n", "other.py": "1\n"}
    project = Project(tmp_path / "repo", files)
    project.commit({"p/models/fit.py": "2\n", "other.py": "2\n"})
    found = project.causes("p")
    assert brief(found) == {"models/dvc.yaml:fit": [("models/fit.py", "modified", 1, 1)]}
    assert found.unclaimed == ()


def test_the_lock_of_a_project_in_a_workspace_above(tmp_path: Path):
    lock = '[[package]]\nname = "numpy"\nversion = "{}"\n'
    files = {
        "p/pyproject.toml": '[project]\nname = "p"\ndependencies = ["numpy"]\n',
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["p"]\n',
        "uv.lock": lock.format(1),
    }
    project = Project(tmp_path / "repo", files)
    project.commit({"uv.lock": lock.format(2)})
    found = project.causes("p")
    assert [(p.name, p.base, p.head, p.direct) for p in found.packages] == [
        ("numpy", "1", "2", True)
    ]
    assert found.declared_in == found.base_declared_in == "../uv.lock"


def test_a_base_whose_pipeline_is_damaged_has_no_stages_to_compare(tmp_path: Path):
    project = Project(tmp_path / "repo", {**START, "dvc.yaml": "stages: ["})
    project.commit({"dvc.yaml": PIPELINE, "own/train.py": "train = 2\n"})
    found = project.causes()
    assert found.stages == ()
    assert found.unclaimed == ()


def test_names_with_spaces_and_letters_of_the_world(project: Project):
    pipeline = "stages:\n  train:\n    cmd: x\n    deps: ['own/über code.py']\n"
    project.commit({"dvc.yaml": pipeline, "own/über code.py": "1\n"})
    (stage, _) = project.causes().stages
    assert [c.path for c in stage.code] == ["own/über code.py"]


def test_no_program_of_the_repository_is_run(project: Project):
    """A driver of .gitattributes names a command of .git/config, which training can write."""
    seen = project.root.parent / "seen"
    project("config", "diff.evil.command", f"touch {seen}; true")
    project("config", "diff.evil.textconv", f"touch {seen}; cat")
    project.commit({".gitattributes": "*.py diff=evil\n", "own/train.py": "train = 2\n"})
    assert brief(project.causes()) == {"train": [("own/train.py", "modified", 1, 1)]}
    assert not seen.exists()


def test_a_commit_that_is_not_here_is_a_note(project: Project):
    project.base = "0" * 40
    found = project.causes()
    assert found.stages == ()
    assert found.notes[0].message.startswith("Changes of code are not known: `git ")


@pytest.mark.parametrize("deps", ["3", "[3]", "[{}]", "[[a]]", "{a: b}", "null"])
def test_dependencies_of_an_odd_kind_are_no_exception(project: Project, deps: str):
    project.commit(
        {"dvc.yaml": PIPELINE.replace("[data/raw.csv, own/files.py, own/prepare.py]", deps)}
    )
    assert [stage.name for stage in project.causes().stages] == ["prepare"]
