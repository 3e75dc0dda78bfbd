"""Where a run takes place, for the environments of each host."""

from __future__ import annotations

from typing import Any

import pytest
from assay.ci import CiContext, detect, report_key

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/bikes",
    "GITHUB_RUN_ID": "17",
    "GITHUB_SHA": "merge",
    "GITHUB_WORKFLOW": "model",
    "GITHUB_TOKEN": "ghs_secret",
}
PULL: dict[str, Any] = {
    "number": 5,
    "pull_request": {
        "number": 5,
        "base": {"ref": "main", "sha": "base"},
        "head": {"ref": "deeper", "sha": "pushed", "repo": {"full_name": "acme/bikes"}},
    },
}


def _github(event: str, payload: dict[str, Any] | None = None, **more: str) -> CiContext:
    return detect({**GITHUB, "GITHUB_EVENT_NAME": event, **more}, payload)


def _from(repo: dict[str, str] | None) -> dict[str, Any]:
    pull = PULL["pull_request"]
    return {**PULL, "pull_request": {**pull, "head": {**pull["head"], "repo": repo}}}


def test_github_pull_request() -> None:
    assert _github("pull_request", PULL, GITHUB_BASE_REF="main", GITHUB_HEAD_REF="x") == CiContext(
        host="github",
        event="pull_request",
        repository="acme/bikes",
        pull_request=5,
        base_ref="main",
        base_sha="base",
        head_ref="deeper",
        head_sha="pushed",
        run_url="https://github.com/acme/bikes/actions/runs/17",
        workflow="model",
    )


@pytest.mark.parametrize(
    ("repo", "fork"),
    [
        ({"full_name": "acme/bikes"}, False),
        ({"full_name": "eve/bikes"}, True),
        (None, True),  # the fork was deleted
    ],
)
def test_github_fork(repo: dict[str, str] | None, fork: bool) -> None:
    assert _github("pull_request", _from(repo)).from_fork is fork
    assert _github("pull_request_target", _from(repo)).from_fork is fork


@pytest.mark.parametrize(
    ("before", "base"),
    [("ab" * 20, "ab" * 20), ("0" * 40, None), (None, None), (5, None)],
)
def test_github_push(before: object, base: str | None) -> None:
    found = _github("push", {"before": before}, GITHUB_REF_NAME="main")
    assert found.base_sha == base
    assert (found.pull_request, found.base_ref, found.from_fork) == (None, None, False)
    assert (found.head_ref, found.head_sha) == ("main", "merge")


def test_github_merge_queue() -> None:
    queue = {"base_sha": "before", "base_ref": "refs/heads/main", "head_sha": "merge"}
    found = _github("merge_group", {"merge_group": queue})
    assert (found.base_ref, found.base_sha, found.pull_request) == ("main", "before", None)


@pytest.mark.parametrize("event", ["workflow_dispatch", "schedule", "release", "workflow_run"])
@pytest.mark.parametrize("payload", [None, {}, {"number": 7}, {"pull_request": None}])
def test_github_without_a_pull_request(event: str, payload: dict[str, Any] | None) -> None:
    found = _github(event, payload, GITHUB_REF_NAME="main")
    assert (found.event, found.pull_request, found.base_sha) == (event, None, None)
    assert not found.from_fork


def test_github_enterprise() -> None:
    found = _github(
        "push", {}, GITHUB_SERVER_URL="https://git.acme", GITHUB_API_URL="https://git.acme/api/v3"
    )
    assert found.api_url == "https://git.acme/api/v3"
    assert found.run_url == "https://git.acme/acme/bikes/actions/runs/17"


@pytest.mark.parametrize("number", ["5x", "-5", "", None, "\N{ARABIC-INDIC DIGIT FIVE}", [5]])
def test_a_number_that_is_none(number: object) -> None:
    assert _github("pull_request", {"pull_request": {"number": number}}).pull_request is None


GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "acme/bikes",
    "CI_COMMIT_REF_NAME": "deeper",
    "CI_COMMIT_SHA": "pushed",
    "CI_PIPELINE_SOURCE": "push",
    "CI_PIPELINE_URL": "https://gitlab.acme/p/1",
    "CI_API_V4_URL": "https://gitlab.acme/api/v4",
    "CI_JOB_TOKEN": "secret",
}


