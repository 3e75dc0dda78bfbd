"""`assay retrain` from new data to the pull request: a real pipeline, DVC remote and origin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import ProgramError, RemoteError, RepositoryError
from assay.process import Completed
from assay.report import retrain as report
from assay.retrain import outcome, training
from assay.retrain.branch import TRAILER
from assay.retrain.decision import Decision
from assay.stages import retrain as stage
from assay.stages.retrain import Wish
from assay.workspace.dvccli import Dvc

from tests import repos
from tests.asking import serving
from tests.builders import printed, write
from tests.fakes.github_api import workflow_token
from tests.retrain_facts import section
from tests.retrain_shop import BRANCH, Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.context import Context

    from tests.fakes.github_api import GitHubApi

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


@pytest.fixture
def shop(project: repos.Project, server: GitHubApi) -> Iterator[Shop]:
    project.git("branch", "--force", "main", "better")
    project.git("switch", "--quiet", "main")
    origin = project.root.parent / "origin.git"
    project.git("clone", "--quiet", "--bare", "--branch", "main", ".", str(origin))
    project.git("remote", "add", "origin", "../origin.git")
    with serving(server, workflow_token(contents="write", actions="read"), bare=str(origin)) as api:
        yield Shop(project.root, project.environ, api)


def test_new_data_becomes_a_pull_request(shop: Shop, project: repos.Project) -> None:
    """From `dvc update` to what GitHub shows, with the real DVC."""
    raw = (project.root / "data/raw.csv").read_text()
    (out,) = (o for o in shop.context().workspace.head_files().outputs if o.path == "data/raw.csv")
    project.commit({"data/raw.csv.dvc": IMPORTED.format(md5=out.md5, size=out.size)})
    project.git("push", "--quiet", "origin", "main")
    more = "".join(f"{i},{i % 2},autumn\n" for i in range(300, 400))
    write(project.root.parent, {"incoming.csv": raw + more})
    recent = "retrain: {recent: {time: id, trained_on: data/prepared.csv}}\n"
    context = shop.context(repos.CONFIG + recent)
    write(context.workspace.state, {"monitor.json": section(ALARM).model_dump_json()})

    ended = stage.run(context, Wish())

    assert (ended.ending, ended.exit_code, ended.number) == ("opened", 0, 1), printed(context)
    assert ended.notes == (report.NO_CHECKS,)
    pull = shop.repository.pulls[1]
    assert (pull.head_ref, pull.base_ref, pull.labels) == (BRANCH, "main", ["assay-retrain"])
    assert pull.title == "Retrain peak-hour: it does worse in production"
    assert "| `data/raw.csv` | 300 | 400 | 3.8 kB | 5.1 kB | 0 to 399 |" in pull.body
    assert "ROC AUC got worse" in pull.body
    assert shop.there("diff", "--name-only", "main", BRANCH).splitlines() == [
        "data/raw.csv.dvc",
        "dvc.lock",
        "metrics.json",
    ]
    said = shop.there("log", "-1", "--format=%B", BRANCH)
    assert said.startswith("Retrain peak-hour: it does worse in production\n\nThe model does worse")
    assert f"\n{TRAILER}: {BRANCH}" in said
    # What the checks of the pull request pull, they find.
    pushed = project.object_of("predictions.csv", where=project.remote)
    assert pushed.read_text().count("\n") == 401
    assert project.git("branch", "--show-current") == "main"


# --- without DVC, which takes a second each time -------------------------------------------------


@pytest.fixture
def steps(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Context]:
    """A context whose DVC pulls and pushes nothing, and runs what it is given."""

    def prepared(config: str = "", **codes: int) -> Context:
        context = shop.context(repos.CONFIG + config)
        decided = Decision(retrain=True, outcome="retrain", why="hand", reason="It was asked for.")
        outcome.save(context.workspace, decided)

        def stream(dvc: Dvc, *args: str, on_line: Callable[[str], None]) -> Completed:
            on_line(f"dvc {' '.join(args)}")
            if args[0] == "repro" and not codes.get("repro"):
                lock = dvc.root / "dvc.lock"
                lock.write_text(lock.read_text() + codes.get("new", 0) * "# trained\n")
            said = "ERROR: it is broken" if codes.get(args[0]) else ""
            return Completed(code=codes.get(args[0], 0), tail=said, seconds=0.0)

        monkeypatch.setattr(Dvc, "stream", stream)
        monkeypatch.setattr(training.checkout, "run", lambda _: None)
        return context

    return prepared


def test_nothing_new_opens_nothing(steps: Callable[..., Context], shop: Shop) -> None:
    context = steps()
    ended = stage.train(context)
    assert ended is not None
    assert (ended.ending, ended.exit_code) == ("nothing new", 0)
    assert ended.reason == "dvc.lock is as before: there was nothing new to learn from."
    assert "dvc push" not in printed(context)
    assert "Nothing was imported" in printed(context)
    assert not shop.repository.pulls


def test_a_pipeline_that_fails_opens_nothing(steps: Callable[..., Context]) -> None:
    context = steps(repro=255, new=1)
    ended = stage.train(context)
    assert ended is not None
    assert (ended.ending, ended.exit_code) == ("failed", 1)
    assert ended.reason == ("Training failed: it is broken. No pull request was opened or changed.")
    assert "dvc push" not in printed(context)


def test_data_that_cannot_be_pushed_opens_nothing(steps: Callable[..., Context]) -> None:
    with pytest.raises(RemoteError, match="What was trained could not be pushed"):
        stage.train(steps(push=1, new=1))


def test_train_verify_holds_for_checks_and_not_here(steps: Callable[..., Context]) -> None:
    context = steps("train: verify\n", new=1)
    assert stage.train(context) is None
    assert "dvc repro" in printed(context)


def test_the_user_s_command_brings_the_data(steps: Callable[..., Context], shop: Shop) -> None:
    program = "import os, sys; print('brought', sys.argv[1], os.environ.get('ASSAY_TOKEN'))"
    context = steps(f'retrain: {{bring: [python, -c, "{program}", "$(id)"]}}\n', new=1)
    assert stage.train(context) is None
    assert "brought $(id) None" in printed(context)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ('[python, -c, "raise SystemExit(7)"]', "`retrain.bring` ended with exit code 7"),
        ("no-such-program-anywhere", "`no-such-program-anywhere` cannot be started"),
    ],
)
def test_a_command_that_fails(steps: Callable[..., Context], command: str, message: str) -> None:
    context = steps(f"retrain: {{bring: {command}}}\n", new=1)
    with pytest.raises(ProgramError, match=message) as caught:
        stage.train(context)
    assert caught.value.exit_code == 3
    assert "dvc repro" not in printed(context)


def test_an_import_that_cannot_be_updated(steps: Callable[..., Context], shop: Shop) -> None:
    context = steps(update=1)
    write(shop.root, {"data/raw.csv.dvc": IMPORTED.format(md5="a" * 32, size=1)})
    with pytest.raises(RemoteError, match="`dvc update` failed: it is broken"):
        stage.train(context)
    assert "dvc update -- data/raw.csv.dvc" in printed(context)


def test_without_a_remote_nobody_could_pull_it(steps: Callable[..., Context], shop: Shop) -> None:
    context = steps()
    (shop.root / ".dvc/config").write_text("")
    with pytest.raises(RepositoryError, match="no default DVC remote"):
        stage.train(context)


def test_without_a_pipeline_nothing_can_be_trained(
    steps: Callable[..., Context], shop: Shop
) -> None:
    context = steps()
    (shop.root / "dvc.yaml").unlink()
    with pytest.raises(RepositoryError, match="no pipeline"):
        stage.train(replace(context, workspace=shop.context().workspace))
