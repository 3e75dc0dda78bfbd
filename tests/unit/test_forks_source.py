"""Which run, which pull request, whose rules: by GitHub's word, whatever the payload says."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from assay.config import Config, MetricSpec
from assay.errors import ConfigError, ForgeError, UsageError
from assay.forks import rules, source
from assay.forks.identity import Given

from tests.forks_api import Answers

OURS, SHA, OLD, BASE = "acme/bikes", "a" * 40, "c" * 40, "b" * 40
RUN = f"/repos/{OURS}/actions/runs/7"
PULLS = f"/repos/{OURS}/pulls?state=open&head=mallory%3Afeature&per_page=100"


def a_run(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "name": "Model check",
        "event": "pull_request",
        "status": "completed",
        "conclusion": "success",
        "head_sha": SHA,
        "head_branch": "feature",
        "html_url": "https://github.com/acme/bikes/actions/runs/7",
        "run_attempt": 2,
        "run_started_at": "2026-01-05T09:00:00Z",
        "repository": {"full_name": OURS},
        "head_repository": {"full_name": "mallory/bikes", "owner": {"login": "mallory"}},
        "actor": {"login": "mallory", "type": "User"},
    } | changes


def a_pull(**changes: Any) -> dict[str, Any]:
    return {
        "number": 5,
        "state": "open",
        "head": {"sha": SHA, "ref": "feature", "repo": {"full_name": "mallory/bikes"}},
        "base": {"sha": BASE, "ref": "main", "repo": {"full_name": OURS}},
    } | changes


def found(**changes: Any) -> source.UntrustedRun:
    return source.find(Answers(**{RUN: a_run(**changes)}), OURS, 7)


def test_a_run_of_a_fork() -> None:
    run = found()
    assert (run.head_sha, run.owner, run.attempt) == (SHA, "mallory", 2)
    assert run.from_fork
    assert run.read_only


def test_a_run_of_our_own_branch() -> None:
    own = {"full_name": "Acme/Bikes", "owner": {"login": "Acme"}}
    run = found(head_repository=own)
    assert not run.from_fork
    assert not run.read_only
    bot = found(head_repository=own, actor={"login": "dependabot[bot]", "type": "Bot"})
    assert not bot.from_fork
    assert bot.read_only


def test_a_fork_that_is_gone_has_no_pull_request() -> None:
    run = found(head_repository=None)
    assert run.from_fork
    api = Answers()
    assert source.pulls(api, OURS, run) == source.Pulls(())
    assert api.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": {"full_name": "mallory/bikes"}},
        {"id": 8},
        {"head_sha": "main"},
        {"html_url": None},
        {"head_repository": "mallory/bikes"},
    ],
)
def test_an_answer_that_is_no_run_of_ours_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ForgeError, match=r"GitHub sent no run 7|does not say"):
        found(**changes)


def test_a_run_that_has_not_ended_is_an_error() -> None:
    with pytest.raises(UsageError, match="has not ended: it is in_progress"):
        found(status="in_progress", conclusion=None)


def test_only_open_pull_requests_of_the_branch_at_the_commit_count() -> None:
    ours = {"sha": SHA, "ref": "feature", "repo": {"full_name": OURS}}
    # GitHub leaves a filter out that it does not understand: then there is everything.
    listed = [
        a_pull(number=1, state="closed"),
        a_pull(number=2, head=ours),
        a_pull(number=3, head=a_pull()["head"] | {"ref": "feature2"}),
        a_pull(number=4, base=a_pull()["base"] | {"repo": {"full_name": "mallory/bikes"}}),
        a_pull(number=5),
        a_pull(number=6, head=a_pull()["head"] | {"repo": None}),
        a_pull(number=9, base={"sha": OLD, "ref": "v1", "repo": {"full_name": OURS}}),
    ]
    pulls = source.pulls(Answers(**{PULLS: listed}), OURS, found())
    assert pulls.found == (
        source.Pull(number=5, base_ref="main", base_sha=BASE),
        source.Pull(number=9, base_ref="v1", base_sha=OLD),
    )


def test_a_pull_request_that_moved_on_is_told_from_none() -> None:
    moved = a_pull(head=a_pull()["head"] | {"sha": OLD})
    assert source.pulls(Answers(**{PULLS: [moved]}), OURS, found()) == source.Pulls((), OLD)
    assert source.pulls(Answers(**{PULLS: []}), OURS, found()) == source.Pulls(())


def test_a_branch_of_any_name_asks_for_itself_alone() -> None:
    api = Answers()
    with pytest.raises(ForgeError):
        source.pulls(api, OURS, found(head_branch="a&state=all#ü/../x:y%2e"))
    (asked,) = api.asked
    assert asked == (
        f"/repos/{OURS}/pulls?state=open"
        "&head=mallory%3Aa%26state%3Dall%23%C3%BC%2F..%2Fx%3Ay%252e&per_page=100"
    )


def test_the_run_is_named_by_the_input_or_the_event() -> None:
    event = {"workflow_run": {"id": 7}}
    assert source.run_id("", event) == 7
    assert source.run_id(" 12 ", event) == 12
    with pytest.raises(UsageError, match=r"'7/\.\./8', which is not the number of a run"):
        source.run_id("7/../8", event)
    with pytest.raises(UsageError, match="No run is named"):
        source.run_id("", {"pull_request": {"number": 1}})


def contents(text: bytes, **changes: Any) -> dict[str, Any]:
    encoded = base64.encodebytes(text).decode()
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(text),
        "content": encoded,
    } | changes


FILE = f"/repos/{OURS}/contents/models/a%20b/assay.yaml?ref={BASE}"


def fetch(answer: Any) -> Config | None:
    return rules.fetch(Answers(**{FILE: answer}), OURS, "models/a b/assay.yaml", BASE)


def test_the_rules_are_those_of_base() -> None:
    assert fetch(contents(b"metrics: {f1: {min: 0.6}}")) == Config(
        metrics={"f1": MetricSpec(min=0.6)}
    )
    assert rules.fetch(Answers(), OURS, "assay.yaml", BASE) is None


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (contents(b"metrics: 3"), ConfigError, "metrics"),
        (contents(b"\xff"), ForgeError, "no text"),
        (contents(b"", encoding="none"), ForgeError, "no file of at most"),
        (contents(b"", size=2_000_000), ForgeError, "no file of at most"),
        (contents(b"", type="symlink"), ForgeError, "no file of at most"),
        ([contents(b"")], ForgeError, "no file of at most"),
    ],
)
def test_rules_that_cannot_be_read(answer: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fetch(answer)


def test_changed_rules_are_named_key_by_key() -> None:
    base = Config(metrics={"f1": MetricSpec(min=0.6, max=1), "auc": MetricSpec()})
    head = Config(metrics={"f1": MetricSpec(min=0.5), "auc": MetricSpec(), "`x`": MetricSpec()})
    assert rules.changes(base, base) == ()
    assert rules.changes(base, head) == (
        "`metrics.f1.min` is `0.6` at base and `0.5` here.",
        "`metrics.f1.max` is `1.0` at base and absent here.",
        "`metrics.'x'` is absent at base and `{}` here.",
    )
    many = Config(metrics={f"m{i}": MetricSpec() for i in range(15)})
    assert rules.changes(Config(), many)[10:] == ("5 more keys differ.",)
    assert rules.changes(Config(), Config(train="skip")) == ()


def test_where_the_rules_lie() -> None:
    assert (Given().prefix, Given().rules) == ("", "assay.yaml")
    given = Given(project="./models/bikes/", config="ci/assay.yaml")
    assert (given.prefix, given.rules) == ("models/bikes/", "models/bikes/ci/assay.yaml")
    for project, config in (("../x", "a"), ("/etc", "a"), (".", "../a")):
        with pytest.raises(UsageError, match="not inside of the repository"):
            _ = Given(project=project, config=config).rules
