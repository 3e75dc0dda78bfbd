"""The branch and the pull request of a retraining: real git, a bare origin, GitHub's rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from assay import ci
from assay import config as configs
from assay.errors import ConfigError, ForgeError, RemoteError, RepositoryError, UsageError
from assay.forge.proposals import Proposals
from assay.retrain import branch as branches
from assay.retrain import marks, outcome
from assay.stages import retrain as stage
from assay.stages.retrain import Wish

from tests.asking import REPO, SECRET, connection
from tests.fakes.github_api import workflow_token
from tests.git_http import GitServer
from tests.retrain_facts import START, section
from tests.retrain_shop import BRANCH, Shop, founded, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.forge.proposals import Proposal
    from assay.monitor.verdict import Outcome

    from tests.fakes.github_api import GitHubApi

DAY = timedelta(days=1)
PIPELINE = """\
stages:
  train:
    cmd: python src/train.py
    deps: [data/raw.csv]
    outs: [model.bin]
    params: [depth]
    metrics:
      - metrics.json: {cache: false}
"""
FILES = {
    ".gitignore": ".assay/\nmodel.bin\n",
    "dvc.yaml": PIPELINE,
    "dvc.lock": "schema: '2.0'\nstages: {}\n# 1\n",
    "metrics.json": '{"f1": 0.7}\n',
    "params.yaml": "depth: 4\n",
    "src/train.py": "print(1)\n",
}
NEW = {"dvc.lock": "schema: '2.0'\nstages: {}\n# 2\n", "metrics.json": '{"f1": 0.8}\n'}
NEWER = {"dvc.lock": "schema: '2.0'\nstages: {}\n# 3\n", "metrics.json": '{"f1": 0.9}\n'}
ALARM: list[Outcome] = ["quiet", "quiet", "quiet", "quiet", "drift", "drift"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded(tmp_path_factory.mktemp("retrain"), FILES)


@pytest.fixture
def shop(place: Path, tmp_path: Path, server: GitHubApi) -> Iterator[Shop]:
    with opened(place, tmp_path, server, actions="read") as made:
        yield made


def proposed(shop: Shop, files: dict[str, str]) -> outcome.Outcome:
    return stage.propose(shop.train(files))


def test_a_candidate_is_opened_and_brought_up_to_date(shop: Shop) -> None:
    main = shop.head("main")
    opened = proposed(shop, NEW)
    assert (opened.ending, opened.number) == ("opened", 1)
    assert shop.there("log", "--format=%P", "-1", BRANCH) == main
    first = shop.head()
    updated = proposed(shop, NEWER)
    assert (updated.ending, updated.number, len(shop.repository.pulls)) == ("updated", 1, 1)
    assert shop.shown("metrics.json") == '{"f1": 0.9}'
    # One commit on top of the default branch, and not one for each training.
    assert shop.there("log", "--format=%P", "-1", BRANCH) == main
    assert shop.head() != first
    assert shop.repository.pulls[1].body.count("<!-- assay:retrain") == 1
    assert proposed(shop, NEWER).ending == "unchanged"
    remembered = marks.attempt(proposal(shop, 1))
    assert remembered is not None
    assert (remembered.seen, len(remembered.runs)) == (shop.head(), 3)


def test_it_begins_at_the_newest_commit_of_the_default_branch(shop: Shop) -> None:
    proposed(shop, NEW)
    shop.git("checkout", "--quiet", "--", ".")
    main = shop.push({"src/train.py": "print(2)\n"}, branch="main")
    shop.git("pull", "--quiet", "origin", "main")
    assert proposed(shop, NEWER).ending == "updated"
    assert shop.there("log", "--format=%P", "-1", BRANCH) == main


def test_nothing_of_the_clone_changes(shop: Shop) -> None:
    shop.git("config", "core.hooksPath", str(shop.root / "hooks"))
    hook = shop.root / "hooks/pre-push"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = shop.git("rev-parse", "HEAD"), shop.git("branch", "--all")
    proposed(shop, NEW)
    assert before == (shop.git("rev-parse", "HEAD"), shop.git("branch", "--all"))
    assert shop.git("diff", "--name-only") == "dvc.lock\nmetrics.json"
    assert not shop.git("diff", "--cached", "--name-only")


def test_only_what_says_what_was_trained_is_committed(shop: Shop) -> None:
    changed = {
        **NEW,
        "params.yaml": "depth: 5\n",
        "src/train.py": "print('changed by its own')\n",
        "data/raw.csv.dvc": "outs:\n- path: raw.csv\n  md5: " + "a" * 32 + "\n",
        "data/.gitignore": "/raw.csv\n",
        "notes.txt": "from the training\n",
    }
    ended = proposed(shop, changed)
    assert ended.ending == "opened"
    names = shop.there("diff", "--name-only", "main", BRANCH).splitlines()
    assert names == [
        "data/.gitignore",
        "data/raw.csv.dvc",
        "dvc.lock",
        "metrics.json",
        "params.yaml",
    ]
    assert "The training changed `src/train.py`: not committed" in shop.repository.pulls[1].body


@pytest.mark.parametrize("replaced", [False, True])
def test_a_training_that_writes_another_pipeline_commits_no_code(
    shop: Shop, *, replaced: bool
) -> None:
    evil = PIPELINE.replace(
        "- metrics.json", "- src/train.py: {cache: false}\n      - metrics.json"
    )
    context = shop.train({**NEW, "dvc.yaml": evil, "src/train.py": "print('evil')\n"})
    if replaced:
        made = shop.git("hash-object", "-w", "dvc.yaml")
        shop.git("replace", "HEAD:dvc.yaml", made)
    assert stage.propose(context).number == 1
    names = shop.there("diff", "--name-only", "main", BRANCH).splitlines()
    assert names == ["dvc.lock", "metrics.json"]


def test_a_hook_that_a_training_wrote_adds_nothing(shop: Shop) -> None:
    hook = shop.root / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nrm $0\nsha=$(echo evil | git hash-object -w --stdin)\n"
        "git update-index --cacheinfo 100644,$sha,src/train.py\n"
    )
    hook.chmod(0o755)
    context = shop.train(NEW)
    with (
        branches.looked_at(context, BRANCH, token=None) as one,
        pytest.raises(RepositoryError, match=r"would change src/train\.py too"),
    ):
        one.commit(["dvc.lock", "metrics.json"], "One")


def test_a_commit_that_a_training_made_is_not_pushed(shop: Shop) -> None:
    (shop.root / "src/train.py").write_text("print('evil')\n")
    shop.git("commit", "--quiet", "--all", "--message=Mine")
    with pytest.raises(RepositoryError, match="no commit of `main` at origin"):
        proposed(shop, NEW)
    assert not shop.there("branch", "--list", BRANCH)


def test_a_clone_without_history(shop: Shop) -> None:
    """As actions/checkout makes it."""
    proposed(shop, NEW)
    theirs = shop.push({"src/train.py": "print('better')\n"})
    shop.push({"README.md": "more\n"}, branch="main")
    shallow = shop.root.parent / "shallow"
    address = f"file://{shop.origin}"
    shop.git("clone", "--quiet", "--depth=1", "--branch=main", address, str(shallow))
    here = replace(shop, root=shallow)
    assert proposed(here, NEWER).ending == "updated"
    assert shop.head(f"{BRANCH}^1") == theirs
    assert shop.shown("metrics.json") == '{"f1": 0.9}'
    assert shop.shown("src/train.py") == "print('better')"
    assert shop.shown("README.md") == "more"


def test_a_project_in_a_folder(shop: Shop) -> None:
    for name, text in FILES.items():
        (shop.root / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.root / "model" / name).write_text(text)
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "--message=Move")
    shop.git("push", "--quiet", "origin", "HEAD:main")
    below = replace(shop, root=shop.root / "model")
    context = below.train(NEW)
    context = replace(context, workspace=below.context().workspace)
    (shop.root / ".git/x").touch()
    # The origin is relative to the clone's root, as git reads it.
    shop.git("remote", "set-url", "origin", str(shop.origin))
    assert stage.propose(context).ending == "opened"
    assert shop.there("diff", "--name-only", "main", BRANCH).splitlines() == [
        "model/dvc.lock",
        "model/metrics.json",
    ]


def test_a_person_s_commit_stays_and_ours_comes_on_top(shop: Shop) -> None:
    proposed(shop, NEW)
    theirs = shop.push({"src/train.py": "print('better')\n"})
    ended = proposed(shop, NEWER)
    assert ended.ending == "updated"
    assert shop.head(f"{BRANCH}^1") == theirs
    assert shop.shown("src/train.py") == "print('better')"
    assert shop.shown("metrics.json") == '{"f1": 0.9}'
    assert "There is 1 commit of people on this branch" in shop.repository.pulls[1].body
    # And once more, on top of a mixture of both.
    assert proposed(shop, NEWER).ending == "unchanged"
    assert proposed(shop, {**NEWER, "metrics.json": '{"f1": 0.95}\n'}).ending == "updated"
    assert shop.shown("src/train.py") == "print('better')"
    assert shop.shown("metrics.json") == '{"f1": 0.95}'
    assert shop.there("merge-base", "--is-ancestor", theirs, BRANCH) == ""


def test_with_a_person_s_commit_the_default_branch_comes_in_too(shop: Shop) -> None:
    proposed(shop, NEW)
    theirs = shop.push({"src/train.py": "print('better')\n"})
    shop.git("checkout", "--quiet", "--", ".")
    main = shop.push({"README.md": "more\n"}, branch="main")
    shop.git("pull", "--quiet", "origin", "main")
    assert proposed(shop, NEWER).ending == "updated"
    assert shop.head(f"{BRANCH}^1") == theirs
    assert shop.head(f"{BRANCH}^2^") == main
    assert shop.there("diff", "--name-only", "main", BRANCH).splitlines() == [
        "dvc.lock",
        "metrics.json",
        "src/train.py",
    ]


def test_a_person_s_commit_that_conflicts_is_left_alone_and_told_once(shop: Shop) -> None:
    proposed(shop, NEW)
    theirs = shop.push({"metrics.json": '{"f1": 0.75}\n'})
    for _ in range(2):
        ended = proposed(shop, NEWER)
        assert (ended.ending, ended.exit_code, ended.number) == ("left to people", 0, 1)
        assert shop.head() == theirs
    assert ended.reason == (
        f"On `{BRANCH}` somebody changed the same lines, and that is left as it is. "
        "What was trained now is not on it."
    )
    (said,) = shop.repository.comments
    assert "somebody changed the same lines" in said.body
    # It counts as a training: the daily limit holds here too.
    listed = shop.context()
    assert stage.decide(listed, Wish("hand")) is not None


def test_a_merge_of_the_default_branch_by_a_person_is_a_person_s(shop: Shop) -> None:
    """As GitHub's button `Update branch` makes it."""
    proposed(shop, NEW)
    shop.push({"README.md": "more\n"}, branch="main")
    theirs = shop.root.parent / "theirs"
    shop.git("fetch", "--quiet", "origin", where=theirs)
    shop.git("checkout", "--quiet", "-B", "work", f"origin/{BRANCH}", where=theirs)
    shop.git("merge", "--quiet", "--no-edit", "origin/main", where=theirs)
    shop.git("push", "--quiet", "origin", f"HEAD:{BRANCH}", where=theirs)
    head = shop.head()
    assert proposed(shop, NEWER).ending == "updated"
    assert shop.head(f"{BRANCH}^1") == head


