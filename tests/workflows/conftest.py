"""A runner, a forge and a place for artifacts: what the tests of workflows run against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fakes.github_api import GitHubApi, Pull, Repository, State, workflow_token
from tests.workflows.engine import TOKEN, Engine, Run, export_action
from tests.workflows.scratch import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.fakes.github_api import Comment, Level
    from tests.workflows.scratch import PullRequest

REPOSITORY = "acme/bikes"


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `uses: your-org/assay@v1` downloads."""
    return export_action(tmp_path_factory.mktemp("action"))


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
def world(action: Path, tmp_path: Path) -> Iterator[World]:
    """A GitHub without comments, and a runner that knows nothing of this machine."""
    for name in ("home", "store"):
        (tmp_path / name).mkdir()
    state = State(tokens={TOKEN: workflow_token()}, repositories={REPOSITORY: Repository(id=1)})
    with GitHubApi(state) as api:
        yield World(Engine(tmp_path / "home", action), api, tmp_path / "store")
