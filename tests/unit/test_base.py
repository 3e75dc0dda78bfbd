"""Which commit head is compared with, in clones as people and CI make them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from assay.ci import CiContext
from assay.errors import RemoteError, RepositoryError
from assay.workspace import base
from assay.workspace.git import Git

from tests.repos import Repo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def origin(tmp_path: Path) -> Repo:
    """main: m1 m2 m3; deeper left main at m2: d1 d2."""
    repo = Repo(tmp_path / "origin")
    for name in ("m1", "m2"):
        repo.commit({name: name})
        repo("tag", name)
    repo("checkout", "--quiet", "-b", "deeper")
    for name in ("d1", "d2"):
        repo.commit({name: name})
        repo("tag", name)
    repo("checkout", "--quiet", "main")
    repo.commit({"m3": "m3"})
    repo("tag", "m3")
    return repo


def _clone(origin: Repo, target: Path, *options: str) -> Git:
    url = f"file://{origin.root}"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-tags", *options, url, target],
        env=origin.environ,
        check=True,
    )
    return Git(target, origin.environ)


def _find(git: Git, *, named: str | None = None, dirty: bool = False, **ci: object) -> str | None:
    context = CiContext.model_validate({"host": "github", **ci})
    return base.find(git, context, named=named, head=git.head(), dirty=dirty)


SHALLOW = ("--depth=1", "--branch=deeper")


@pytest.mark.parametrize("options", [("--branch=deeper",), SHALLOW], ids=["whole", "shallow"])
@pytest.mark.parametrize("how", ["default", "base_ref", "base_sha", "named", "named sha"])
def test_it_is_where_the_branch_left(
    origin: Repo, tmp_path: Path, options: tuple[str, ...], how: str
) -> None:
    git = _clone(origin, tmp_path / "clone", *options)
    m3 = origin("rev-parse", "m3")
    found = {
        "default": lambda: _find(git),
        "base_ref": lambda: _find(git, event="pull_request", base_ref="main"),
        "base_sha": lambda: _find(git, event="pull_request", base_ref="main", base_sha=m3),
        "named": lambda: _find(git, named="main"),
        "named sha": lambda: _find(git, named=m3),
    }[how]()
    assert found == origin("rev-parse", "m2")
    assert git.resolve("HEAD") == origin("rev-parse", "d2"), "the checkout is as it was"


def test_the_merge_commit_that_github_checks_out(origin: Repo, tmp_path: Path) -> None:
    """As actions/checkout does for a pull request: one commit, which no branch holds."""
    origin("checkout", "--quiet", "--detach", "m3")
    origin("merge", "--quiet", "--no-edit", "d2")
    merge = origin("rev-parse", "HEAD")
    origin("update-ref", "refs/pull/5/merge", merge)
    origin("checkout", "--quiet", "main")
    target = tmp_path / "clone"
    git = _clone(origin, target, "--depth=1", "--no-checkout")
    refspec = f"+{merge}:refs/remotes/pull/5/merge"
    for args in (
        ("fetch", "--quiet", "--no-tags", "--depth=1", "origin", refspec),
        ("checkout", "--quiet", "--force", "refs/remotes/pull/5/merge"),
    ):
        subprocess.run(["git", *args], cwd=target, env=origin.environ, check=True)

    m3 = origin("rev-parse", "m3")
    assert _find(git, event="pull_request", base_ref="main", base_sha=m3) == m3


def test_a_push_is_compared_with_what_was_there(origin: Repo, tmp_path: Path) -> None:
    git = _clone(origin, tmp_path / "clone", "--depth=1")
    m2 = origin("rev-parse", "m2")
    assert _find(git, event="push", base_sha=m2) == m2


@pytest.mark.parametrize("options", [(), ("--depth=1",)], ids=["whole", "shallow"])
def test_a_forced_push_leaves_nothing_to_compare_with(
    origin: Repo, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """The commit before it is gone; the parent is the next best."""
    git = _clone(origin, tmp_path / "clone", *options)
    assert _find(git, event="push", base_sha="ab" * 20) == origin("rev-parse", "m2")


@pytest.mark.parametrize("options", [(), ("--depth=1",)], ids=["whole", "shallow"])
def test_on_the_default_branch_it_is_the_parent(
    origin: Repo, tmp_path: Path, options: tuple[str, ...]
) -> None:
    git = _clone(origin, tmp_path / "clone", *options)
    assert _find(git) == origin("rev-parse", "m2")
    assert _find(git, dirty=True) == origin("rev-parse", "m3"), "changes are held against head"


def test_a_branch_may_have_in_its_name_what_python_calls_a_line_end(
    origin: Repo, tmp_path: Path
) -> None:
    origin("branch", "tr\u2028unk", "m2")
    origin("symbolic-ref", "HEAD", "refs/heads/tr\u2028unk")
    assert _clone(origin, tmp_path / "clone").default_branch() == "origin/tr\u2028unk"


def test_the_first_commit_has_no_base(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit({"a": "1"})
    assert _find(repo.git()) is None


def test_without_a_default_branch_there_is_no_base(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    repo("checkout", "--quiet", "-b", "trunk")
    repo.commit({"a": "1"})
    assert _find(repo.git()) is None


def test_names_are_the_users_own(origin: Repo, tmp_path: Path) -> None:
    """`origin/HEAD~1` exists too, and is another commit."""
    git = _clone(origin, tmp_path / "clone", "--branch=deeper")
    assert _find(git, named="HEAD~1") == origin("rev-parse", "d1")
    assert _find(git, named="HEAD") == origin("rev-parse", "d2")
    assert _find(git, named="") == origin("rev-parse", "m2"), "as if nothing were named"


def test_a_stale_local_branch_does_not_count(origin: Repo, tmp_path: Path) -> None:
    git = _clone(origin, tmp_path / "clone")
    m1 = origin("rev-parse", "m1")
    for args in (("reset", "--quiet", "--hard", m1), ("checkout", "--quiet", "deeper")):
        subprocess.run(["git", *args], cwd=git.project, env=origin.environ, check=True)
    assert _find(git, named="main") == origin("rev-parse", "m2")


def test_a_tag_is_fetched(origin: Repo, tmp_path: Path) -> None:
    git = _clone(origin, tmp_path / "clone", *SHALLOW)
    assert git.resolve("m1") is None
    assert _find(git, named="m1") == origin("rev-parse", "m1")


@pytest.mark.parametrize(
    "named", ["nope", "-rf", "--upload-pack=touch pwned", "x:refs/heads/main", "a b", "a\nb"]
)
@pytest.mark.parametrize("remote", [True, False])
def test_an_unknown_base(origin: Repo, tmp_path: Path, named: str, remote: bool) -> None:
    git = _clone(origin, tmp_path / "clone") if remote else origin.git()
    before = git.text("show-ref")
    with pytest.raises(RepositoryError, match="is unknown in this clone") as caught:
        _find(git, named=named)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    assert git.text("show-ref") == before
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("options", [(), ("--depth=1",)], ids=["whole", "shallow"])
def test_an_unrelated_base(origin: Repo, tmp_path: Path, options: tuple[str, ...]) -> None:
    origin("checkout", "--quiet", "--orphan", "other")
    origin.commit({"o": "o"})
    origin("checkout", "--quiet", "main")
    git = _clone(origin, tmp_path / "clone", *options)
    with pytest.raises(RepositoryError, match="have no common history") as caught:
        _find(git, named="other")
    assert caught.value.exit_code == 2


def test_history_that_is_needed_and_cannot_be_fetched(origin: Repo, tmp_path: Path) -> None:
    git = _clone(origin, tmp_path / "clone", "--depth=1", "--no-single-branch", "--branch=deeper")
    origin.root.rename(tmp_path / "elsewhere")
    with pytest.raises(RemoteError, match="`git fetch` from origin failed") as caught:
        _find(git, named="main")
    assert caught.value.exit_code == 3
    assert "fetch-depth: 0" in (caught.value.hint or "")