def test_who_amends_our_commit_makes_it_theirs(shop: Shop) -> None:
    proposed(shop, NEW)
    theirs = shop.root.parent / "theirs"
    shop.git("clone", "--quiet", "--branch", BRANCH, str(shop.origin), str(theirs))
    (theirs / "metrics.json").write_text('{"f1": 0.71}\n')
    shop.git("commit", "--quiet", "--all", "--amend", "--no-edit", where=theirs)
    shop.git("push", "--quiet", "--force", "origin", BRANCH, where=theirs)
    head = shop.head()
    assert proposed(shop, NEWER).ending == "left to people"
    assert shop.head() == head


def test_a_person_s_commit_may_say_anything(shop: Shop) -> None:
    proposed(shop, NEW)
    theirs = shop.root.parent / "theirs"
    shop.git("clone", "--quiet", "--branch", BRANCH, str(shop.origin), str(theirs))
    text = f"Mine\n\nAssay-Retrain: one\u2028two\x0cthree\n  {BRANCH}\n"
    shop.git("commit", "--quiet", "--allow-empty", f"--message={text}", where=theirs)
    shop.git("push", "--quiet", "origin", BRANCH, where=theirs)
    head = shop.head()
    assert proposed(shop, NEWER).ending == "updated"
    assert shop.head(f"{BRANCH}^1") == head


