"""The user's git repository: real git, hostile names, a project in a folder of it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from assay.errors import RemoteError, RepositoryError
from assay.workspace.git import Git, GitTree, WorkTree, named

from tests import repos
from tests.builders import write
from tests.repos import Repo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


HOSTILE = ("a b", "quote'\"", "$(touch pwned)", "-rf", "new\nline", "ünï", "*", ":(top)x", "back\\")


def test_hostile_names_are_names(repo: Repo) -> None:
    sha = repo.commit({name: f"in {name}" for name in HOSTILE})
    git = repo.git()
    assert set(git.files(sha)) == set(HOSTILE)
    assert set(git.working_files()) == set(HOSTILE)
    for name in HOSTILE:
        assert git.read(sha, name) == f"in {name}".encode()
        assert WorkTree(git).read(name) == f"in {name}".encode()
    assert not (repo.root / "pwned").exists()


def test_a_name_that_is_no_text(repo: Repo) -> None:
    (repo.root / "caf\udce9").write_bytes(b"latin")
    sha = repo.commit()
    (name,) = repo.git().files(sha)
    assert repo.git().read(sha, name) == b"latin"


@pytest.mark.parametrize("branch", ["$(touch${IFS}pwned)", "a'b\"c", "ünï/x", "a;b&c|d"])
def test_hostile_branches(repo: Repo, branch: str) -> None:
    sha = repo.commit({"a": "1"})
    repo("checkout", "--quiet", "-b", branch)
    git = repo.git()
    assert git.branch() == branch
    assert git.resolve(branch) == sha
    assert not (repo.root / "pwned").exists()


@pytest.mark.parametrize("revision", ["--help", "-rf", "no such", "HEAD:a", "a..b", "", "\n"])
def test_what_is_no_revision(repo: Repo, revision: str) -> None:
    repo.commit({"a": "1"})
    assert repo.git().resolve(revision) is None


def test_a_project_in_a_folder(repo: Repo) -> None:
    sha = repo.commit({"dvc.yaml": "outer", "ml/dvc.yaml": "inner", "ml/a/b.txt": "b"})
    git = repo.git("ml")
    assert git.prefix() == "ml/"
    assert git.files(sha) == ("a/b.txt", "dvc.yaml")
    assert git.working_files() == ("a/b.txt", "dvc.yaml")
    assert GitTree(git, sha).read("dvc.yaml") == b"inner"
    assert WorkTree(git).read("dvc.yaml") == b"inner"
    assert GitTree(git, sha).read("nowhere") is None


def test_working_files_are_what_a_person_would_commit(repo: Repo) -> None:
    repo.commit({".gitignore": "/data\n", "kept": "1", "gone": "2"})
    write(repo.root, {"new": "3", "data/raw.csv": "4"})
    (repo.root / "gone").unlink()
    assert sorted(repo.git().working_files()) == [".gitignore", "kept", "new"]


def test_head_branch_and_dirt(repo: Repo) -> None:
    sha = repo.commit({"a": "1"})
    git = repo.git()
    assert (git.head(), git.branch(), git.is_dirty()) == (sha, "main", False)
    write(repo.root, {"untracked": "1"})
    assert not git.is_dirty()
    write(repo.root, {"a": "2"})
    assert git.is_dirty()
    repo("checkout", "--quiet", "--detach")
    assert git.branch() is None


def test_not_a_repository(tmp_path: Path) -> None:
    git = Git(tmp_path, {**repos.environment(tmp_path / "home"), "GIT_CEILING_DIRECTORIES": "/"})
    with pytest.raises(RepositoryError, match="is not in a git repository") as caught:
        git.prefix()
    assert caught.value.exit_code == 2
    assert "actions/checkout" in (caught.value.hint or "")


def test_no_commit_yet(repo: Repo) -> None:
    with pytest.raises(RepositoryError, match="no commit yet") as caught:
        repo.git().head()
    assert caught.value.exit_code == 2


def test_somebody_elses_repository(repo: Repo) -> None:
    # How git itself tests what it does for another owner.
    git = Git(repo.root, {**repo.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    with pytest.raises(RepositoryError, match="belongs to another user") as caught:
        git.prefix()
    assert "safe.directory" in (caught.value.hint or "")


def test_a_fetch_that_fails_says_why(repo: Repo) -> None:
    repo.commit({"a": "1"})
    repo("remote", "add", "origin", "file:///no/such/repo")
    with pytest.raises(RemoteError, match="`git fetch` from origin failed: ") as caught:
        repo.git().fetch("origin")
    assert "/no/such/repo" in caught.value.message
    assert caught.value.exit_code == 3


def test_nothing_asks_for_a_password(repo: Repo) -> None:
    """A private repository without credentials: an error at once, not a prompt for ever."""
    repo.commit({"a": "1"})
    repo("remote", "add", "origin", "https://user:hunter2@127.0.0.1:9/x.git")
    with pytest.raises(RemoteError) as caught:
        repo.git().fetch("origin")
    assert "hunter2" not in caught.value.message


def test_named() -> None:
    files = ("dvc.yaml", "a/dvc.yaml", "a/x.dvc", ".dvc", "b/.dvc", "xdvc.yaml")
    assert list(named(files, name="dvc.yaml")) == ["dvc.yaml", "a/dvc.yaml"]
    assert list(named(files, suffix=".dvc")) == ["a/x.dvc"]


def test_programs_that_git_runs_see_no_token(repo: Repo, tmp_path: Path) -> None:
    """Training may have written to `.git/config`; the report has a token and asks git."""
    repo.commit({"a": "1"})
    spy = tmp_path / "spy.sh"
    spy.write_text(f"#!/bin/sh\nenv > '{tmp_path}/seen'\nexit 1\n")
    spy.chmod(0o755)
    repo("config", "core.fsmonitor", str(spy))
    environ = {**os.environ, "ASSAY_TOKEN": "s3cret", "GITHUB_TOKEN": "s3cret", "KEPT": "yes"}
    Git(repo.root, environ).is_dirty()
    seen = (tmp_path / "seen").read_text()
    assert "KEPT=yes" in seen
    assert "s3cret" not in seen


def test_what_a_commit_holds_is_asked_for_once(repo: Repo) -> None:
    sha = repo.commit({"a": "1"})
    git = repo.git()
    assert (git.read(sha, "a"), git.files(sha)) == (b"1", ("a",))
    shutil.rmtree(repo.root / ".git")
    assert (git.read(sha, "a"), git.files(sha)) == (b"1", ("a",))


def test_what_is_not_there_yet_is_asked_for_again(repo: Repo, tmp_path: Path) -> None:
    # As in a shallow clone: the commit arrives after somebody has asked for it.
    repo.commit({"a": "0"})
    other = Repo(tmp_path / "other")
    sha = other.commit({"a": "1"})
    git = repo.git()
    assert git.read(sha, "a") is None
    repo("fetch", "--quiet", str(other.root), sha)
    assert git.read(sha, "a") == b"1"
