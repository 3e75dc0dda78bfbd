"""`assay retrain`: a real git remote, a real DVC remote and pipeline, and a GitHub that answers."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from assay import ci
from assay.retrain.branch import TRAILER
from assay.stages import retrain as stage
from assay.stages.retrain import Wish

from tests import repos
from tests.builders import make_context, printed, write
from tests.fakes.github_api import GitHubApi, Repository, State, workflow_token
from tests.retrain_facts import section

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.context import Context

REPO = "acme/bikes"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
BRANCH = "assay/retrain"
ALARM: list[Any] = ["quiet", "quiet", "quiet", "quiet", "drift", "drift"]
IMPORTED = """\
frozen: true
deps:
- path: ../../incoming.csv
outs:
- md5: {md5}
  size: {size}
  hash: md5
  path: raw.csv
"""


@pytest.fixture(scope="module")
def server() -> Iterator[GitHubApi]:
    with GitHubApi(State()) as running:
        yield running


@dataclass(frozen=True)
class Shop:
    """A project, its origin, and GitHub."""

    project: repos.Project
    github: GitHubApi

    @property
    def origin(self) -> Path:
        return self.project.root.parent / "origin.git"

    @property
    def repository(self) -> Repository:
        return self.github.state.repositories[REPO]

    def context(self, config: str = "", **environ: str) -> Context:
        given = {
            "GITHUB_TOKEN": SECRET,
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_API_URL": self.github.url,
            **environ,
        }
        together = {**self.project.environ, **given}
        made = make_context(self.project.root, repos.CONFIG + config, environ=together)
        return replace(made, ci=ci.detect(together))

    def run(self, *args: str) -> str:
        """Git, in origin."""
        argv = ["git", "--git-dir", str(self.origin), *args]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def shown(self, path: str, ref: str = BRANCH) -> str:
        return self.run("show", f"{ref}:{path}")

    def head(self, ref: str = BRANCH) -> str:
        return self.run("rev-parse", ref)


@pytest.fixture
def shop(project: repos.Project, server: GitHubApi) -> Shop:
    project.git("branch", "--force", "main", "better")
    project.git("switch", "--quiet", "main")
    origin = project.root.parent / "origin.git"
    project.git("clone", "--quiet", "--bare", "--branch", "main", ".", str(origin))
    project.git("remote", "add", "origin", "../origin.git")
    server.state = State(
        tokens={SECRET: workflow_token(contents="write", issues="write", actions="read")},
        repositories={REPO: Repository(id=7, bare=str(origin))},
    )
    return Shop(project, server)


def test_new_data_becomes_a_pull_request(shop: Shop) -> None:
    """From `dvc update` to what GitHub shows, with the real DVC."""
    project = shop.project
    raw = project.root / "data/raw.csv"
    (out,) = [
        one for one in shop.context().workspace.head_files().outputs if one.path == "data/raw.csv"
    ]
    document = IMPORTED.format(md5=out.md5, size=out.size)
    project.commit({"data/raw.csv.dvc": document})
    project.git("push", "--quiet", "origin", "main")
    more = "".join(f"{i},{i % 2},autumn\n" for i in range(300, 400))
    write(project.root.parent, {"incoming.csv": raw.read_text() + more})
    context = shop.context()
    write(context.workspace.state, {"monitor.json": section(ALARM).model_dump_json()})

    ended = stage.run(context, Wish())

    assert (ended.ending, ended.exit_code, ended.number) == ("opened", 0, 1), printed(context)
    pull = shop.repository.pulls[1]
    assert (pull.head_ref, pull.base_ref, pull.labels) == (BRANCH, "main", ["assay-retrain"])
    assert pull.title == "Retrain peak-hour: it does worse in production"
    assert "| `data/raw.csv` | 300 | 400 |" in pull.body
    assert ended.notes == (stage.report.NO_CHECKS,)
    changed = shop.run("diff", "--name-only", "main", BRANCH).splitlines()
    assert changed == ["data/raw.csv.dvc", "dvc.lock", "metrics.json"]
    assert f"{TRAILER}: {BRANCH}" in shop.run("log", "-1", "--format=%B", BRANCH)
    pushed = project.object_of("predictions.csv", where=project.remote)
    assert pushed.read_text().count("\n") == 401
    assert project.git("branch", "--show-current") == "main"
