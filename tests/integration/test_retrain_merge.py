"""Merging a retraining pull request without a person: what it takes, and what keeps it from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from assay.record import Revision
from assay.retrain import merging
from assay.section import Status
from assay.stages import retrain as stage
from assay.stages.retrain import Wish

from tests import records
from tests.asking import REPO
from tests.fakes.github_api import CheckRun
from tests.retrain_shop import BRANCH, Shop, founded, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.gates import Gate
    from assay.record import RunRecord

    from tests.fakes.github_api import GitHubApi

HEAD, BASE = "a" * 40, "b" * 40
CONFIG = "retrain: {merge: superior}\n"


def gate(rule: str, *, passed: bool = True) -> Gate:
    words = "F1 rose by 0.02, surely" if passed else "F1 fell by 0.02"
    return records.metric_gate("f1", rule, None, 0.02, passed=passed, message=words)


def checked(*gates: Gate, head: str = HEAD, base: str = BASE) -> RunRecord:
    """A record of a check that came to these gates."""
    good = records.good()
    assert good.compare is not None
    compare = good.compare.model_copy(update={"gates": gates, "status": Status.PASS, "reasons": ()})
    update: dict[str, Any] = {
        "ci": good.ci.model_copy(update={"head_sha": head}),
        "base": Revision(sha=base),
        "compare": compare,
    }
    for name, section in good.sections():
        if name != "compare":
            changed = section.model_copy(update={"status": Status.PASS, "reasons": ()})
            update["validation" if name == "validate" else name] = changed
    return good.model_copy(update=update)


SUPERIOR = checked(gate("superior"), gate("min"))


def against(**facts: Any) -> list[str]:
    given = {
        "head": HEAD,
        "base": BASE,
        "proposed": HEAD,
        "ours": HEAD,
        "people": (),
        "record": SUPERIOR,
        "failing": (),
        **facts,
    }
    return list(merging.objections(merging.Facts(**given)))


def test_nothing_speaks_against_what_is_superior_in_everything() -> None:
    assert against() == []


def test_a_gate_that_only_warns_has_to_pass_too() -> None:
    soft = gate("max_regression", passed=False).model_copy(update={"severity": "warn"})
    found = against(record=checked(gate("superior"), soft))
    assert any("the verdict is `warn`" in one for one in found)
    assert "a gate has not passed: F1 fell by 0.02" in found


@pytest.mark.parametrize("result", ["failed", "inconclusive", "not decided"])
def test_every_gate_has_to_pass(result: str) -> None:
    other = gate("min", passed=False).model_copy(update={"result": result})
    assert "a gate has not passed: F1 fell by 0.02" in against(
        record=checked(gate("superior"), other)
    )
    alone = gate("superior", passed=False).model_copy(update={"result": result})
    assert any("no gate asks whether it is `superior`" in o for o in against(record=checked(alone)))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"people": (HEAD,)}, "there are commits of people on the branch"),
        ({"head": "c" * 40}, "the branch is not at the commit that was pushed by a retraining"),
        ({"head": None}, "the branch is not at the commit that was pushed by a retraining"),
        ({"ours": None}, "the branch is not at the commit that was pushed by a retraining"),
        ({"proposed": "c" * 40}, "the record is of another commit"),
        ({"base": "c" * 40}, "the default branch has moved since it was checked"),
        ({"failing": ("lint",)}, "checks have not passed: `lint`"),
        ({"record": None, "why_none": "it never ran"}, "it never ran"),
        ({"record": None}, "its check left no record"),
        ({"record": checked()}, "no gate asks whether it is `superior`, or none says so"),
        (
            {"record": checked(gate("min"))},
            "no gate asks whether it is `superior`, or none says so",
        ),
    ],
)
def test_each_of_these_speaks_against_it(facts: dict[str, Any], why: str) -> None:
    assert why in against(**facts)


# --- at GitHub -----------------------------------------------------------------------------------


FILES = {".gitignore": ".assay/\n", "dvc.yaml": "stages: {}\n", "dvc.lock": "# 1\n"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return founded(tmp_path_factory.mktemp("retrain"), FILES)


@pytest.fixture
def shop(place: Path, tmp_path: Path, server: GitHubApi) -> Iterator[Shop]:
    with opened(place, tmp_path, server, actions="read", checks="read", statuses="read") as made:
        yield made


@pytest.fixture
def check(shop: Shop) -> Any:
    """Opens a pull request, and checks it."""
    assert stage.propose(shop.train({"dvc.lock": "# 2\n"})).ending == "opened"

    def run(*gates: Gate, conclusion: str = "success", **ends: str) -> None:
        head, state = shop.head(), shop.github.state
        given = {"head": head, "base": shop.head("main"), **ends}
        record = checked(*(gates or (gate("superior"),)), **given)
        done = state.run(REPO, head, conclusion=conclusion, head_branch=BRANCH)
        state.artifact(done, "assay-report", {"record.json": record.to_json().encode()})
        report = CheckRun(1, "github-actions[bot]", head, "Model check")
        report.fields = {"status": "completed", "conclusion": conclusion}
        shop.repository.check_runs.append(report)

    return run


def tried(shop: Shop) -> str:
    ended = stage.run(shop.context(CONFIG), Wish(merge_only=True))
    assert ended.exit_code == 0
    return f"{ended.ending}: {ended.reason}"


def test_what_is_superior_is_merged_at_the_commit_that_was_checked(shop: Shop, check: Any) -> None:
    check()
    head = shop.head()
    assert tried(shop) == (
        "merged: #1 is merged: every gate says superior. Release it to have it used."
    )
    assert shop.head("main^2") == head
    assert shop.repository.pulls[1].merged_at is not None


def test_what_is_not_superior_waits_for_a_person(shop: Shop, check: Any) -> None:
    check(gate("min"))
    assert tried(shop) == (
        "not now: #1 was not merged by itself: no gate asks whether it is `superior`, or none says "
        "so."
    )
    assert shop.repository.pulls[1].state == "open"


def test_a_check_that_failed_or_did_not_run(shop: Shop, check: Any) -> None:
    assert "`model-check.yml` has not run for it" in tried(shop)
    check(conclusion="failure")
    said = tried(shop)
    assert "checks have not passed: `Model check`" in said
    assert "`model-check.yml` ended in `failure`" in said


def test_a_record_of_another_commit_counts_for_nothing(shop: Shop, check: Any) -> None:
    check(head="d" * 40)
    assert "The record is of another commit" in tried(shop)


def test_a_person_who_pushed_since_has_to_merge(shop: Shop, check: Any) -> None:
    check()
    shop.push({"src.py": "1\n"})
    check()
    assert "there are commits of people on the branch" in tried(shop)


def test_a_default_branch_that_moved_asks_for_another_check(shop: Shop, check: Any) -> None:
    check()
    shop.push({"README.md": "more\n"}, branch="main")
    assert "the default branch has moved since it was checked" in tried(shop)


def test_a_stranger_s_pull_request_from_our_branch_is_not_ours(shop: Shop, check: Any) -> None:
    """Whoever may read a repository may open one from its branches, with a mark like ours."""
    check()
    ours = shop.repository.pulls[1]
    ours.state, ours.closed_at = "closed", ours.created_at  # a person said no
    shop.repository.pulls[2] = replace(ours, author="mallory", state="open", closed_at=None)
    assert tried(shop).startswith("not now: There is no open pull request that could be merged")
    assert shop.repository.pulls[2].state == "open"


def test_one_that_leads_elsewhere_is_not_merged(shop: Shop, check: Any) -> None:
    check()
    shop.there("branch", "old", "main")
    shop.repository.pulls[1].base_ref = "old"
    assert tried(shop).startswith("not now: There is no open pull request that could be merged")


def test_who_asks_for_changes_is_heard(shop: Shop, check: Any) -> None:
    """Also where no rule of the branch asks for a review."""
    check()
    shop.repository.roles["ann"] = "write"
    reviews = shop.repository.pulls[1].reviews
    reviews += [
        ("ann", "CHANGES_REQUESTED"),
        ("ann", "COMMENTED"),
        ("mallory", "CHANGES_REQUESTED"),
    ]
    assert tried(shop) == "not now: #1 was not merged by itself: `ann` asks for changes."
    reviews.append(("ann", "DISMISSED"))  # and what a stranger wants is no veto
    assert tried(shop).startswith("merged")


def test_by_default_nothing_is_merged(shop: Shop, check: Any) -> None:
    check()
    ended = stage.run(shop.context(), Wish(merge_only=True))
    assert ended.ending == "not now"
    assert shop.repository.pulls[1].state == "open"


def test_a_token_that_may_not_merge_says_so(shop: Shop, check: Any) -> None:
    check()
    for token in shop.github.state.tokens.values():
        token.permissions["contents"] = "read"
    assert "contents: write" in tried(shop) or "may not write" in tried(shop)
    assert shop.repository.pulls[1].state == "open"


def test_what_may_not_be_looked_up_leaves_it_to_a_person(shop: Shop, check: Any) -> None:
    check()
    shop.repository.private = True
    for token in shop.github.state.tokens.values():
        del token.permissions["checks"]
    said = tried(shop)
    assert said.startswith("not now: #1 was not merged by itself: the token may not read checks of")
    assert "checks: read" in said


def test_the_next_retraining_merges_first(shop: Shop, check: Any) -> None:
    check()
    ended = stage.run(shop.context(CONFIG), Wish("hand"))
    assert ended.ending == "merged"


def test_what_keeps_it_from_being_merged_is_said_beside(shop: Shop, check: Any) -> None:
    check(gate("min"))
    shop.repository.pulls[1].created_at = f"{datetime.now(UTC) - timedelta(hours=1):%FT%TZ}"
    ended = stage.decide(shop.context(CONFIG), Wish())
    assert ended is not None
    assert ended.reason == "Nothing is known of production: `assay monitor` has not run."
    assert ended.notes[-1].startswith("#1 was not merged by itself: no gate asks")