def test_a_branch_of_somebody_else_s_is_not_touched(shop: Shop) -> None:
    theirs = shop.push({"README.md": "mine\n"})
    ended = proposed(shop, NEW)
    assert (ended.ending, ended.number, shop.head()) == ("left to people", None, theirs)
    assert ended.reason.startswith(f"The branch `{BRANCH}` is somebody else's")
    assert not shop.repository.pulls


def test_a_branch_that_was_squashed_and_stayed_begins_anew(shop: Shop) -> None:
    proposed(shop, NEW)
    head = shop.push({"src/train.py": "print('better')\n"})
    pull = shop.repository.pulls[1]
    pull.state, pull.head_sha = "closed", head
    pull.merged_at = pull.closed_at = "2026-01-06T00:00:00Z"
    ended = proposed(shop, NEWER)
    assert (ended.ending, ended.number) == ("opened", 2)
    assert shop.there("log", "--format=%P", "-1", BRANCH) == shop.head("main")


def test_no_commit_of_a_person_is_ever_lost(shop: Shop) -> None:
    """Trainings and people in turns, whatever either changes."""
    people = []
    for step, kind in enumerate(["train", "code", "train", "metrics", "train", "code", "train"]):
        number = f'{{"f1": 0.{step}}}\n'
        if kind == "train":
            ended = proposed(shop, {"dvc.lock": f"# {step}\n", "metrics.json": number})
            assert ended.ending in ("opened", "updated", "left to people")
        else:
            name = "src/train.py" if kind == "code" else "metrics.json"
            people.append(shop.push({name: number}))
        for sha in people:
            shop.there("merge-base", "--is-ancestor", sha, BRANCH)


