"""The folder of a run, `.assay/`, in a repository that wants it to be somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.errors import RepositoryError
from assay.workspace import Workspace, write_atomically

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
