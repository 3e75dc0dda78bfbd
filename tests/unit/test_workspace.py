"""The folder of a run, `.assay/`, in a repository that wants it to be somewhere else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from assay.errors import RepositoryError
from assay.workspace import LARGEST_TEXT, Workspace, write_atomically

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "base").mkdir(parents=True)
    (folder / "base/precious").write_text("precious")
    return folder


def test_a_state_folder_that_is_a_link_is_refused(tmp_path: Path, home: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".assay").symlink_to(home)
    workspace = Workspace(project, {})
    with pytest.raises(RepositoryError, match=r"`git rm \.assay`|symbolic link"):
        _ = workspace.base_folder
    assert sorted(path.name for path in home.iterdir()) == ["base"]


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".assay").write_text("notes")
    with pytest.raises(RepositoryError, match=r"^\.assay is a file") as caught:
        _ = Workspace(tmp_path, {}).state
    assert caught.value.hint is not None
    assert "git mv" in caught.value.hint
    assert (tmp_path / ".assay").read_text() == "notes"


def test_links_in_the_state_folder_lead_nowhere(tmp_path: Path, home: Path) -> None:
    state = tmp_path / "project/.assay"
    state.mkdir(parents=True)
    (state / "base").symlink_to(home / "base")
    (state / "record.json").symlink_to(home / "base/precious")
    (state / ".gitignore").symlink_to(home / "base/precious")
    (state / "gone").symlink_to(home / "nothing")
    (state / "kept.json").write_text("{}")
    workspace = Workspace(state.parent, {})

    write_atomically(workspace.base_folder / "metrics.json", "{}")

    assert not any(path.is_symlink() for path in state.iterdir())
    assert not (state / "record.json").exists()
    assert (state / "kept.json").exists()
    assert (state / ".gitignore").read_text() == "*\n"
    assert [path.name for path in (home / "base").iterdir()] == ["precious"]
    assert (home / "base/precious").read_text() == "precious"


def test_text_of_the_project_is_read(tmp_path: Path, home: Path) -> None:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src/params.yaml").write_bytes(b"a: 1\n")
    (project / "same.yaml").symlink_to("src/params.yaml")
    workspace = Workspace(project, {})
    assert workspace.read("src/params.yaml") == b"a: 1\n"
    assert workspace.read("src/../src/params.yaml") == b"a: 1\n"
    assert workspace.read("same.yaml") == b"a: 1\n"


@pytest.mark.parametrize(
    "path",
    [
        "../home/base/precious",
        "out",
        "folder-out/precious",
        "src",
        "none",
        "",
        "a\0b",
        "loop",
        "pipe",
    ],
)
def test_nothing_else_is_read(tmp_path: Path, home: Path, path: str) -> None:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "out").symlink_to(home / "base/precious")
    (project / "folder-out").symlink_to(home / "base")
    (project / "loop").symlink_to("loop")
    os.mkfifo(project / "pipe")
    workspace = Workspace(project, {})
    assert workspace.read(path) is None
    assert workspace.read(str(home / "base/precious")) is None


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "just").write_bytes(b"x" * LARGEST_TEXT)
    (tmp_path / "more").write_bytes(b"x" * (LARGEST_TEXT + 1))
    workspace = Workspace(tmp_path, {})
    assert len(workspace.read("just") or b"") == LARGEST_TEXT
    assert workspace.read("more") is None