def test_two_at_once_do_not_push_over_each_other(shop: Shop) -> None:
    context = shop.train(NEW)
    paths = ["dvc.lock", "metrics.json"]
    for _ in range(2):  # where there is no branch yet, and where there is one
        with (
            branches.looked_at(context, BRANCH, token=None) as one,
            branches.looked_at(context, BRANCH, token=None) as other,
        ):
            (shop.root / "metrics.json").write_text(f"1 {one.found.head}\n")
            first = one.commit(paths, "One")
            (shop.root / "metrics.json").write_text(f"2 {one.found.head}\n")
            with pytest.raises(RemoteError, match="at the same moment") as caught:
                other.commit(paths, "Other")
        assert caught.value.exit_code == 3
        assert shop.head() == first.sha


def test_a_push_that_is_refused(shop: Shop) -> None:
    hook = shop.origin / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'Resource not accessible by integration' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RemoteError) as caught:
        proposed(shop, NEW)
    assert "failed: remote: Resource not accessible by integration." in caught.value.message
    assert "contents: write" in (caught.value.hint or "")
    assert not shop.repository.pulls


def test_a_workflow_that_may_not_open_pull_requests(shop: Shop) -> None:
    shop.repository.actions_may_propose = False
    with pytest.raises(ForgeError, match="not permitted to create") as caught:
        proposed(shop, NEW)
    assert caught.value.exit_code == 3
    assert "Settings > Actions > General" in (caught.value.hint or "")
    # What was pushed is ours, so that it goes on where it broke off.
    shop.repository.actions_may_propose = True
    assert proposed(shop, NEW).ending == "opened"