def test_gitlab_merge_request() -> None:
    found = detect(
        {
            **GITLAB,
            "CI_MERGE_REQUEST_IID": "9",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "eve/bikes",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": "base",
        }
    )
    assert (found.host, found.event, found.pull_request) == ("gitlab", "pull_request", 9)
    assert (found.base_ref, found.base_sha, found.from_fork) == ("main", "base", True)


def test_gitlab_push() -> None:
    found = detect(GITLAB)
    assert (found.event, found.pull_request, found.from_fork) == ("push", None, False)
    assert found.api_url == "https://gitlab.acme/api/v4"


def test_jenkins() -> None:
    environ = {
        "JENKINS_URL": "https://jenkins.acme",
        "BRANCH_NAME": "PR-3",
        "CHANGE_ID": "3",
        "CHANGE_TARGET": "main",
        "CHANGE_BRANCH": "deeper",
        "GIT_COMMIT": "pushed",
    }
    found = detect(environ)
    assert (found.host, found.event, found.pull_request) == ("jenkins", "pull_request", 3)
    assert (found.base_ref, found.head_ref, found.from_fork) == ("main", "deeper", False)
    assert detect({**environ, "CHANGE_FORK": "eve"}).from_fork
    assert detect({"JENKINS_URL": "x", "BRANCH_NAME": "main"}).event == "push"


def test_a_laptop() -> None:
    assert detect({}) == CiContext()
    assert detect({"GITHUB_ACTIONS": "false", "CI": "true"}).host == "local"


def test_no_secret_is_kept() -> None:
    for found in (_github("pull_request", PULL), detect(GITLAB)):
        assert "secret" not in found.model_dump_json()


def test_the_runner_says_which_pull_request_and_not_a_file() -> None:
    """The event is a file that the job's own programs can write to."""
    forged = {"number": 666, "pull_request": {**PULL["pull_request"], "number": 666}}
    assert _github("pull_request", forged, GITHUB_REF="refs/pull/5/merge").pull_request == 5
    assert _github("pull_request", {}, GITHUB_REF="refs/pull/5/merge").pull_request == 5
    assert _github("pull_request_target", PULL, GITHUB_REF="refs/heads/main").pull_request == 5
    assert _github("push", {}, GITHUB_REF="refs/heads/refs/pull/6/merge").pull_request is None


@pytest.mark.parametrize(
    ("folder", "matrix", "key"),
    [
        ("", "", "default"),
        ("models/churn/", "null", "models/churn"),
        ("", '{"model": "churn"}', "model-churn"),
        (
            "models",
            '{"model": "churn", "size": 3, "on": true}',
            "models/model-churn/size-3/on-true",
        ),
        ("", '{"model": "  two\\nwords "}', "model--two-words"),
        ("", '{"model": {"name": "a", "seeds": [1, 2]}}', 'model-{"name":"a","seeds":[1,2]}'),
        ("", '{"model": ""}', "model-"),
        ("", "{}", "default"),
        ("", "[1]", "default"),
        ("", "{broken", "default"),
    ],
)
def test_a_report_has_a_key_of_its_own(folder: str, matrix: str, key: str) -> None:
    assert report_key("", folder=folder, matrix=matrix) == key
    assert report_key("mine", folder=folder, matrix=matrix) == "mine"


WRONG = (None, 7, "x", ["x"], {"repo": 7}, {"ref": 7, "sha": ["x"], "number": {}})


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("place", ["pull_request", "merge_group", "repository", "before", "head"])
def test_an_event_that_is_none_of_github_s_breaks_nothing(place: str, value: object) -> None:
    """The event is a file, and earlier steps can write to it."""
    event = {"pull_request": {"number": 5, "head": value, "base": value}}
    event = event if place == "head" else {place: value}
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/pull/5/merge", "GITHUB_SHA": "a" * 40}
    context = detect(environ, event)
    assert context.pull_request == 5
    assert context.head_sha == "a" * 40
    assert (context.base_ref, context.default_branch) == (None, None)
