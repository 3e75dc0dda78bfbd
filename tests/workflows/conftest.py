"""A runner, a forge and a place for artifacts: what the tests of workflows run against."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fakes.github_api import GitHubApi, Pull, Repository, State, workflow_token
from tests.workflows.engine import TOKEN, Engine, Run, export_action, user_cache
from tests.workflows.scratch import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.fakes.github_api import Comment, Level
    from tests.workflows.scratch import PullRequest

REPOSITORY = "acme/bikes"


@pytest.fixture(scope="session")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all processes that run tests."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = folder / "workflows"
    made.mkdir(exist_ok=True)
    return made


@pytest.fixture(scope="session")
def action(everybody: Path) -> Path:
    """What `uses: your-org/assay@v1` downloads.

    The engine copies it anew for every job. Behind a link it is one Assay, in one place, for all of
    them, so that its environments are built once.
    """
    exported, linked = everybody / "exported", everybody / "action"
    with (everybody / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not linked.exists():
            export_action(exported)
            scratch = everybody / "action.new"
            shutil.copytree(exported, scratch, ignore=shutil.ignore_patterns("scripts"))
            (scratch / "scripts").symlink_to(exported / "scripts")
            scratch.rename(linked)
    return linked


@pytest.fixture(scope="session")
def environments(everybody: Path) -> Path:
    """Where environments are kept from one test to the next.

    Ours is the same for all, and is imported much faster the second time.
    """
    folder = everybody / "environments"
    folder.mkdir(exist_ok=True)
    for uv in (user_cache() / "assay").glob("uv-*"):
        with contextlib.suppress(FileExistsError):
            (folder / uv.name).symlink_to(uv)
    return folder


@dataclass
class World:
    """GitHub, as far as a run of a workflow can tell."""

    engine: Engine
    api: GitHubApi
    store: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, pull: PullRequest, workflow: Path | str, *, only: Sequence[str] = ()) -> Run:
        """Run a workflow on a pull request: a file, or its text."""
        self._repository.pulls[NUMBER] = Pull(pull.head_sha, pull.branch, pull.title)
        if isinstance(workflow, str):
            path = pull.event.with_name("workflow.yml")
            path.write_text(workflow, encoding="utf-8")
            workflow = path
        return self.engine.run(
            pull.work_tree,
            workflow,
            event=pull.event,
            store=self.store,
            name=REPOSITORY,
            only=only,
            variables={"GITHUB_API_URL": self.api.url, **self.variables},
        )

    @property
    def _repository(self) -> Repository:
        return self.api.state.repositories[REPOSITORY]

    @property
    def comments(self) -> list[Comment]:
        """What stands below the pull request."""
        return self._repository.comments

    def artifact(self, name: str = "assay-report") -> Path:
        """The folder with an artifact's files."""
        return self.store / "artifacts" / name

    def grant(self, level: Level) -> None:
        """Let the workflow's token write to pull requests, or only read."""
        self.api.state.tokens[TOKEN] = workflow_token(level)


@pytest.fixture
def world(action: Path, environments: Path, tmp_path: Path) -> Iterator[World]:
    """A GitHub without comments, and a runner that knows nothing of this machine.

    `env.PREPARED` is a Python with all packages, for tests that are not about environments.
    """
    for name in ("home", "store"):
        (tmp_path / name).mkdir()
    state = State(tokens={TOKEN: workflow_token()}, repositories={REPOSITORY: Repository(id=1)})
    with GitHubApi(state) as api:
        engine = Engine(tmp_path / "home", action)
        variables = {"ASSAY_HOME": str(environments), "PREPARED": sys.executable}
        yield World(engine, api, tmp_path / "store", variables)