def test_a_token_that_may_not_write_pull_requests(tmp_path: Path, shop: Shop) -> None:
    shop.github.state.tokens = {name: workflow_token("read") for name in shop.github.state.tokens}
    with pytest.raises(ForgeError) as caught:
        proposed(shop, NEW)
    assert "pull-requests: write" in (caught.value.hint or "")


def test_without_a_token_nothing_can_be_asked(shop: Shop) -> None:
    context = shop.context(ASSAY_TOKEN="")
    with pytest.raises(UsageError, match="there is no token"):
        stage.run(context, Wish("hand"))


@pytest.mark.parametrize(
    "name", ["--force", "a b", "a..b", "x;rm", "$(id)", "a\nb", "x.lock", "a//b", "@{-1}", "", "é"]
)
def test_a_hostile_name_of_the_branch_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        configs.parse(f"retrain: {{branch: {name!r}}}")


def test_the_default_branch_is_no_branch_to_push_to(shop: Shop) -> None:
    context = shop.context("retrain: {branch: main}")
    with pytest.raises(UsageError, match="is the default branch"):
        stage.run(context, Wish("hand"))


def test_it_begins_nowhere_else(shop: Shop) -> None:
    (shop.root / "params.yaml").write_text("depth: 9\n")
    with pytest.raises(RepositoryError, match="Tracked files differ"):
        stage.run(shop.context(), Wish("hand"))
    shop.git("commit", "--quiet", "--all", "--message=Local")
    with pytest.raises(RepositoryError, match="not the newest commit of `main`"):
        stage.run(shop.context(), Wish("hand"))


def test_an_origin_that_is_not_there(shop: Shop) -> None:
    shop.git("remote", "set-url", "origin", "https://user:pw@127.0.0.1:1/x.git")
    with pytest.raises(RemoteError, match="origin cannot be read") as caught:
        stage.run(shop.context(), Wish("hand"))
    assert "pw" not in caught.value.message


def test_the_token_opens_github_s_git_and_nothing_else(shop: Shop) -> None:
    """What a training may have written, into the clone or the home folder, is not asked."""
    (shop.origin.parent / "acme").mkdir()
    shop.origin.rename(shop.origin.parent / "acme/bikes.git")
    bare = shop.origin.parent / "acme/bikes.git"
    shop.git("--git-dir", str(bare), "config", "http.receivepack", "true")
    shop.repository.bare = str(bare)
    with GitServer(bare.parent.parent, SECRET) as git, GitServer(bare.parent.parent, "no") as other:
        stolen = f"[url {chr(34)}{other.url}/{chr(34)}]\n  insteadOf = {git.url}/\n"
        with (shop.root / ".git/config").open("a") as file:
            file.write(stolen)
        (Path(shop.environ["HOME"]) / ".gitconfig").write_text(stolen)
        shop.git("remote", "set-url", "origin", "https://somewhere.example/else.git")
        context = shop.train(NEW)
        runner = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": git.url}
        context = replace(context, ci=ci.detect({**context.environ, **runner}))
        assert stage.propose(context).ending == "opened"
        assert git.seen
        assert None not in git.seen
        assert other.seen == []
    assert shop.git("--git-dir", str(bare), "rev-parse", f"{BRANCH}^") == shop.git(
        "rev-parse", "HEAD"
    )


# --- what was tried before, as GitHub has it -----------------------------------------------------


def monitored(shop: Shop, outcomes: list[Outcome], **facts: int) -> None:
    state = shop.context().workspace.state
    (state / "monitor.json").write_text(section(outcomes, **facts).model_dump_json())


def decided(shop: Shop, *, config: str = "") -> outcome.Outcome:
    found = stage.decide(shop.context(config), Wish())
    assert found is not None
    return found


def test_the_cool_down_is_counted_from_the_pull_request(shop: Shop) -> None:
    monitored(shop, ALARM)
    shop.pull(datetime.now(UTC) - 2 * DAY, "merged", why="drift")
    found = decided(shop)
    assert (found.ending, found.exit_code) == ("not now", 0)
    assert found.reason.startswith("#1 was opened ")
    assert stage.decide(shop.context("retrain: {cooldown: 1 d}"), Wish()) is None


