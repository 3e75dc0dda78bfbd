"""Stages as tags in a real repository, and at GitHub; `gto show` says who is where."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import RemoteError, RepositoryError
from assay.forge.transport import Api
from assay.release.lookup import Lookup
from assay.rollout import stagetag
from assay.rollout.stagetag import AtGitHub, InClone

from tests.fakes.github_api import GitHubApi, Repository, State, workflow_token
from tests.repos import Repo, with_origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.release.tagname import TagName

api = pytest.importorskip("gto.api")
from scmrepo.git import Git as Scm  # noqa: E402 (GTO brings it)

REPO = "acme/bikes"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
START = 1_790_000_000.0


@pytest.fixture
def clone(tmp_path: Path) -> Repo:
    """A clone with three versions of churn, which a bare origin has too."""
    repo = with_origin(tmp_path)
    for number in range(3):
        repo.commit({"model": str(number)})
        when = {"GIT_COMMITTER_DATE": f"@{int(START) + number} +0000"}
        tag = ("git", "tag", "-a", "-m", "x", f"churn@v1.{number}.0")
        subprocess.run(tag, cwd=repo.root, env={**repo.environ, **when}, check=True)
    repo("push", "--quiet", "--tags", "origin", "main")
    return repo


def shown(repo: Repo) -> dict[str, str]:
    """Who is in which stage, as `gto show` says it."""
    with contextlib.closing(Scm(str(repo.root))) as scm:
        stages = api.show(scm)["churn"]["stage"]
        return {stage: version for stage, version in stages.items() if version}


def in_clone(repo: Repo) -> InClone:
    return InClone(repo.git(), lambda: START + 10)


def record(there: Any, version: str | None, stage: str = "production") -> TagName | None:
    return stagetag.record(there, "churn", stage, version, message=f"{version} in {stage}")


class TestInClone:
    def test_promotions_and_a_rollback_are_what_gto_shows(self, clone: Repo) -> None:
        said = []
        for version, stage in (
            ("v1.0.0", "staging"),
            ("v1.0.0", "production"),
            ("v1.2.0", "staging"),
            ("v1.2.0", "production"),
            ("v1.0.0", "production"),
        ):
            said.append(str(record(in_clone(clone), version, stage)))
            assert shown(clone)[stage] == version
        assert said == [
            "churn#staging#1",
            "churn#production#2",
            "churn#staging#3",
            "churn#production#4",
            "churn#production#5",
        ]
        assert shown(clone) == {"staging": "v1.2.0", "production": "v1.0.0"}

    def test_origin_has_them(self, clone: Repo) -> None:
        tag = record(in_clone(clone), "v1.1.0")
        told = clone("ls-remote", "--tags", "origin", str(tag))
        assert str(tag) in told

    def test_what_is_said_already_is_not_said_again(self, clone: Repo) -> None:
        record(in_clone(clone), "v1.1.0")
        assert record(in_clone(clone), "v1.1.0") is None

    def test_a_stage_becomes_empty(self, clone: Repo) -> None:
        assert record(in_clone(clone), None) is None
        record(in_clone(clone), "v1.1.0")
        assert str(record(in_clone(clone), None)) == "churn#production!#2"
        assert shown(clone) == {}

    def test_a_version_that_nobody_registered_is_in_no_stage(self, clone: Repo) -> None:
        with pytest.raises(RepositoryError, match=r"churn v9\.0\.0 is not registered"):
            record(in_clone(clone), "v9.0.0")

    def test_without_an_origin_the_clone_alone_knows(self, clone: Repo) -> None:
        clone("remote", "remove", "origin")
        record(in_clone(clone), "v1.1.0")
        assert shown(clone) == {"production": "v1.1.0"}

    def test_an_origin_that_cannot_be_reached_leaves_no_tag(
        self, clone: Repo, tmp_path: Path
    ) -> None:
        (tmp_path / "origin.git").rename(tmp_path / "elsewhere")
        with pytest.raises(RemoteError):
            record(in_clone(clone), "v1.1.0")
        assert shown(clone) == {}


@pytest.fixture
def github(server: GitHubApi) -> GitHubApi:
    server.state = State(
        tokens={SECRET: workflow_token(contents="write")}, repositories={REPO: Repository(id=7)}
    )
    return server


@pytest.fixture
def there(github: GitHubApi, clone: Repo) -> Iterator[AtGitHub]:
    with Api(
        url=github.url, token=SECRET, timeout=5, sleep=lambda _: None, subject=REPO
    ) as connection:
        _mirror(github, clone)
        yield AtGitHub(
            connection,
            REPO,
            Lookup(connection, REPO, sleep=lambda _: None),
            clone.git(),
            ("Ann", "ann@example.test"),
            lambda _: None,
            lambda: START + 10,
        )


def _mirror(github: GitHubApi, clone: Repo) -> None:
    """GitHub has the clone's commits and tags."""
    from tests.fakes.github.objects import GitObject

    held = github.state.repositories[REPO]
    lines = clone("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)")
    for line in lines.splitlines():
        ref, sha, _ = line.split()
        if ref.startswith("refs/tags/"):
            held.refs[ref] = sha
    listed = clone("rev-list", "--objects", "--all").splitlines()
    for sha in {line.split()[0] for line in listed} | set(held.refs.values()):
        kind = clone("cat-file", "-t", sha).strip()
        content = subprocess.run(
            ["git", "cat-file", kind, sha], cwd=clone.root, capture_output=True, check=True
        ).stdout
        held.objects[sha] = GitObject(kind, content)  # type: ignore[arg-type]


class TestAtGitHub:
    def test_promotion_and_rollback(self, there: AtGitHub, github: GitHubApi) -> None:
        for version in ("v1.1.0", "v1.2.0", "v1.1.0"):
            record(there, version)
            holder = there.registry().artifact("churn").stages["production"]
            assert holder.version == version
        assert sorted(ref for ref in github.state.repositories[REPO].refs if "#" in ref) == [
            "refs/tags/churn#production#1",
            "refs/tags/churn#production#2",
            "refs/tags/churn#production#3",
        ]

    def test_who_is_faster_gets_the_name_and_the_slower_the_next(
        self, there: AtGitHub, github: GitHubApi
    ) -> None:
        held = github.state.repositories[REPO]
        theirs = held.refs["refs/tags/churn@v1.0.0"]
        slow = _Slow(there, lambda: held.refs.update({"refs/tags/churn#production#1": theirs}))
        assert str(record(slow, "v1.2.0")) == "churn#production#2"

    def test_who_always_comes_too_late_says_so(self, there: AtGitHub, github: GitHubApi) -> None:
        held = github.state.repositories[REPO]
        theirs = held.refs["refs/tags/churn@v1.0.0"]

        def others() -> None:
            numbers = sum("#" in ref for ref in held.refs)
            held.refs[f"refs/tags/churn#production#{numbers + 1}"] = theirs

        with pytest.raises(RepositoryError, match="by others again and again"):
            record(_Slow(there, others), "v1.2.0")


class _Slow:
    """Between a look and a tag, others are there."""

    def __init__(self, there: AtGitHub, others: Any) -> None:
        self._there, self._others = there, others
        self.registry = there.registry

    def make(self, *arguments: Any, **options: Any) -> bool:
        self._others()
        return self._there.make(*arguments, **options)
