"""May this commit be released: every fact that speaks against it, one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from assay.forge.tags import Run
from assay.release import gto
from assay.release.decision import Bundle, Facts, Published, decide
from assay.release.gto import Note, Registry, Tag
from assay.release.tagname import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMIT, OTHER = "c" * 40, "e" * 40
DIGEST = "d" * 64


def registry(*tags: tuple[str, str], notes: tuple[Note, ...] = ()) -> Registry:
    """Tags as (name, commit), one a second."""
    found = []
    for time, (ref, commit) in enumerate(tags):
        name = parse(ref)
        assert name is not None
        found.append(Tag(ref, name, commit, time))
    return replace(gto.registry(found), notes=notes)


GOOD = Facts(
    name="churn",
    version="v1.2.0",
    commit=COMMIT,
    registry=registry(("churn@v1.1.0", OTHER), ("churn@v1.2.0", COMMIT)),
    default_branch="main",
    on_default_branch=True,
    checked_by="model-check.yml",
    runs=(Run(7, "push", "main", "success", "https://forge/7"),),
    bundle=Bundle(COMMIT, "pass", DIGEST),
)


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"bundle": None},  # a laptop, which makes the tag alone
        {"bundle": Bundle(COMMIT, "warn", DIGEST)},
        {"bundle": Bundle(COMMIT, "warn", DIGEST, ("f1",))},  # accepted, or `severity: warn`
        {"registry": registry()},  # the tag is not made yet
        {"registry": registry(("churn#prod#1", COMMIT))},
        {
            "runs": (
                Run(3, "push", "main", "failure"),
                Run(9, "workflow_dispatch", "main", "success"),
            )
        },
        {"runs": (Run(3, "push", "main", "success"), Run(9, "schedule", "main", None))},
        {"runs": (Run(3, "merge_group", "gh-readonly-queue/main/pr-7-0123", "success"),)},
        {"runs": (Run(3, "push", "main", "success"), Run(9, "push", "feature", "failure"))},
        # Tagged in its turn, and published late.
        {"registry": registry(("churn@v1.2.0", COMMIT), ("churn@v1.3.0", OTHER))},
        {"name": "models:churn", "registry": registry(("models=churn@v1.2.0", COMMIT))},
    ],
)
def test_what_speaks_for_it(update: Mapping[str, Any]) -> None:
    decision = decide(replace(GOOD, **update))
    assert decision.allowed, decision.refusals
    assert (decision.exit_code, decision.done) == (0, False)


CASES: list[tuple[Mapping[str, Any], str, str, int]] = [
    (
        {"on_default_branch": False},
        "Commit cccccccccccc is not on the default branch `main`.",
        "Merge it into `main`",
        2,
    ),
    (
        {"on_default_branch": False, "branch": "main"},
        "Commit cccccccccccc is not pushed to the default branch `main` yet.",
        "`git push origin main`",
        2,
    ),
    (
        {"runs": ()},
        "`model-check.yml` never ran on `main` for commit cccccccccccc.",
        "gh workflow run",
        1,
    ),
    *(
        (
            {"runs": (run,)},
            (
                "`model-check.yml` never ran on `main` for commit cccccccccccc, only for a pull "
                "request or on another branch, which counts for nothing."
            ),
            "on every push to `main`",
            1,
        )
        for run in (
            Run(7, "pull_request", "feature", "success"),
            Run(7, "pull_request", "main", "success"),
            Run(7, "push", "feature", "success"),
            Run(7, "push", "gh-readonly-queue/main/pr-7-0123", "success"),
            Run(7, "workflow_dispatch", "feature", "success"),
            Run(7, "merge_group", "gh-readonly-queue/other/pr-7-0123", "success"),
            Run(7, "merge_group", None, "success"),
        )
    ),
    (
        {
            "runs": (
                Run(3, "push", "main", "success"),
                Run(9, "push", "main", "failure", "https://f/9"),
            )
        },
        (
            "`model-check.yml` did not pass for commit cccccccccccc, it ended in `failure`: "
            "https://f/9."
        ),
        "Mend what it found",
        1,
    ),
    (
        {"runs": (Run(9, "push", "main", "cancelled"),)},
        "`model-check.yml` did not pass for commit cccccccccccc, it ended in `cancelled`.",
        "Mend what it found",
        1,
    ),
    (
        {"runs": (Run(9, "push", "main", None),)},
        "`model-check.yml` is still running for commit cccccccccccc.",
        "Release once it has passed.",
        1,
    ),
    (
        {"bundle": Bundle(COMMIT, "fail", DIGEST)},
        "The gates did not pass for what was packaged: the verdict is `fail`.",
        "Mend what the report names",
        1,
    ),
    (
        {"bundle": Bundle(COMMIT, "inconclusive", DIGEST)},
        "The gates did not pass for what was packaged: the verdict is `inconclusive`.",
        "Mend what the report names",
        1,
    ),
    (
        {"bundle": Bundle(COMMIT, "no gate", DIGEST)},
        "Nothing was judged: assay.yaml has no gate that could say no.",
        "Give a metric a rule",
        1,
    ),
    (
        {"bundle": Bundle(COMMIT, "pass", DIGEST, ("f1",))},
        "The bundle contradicts itself: its verdict is `pass`, and its gate `f1` did not pass.",
        "Package the commit anew",
        1,
    ),
    (
        {"bundle": Bundle(OTHER, "pass", DIGEST)},
        "The bundle is of commit eeeeeeeeeeee, not of cccccccccccc.",
        "Package the commit that is tagged.",
        2,
    ),
    (
        {"registry": registry(("churn@v1.2.0", OTHER))},
        "`churn@v1.2.0` is the version of commit eeeeeeeeeeee, not of cccccccccccc.",
        "A version never moves",
        2,
    ),
    (
        {"registry": registry(("churn@v1.1.0", COMMIT))},
        (
            "Commit cccccccccccc is v1.1.0 of churn already, and GTO ends in an error where a "
            "commit has two versions (gto#377)."
        ),
        "git commit --allow-empty",
        2,
    ),
    (  # GTO counts one that was taken back too
        {"registry": registry(("churn@v1.1.0", COMMIT), ("churn@v1.1.0!", COMMIT))},
        (
            "Commit cccccccccccc is v1.1.0 of churn already, and GTO ends in an error where a "
            "commit has two versions (gto#377)."
        ),
        "git commit --allow-empty",
        2,
    ),
    (
        {"registry": registry(("churn@v1.2.0", COMMIT), ("churn@v1.2.0!", COMMIT))},
        "v1.2.0 was deregistered, and people may still know it as what it was.",
        "Take the next version.",
        2,
    ),
    (  # also where it was registered again
        {
            "registry": registry(
                ("churn@v1.2.0", COMMIT), ("churn@v1.2.0!", COMMIT), ("churn@v1.2.0#1", COMMIT)
            )
        },
        "v1.2.0 was deregistered, and people may still know it as what it was.",
        "Take the next version.",
        2,
    ),
    (
        {"registry": registry(("churn@v1.2.0", OTHER), ("churn@v1.2.0#2", COMMIT))},
        "`churn@v1.2.0` is the version of commit eeeeeeeeeeee, not of cccccccccccc.",
        "A version never moves",
        2,
    ),
    (
        {
            "registry": registry(
                notes=(Note("churn@v1.2.0#2", "`churn@v1.2.0#2` is lightweight.", "Delete it."),)
            )
        },
        "`churn@v1.2.0#2` is lightweight.",
        "Delete it.",
        2,
    ),
    (
        {"published": (Published("churn@v1.2.0", DIGEST), Published("churn@v1.2.0#1", "9" * 64))},
        f"`churn@v1.2.0#1` is released already, with other content: the bundle {'9' * 64}.",
        "release the next version",
        2,
    ),
    (
        {"registry": registry(("churn@v1.10.0", OTHER))},
        "v1.2.0 is below v1.10.0, which exists.",
        "Take a greater version.",
        2,
    ),
    (
        {"registry": registry(("churn@v1.10.0", OTHER), ("churn@v1.2.0", COMMIT))},
        "v1.2.0 is below v1.10.0, which exists.",
        "Take a greater version.",
        2,
    ),
    (
        {
            "registry": registry(
                notes=(Note("churn@v1.2.0", "`churn@v1.2.0` is a lightweight tag.", "Delete it."),)
            )
        },
        "`churn@v1.2.0` is a lightweight tag.",
        "Delete it.",
        2,
    ),
    (
        {"published": (Published("churn@v1.2.0", "9" * 64),)},
        f"`churn@v1.2.0` is released already, with other content: the bundle {'9' * 64}.",
        "release the next version",
        2,
    ),
    (
        {"published": (Published("churn@v1.2.0", None),)},
        "`churn@v1.2.0` is released already, with other content: no bundle.",
        "release the next version",
        2,
    ),
    (
        {"version": "1.2.0"},
        "`churn@1.2.0` is no tag that GTO reads as a version.",
        "Write it as `name@v1.2.3`.",
        2,
    ),
    (
        {"name": "a b\x1b"},
        "`a b\\x1b@v1.2.0` is no tag that GTO reads as a version.",
        "Write it as `name@v1.2.3`.",
        2,
    ),
]


@pytest.mark.parametrize(("update", "message", "hint", "code"), CASES)
def test_what_speaks_against_it(
    update: Mapping[str, Any], message: str, hint: str, code: int
) -> None:
    decision = decide(replace(GOOD, **update))
    (refusal,) = decision.refusals
    assert refusal.message == message
    assert hint in refusal.hint
    assert (decision.allowed, decision.exit_code, decision.done) == (False, code, False)


def test_all_that_speaks_against_it_is_told_at_once() -> None:
    decision = decide(replace(GOOD, on_default_branch=False, runs=()))
    assert len(decision.refusals) == 2
    assert decision.exit_code == 2


def test_a_release_that_is_out_is_not_taken_back_by_what_came_later() -> None:
    """Running the workflow once more is harmless, also after a newer version."""
    later = replace(
        GOOD,
        registry=registry(("churn@v1.2.0", COMMIT), ("churn@v9.0.0", OTHER)),
        runs=(Run(9, "push", "main", "failure"),),
        published=(Published("churn@v1.2.0", DIGEST),),
    )
    decision = decide(later)
    assert (decision.allowed, decision.done) == (True, True)


def test_a_release_whose_tag_was_moved_is_not_harmless() -> None:
    moved = replace(
        GOOD,
        registry=registry(("churn@v1.2.0", OTHER)),
        published=(Published("churn@v1.2.0", DIGEST),),
    )
    decision = decide(moved)
    assert (decision.allowed, decision.done) == (False, False)