def test_the_pull_request_of_a_person_on_that_branch_is_none_of_ours(shop: Shop) -> None:
    monitored(shop, ALARM)
    shop.pull(datetime.now(UTC), "closed")
    shop.repository.pulls[1].body = "I did this."
    assert stage.decide(shop.context(), Wish()) is None


def test_that_it_does_not_help_is_said_once_and_forgotten_when_it_is_calm(shop: Shop) -> None:
    long_ago = datetime.now(UTC) - 30 * DAY
    monitored(shop, ["drift"] * 8, first=10)
    for days in (8, 12):
        shop.pull(long_ago, "merged", why="performance", until=START + days * DAY)
    for _ in range(3):
        found = decided(shop)
        assert (found.ending, found.exit_code) == ("given up", 0)
        assert found.reason.startswith("Retraining does not help: #1 and #2 did not end the alarm")
    (said,) = shop.repository.comments
    assert (said.number, "Retraining does not help" in said.body) == (2, True)
    monitored(shop, ["quiet"] * 6, first=20)
    assert decided(shop).reason == "There is no alarm."
    assert marks.attempt(proposal(shop, 2)).stopped is False  # type: ignore[union-attr]
    monitored(shop, ["quiet"] * 5 + ["drift"] * 2, first=22)
    assert stage.decide(shop.context(), Wish()) is None


def proposal(shop: Shop, number: int) -> Proposal:
    with connection(shop.github, "a test") as api:
        listed = Proposals(api, REPO, sleep=lambda _: None).listed(BRANCH)
    return next(one for one in listed if one.number == number)


def test_what_strangers_opened_from_our_branch_counts_for_nothing(shop: Shop) -> None:
    """They can neither keep it from training, nor keep the text of the pull request theirs."""
    proposed(shop, NEW)
    ours = shop.repository.pulls[1]
    ours.state, ours.closed_at = "closed", ours.created_at
    old = shop.pull(datetime.now(UTC), "closed", why="drift", until=START + 9 * DAY, stopped=True)
    new = shop.pull(datetime.now(UTC), runs=(datetime.now(UTC),) * 3)
    for number in (old, new):
        shop.repository.pulls[number].author = "mallory"
    ours.body = ours.body.partition("\n")[2]
    shop.git("checkout", "--quiet", "--", ".")
    monitored(shop, ALARM)
    assert stage.decide(shop.context(), Wish()) is None
    ended = proposed(shop, NEWER)
    assert (ended.ending, ended.number) == ("opened", 4)
    assert shop.repository.pulls[new].state == "closed"


def test_what_a_pull_request_remembers_may_be_anything(shop: Shop) -> None:
    number = shop.pull(datetime(2012, 1, 1, tzinfo=UTC), "closed")
    facts = '{"why":"drift","until":"2012-01-05T00:00:00","runs":["2012-01-05T00:00:00"]}'
    shop.repository.pulls[number].body = f"<!-- assay:retrain {quote(facts)} -->\n"
    monitored(shop, ALARM)
    assert stage.decide(shop.context(), Wish()) is None


def test_a_document_of_the_monitor_that_cannot_be_read(shop: Shop) -> None:
    (shop.context().workspace.state / "monitor.json").write_text('{"format": 7}')
    with pytest.raises(UsageError, match="not a document of this version"):
        decided(shop)


def test_a_dry_run_does_nothing(shop: Shop) -> None:
    monitored(shop, ALARM)
    found = stage.run(shop.context(), Wish(dry_run=True))
    assert found.ending == "would retrain"
    assert {log.method for log in shop.github.state.requests} == {"GET"}


def test_the_steps_of_a_job_belong_together(shop: Shop) -> None:
    with pytest.raises(UsageError, match=r"retrain-decision\.json"):
        stage.propose(shop.context())
    context = shop.train(NEW)
    shop.git("commit", "--quiet", "--allow-empty", "--message=Other")
    with pytest.raises(UsageError, match="of another commit"):
        stage.propose(context)
