"""Deployments and issues against a GitHub API that keeps GitHub's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import ForgeError
from assay.forge import issues
from assay.forge.deployments import LONGEST, Deployments, Wanted
from assay.forge.issues import LABEL, Issue
from assay.forge.refusal import ForbiddenError, RejectedError
from assay.forge.transport import Api
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.asking import REPO, SECRET, connection, serving
from tests.fakes.github_api import MAX_BODY, GitHubApi, Repository, State, workflow_token
from tests.fakes.github_api import Issue as Known

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG = "bikes@v1.2.0"
FACTS = {"name": "bikes", "version": "v1.2.0", "digest": "d" * 64}


@pytest.fixture
def github(server: GitHubApi) -> Iterator[GitHubApi]:
    token = workflow_token(deployments="write", issues="write", statuses="write")
    with serving(server, token) as github:
        github.state.commit(REPO, {"a": b"1"})
        github.state.commit(REPO, {"a": b"1"}, ref=f"refs/tags/{TAG}")
        yield github


@pytest.fixture
def api(github: GitHubApi) -> Iterator[Api]:
    with connection(github, f"production of {REPO}") as made:
        yield made


@pytest.fixture
def deployments(api: Api) -> Deployments:
    return Deployments(api, REPO, sleep=lambda _: None)


@pytest.fixture
def repository(github: GitHubApi) -> Repository:
    return github.state.repositories[REPO]


def wanted(**changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "ref": TAG,
        "environment": "production",
        "task": "deploy",
        "description": "bikes v1.2.0",
        "run": "r1",
        "facts": FACTS,
    }
    return Wanted(**{**fields, **changes})


class TestDeployments:
    def test_a_deployment_is_of_the_tag_and_asks_for_nothing(
        self, deployments: Deployments, repository: Repository, github: GitHubApi
    ) -> None:
        sha = repository.refs[f"refs/tags/{TAG}"]
        # What deploys is a check of the commit itself, and is under way.
        github.state.repositories[REPO].statuses.append(
            _status(github.state, sha, "deploy", "pending")
        )
        number = deployments.create(wanted())
        (made,) = repository.deployments
        assert (made.id, made.sha, made.ref, made.environment) == (number, sha, TAG, "production")
        assert made.payload == {**FACTS, "run": "r1"}
        assert (made.production, made.transient, made.task) == (True, False, "deploy")

    def test_a_status_says_where_to_look(
        self, deployments: Deployments, repository: Repository
    ) -> None:
        number = deployments.create(wanted())
        deployments.tell(number, "in_progress", "5 %", log_url="https://x/run")
        deployments.tell(
            number, "success", "x" * 200, log_url="https://x/run", environment_url="https://bikes/"
        )
        first, last = repository.deployments[0].statuses
        assert (first.state, first.description, first.log_url) == (
            "in_progress",
            "5 %",
            "https://x/run",
        )
        assert (last.environment_url, len(last.description)) == ("https://bikes/", LONGEST)

    @pytest.mark.parametrize("environment", ["production", "staging"])
    def test_one_version_is_active_at_a_time(
        self, deployments: Deployments, repository: Repository, environment: str
    ) -> None:
        numbers = []
        for index, end in enumerate(["success", "failure", "success", "success"]):
            number = deployments.create(wanted(environment=environment, run=f"r{index}"))
            deployments.tell(number, end, "x")  # type: ignore[arg-type]
            if end == "success":
                deployments.retire(environment, but=number, description="another is there")
            numbers.append(number)
        states = [one.state for one in repository.deployments]
        assert states == ["inactive", "failure", "inactive", "success"]
        assert [one.id for one in repository.deployments] == numbers

    def test_deployments_of_others_are_left_alone(
        self, deployments: Deployments, repository: Repository, github: GitHubApi
    ) -> None:
        theirs = deployments.create(wanted(facts={}))
        deployments.tell(theirs, "success", "by the job")
        elsewhere = deployments.create(wanted(environment="production-eu", run="r0"))
        deployments.tell(elsewhere, "success", "x")
        ours = deployments.create(wanted())
        deployments.tell(ours, "success", "x")
        deployments.retire("production", but=ours, description="x")
        assert [one.state for one in repository.deployments] == ["success"] * 3

    @pytest.mark.parametrize("after", [False, True])
    def test_an_answer_that_got_lost_makes_no_second_one(
        self, deployments: Deployments, repository: Repository, github: GitHubApi, after: bool
    ) -> None:
        github.state.fail(502, method="POST", path="/deployments", after=after)
        number = deployments.create(wanted())
        assert [one.id for one in repository.deployments] == [number]

    def test_a_version_without_a_tag_is_refused(self, deployments: Deployments) -> None:
        with pytest.raises(RejectedError, match="No ref found for: bikes@v9"):
            deployments.create(wanted(ref="bikes@v9.0.0"))

    def test_the_permission_that_lacks_is_named(self, github: GitHubApi) -> None:
        github.state.tokens[SECRET] = workflow_token(deployments="read")
        with (
            Api(url=github.url, token=SECRET, timeout=5, sleep=lambda _: None, subject=REPO) as api,
            pytest.raises(ForbiddenError) as caught,
        ):
            Deployments(api, REPO, sleep=lambda _: None).create(wanted())
        assert "may not write deployments of acme/bikes" in caught.value.message
        assert "deployments: write" in str(caught.value.hint)
        assert SECRET not in f"{caught.value.message}{caught.value.hint}"

    def test_the_fake_refuses_what_github_does(self, api: Api, github: GitHubApi) -> None:
        sha = github.state.repositories[REPO].refs["refs/heads/main"]
        github.state.repositories[REPO].statuses.append(
            _status(github.state, sha, "check", "failure")
        )
        path = f"/repos/{REPO}/deployments"
        with pytest.raises(ForgeError, match=r"409: .*Commit status checks failed for: check"):
            api.request("POST", path, {"ref": "main"})
        github.state.commit(REPO, {"a": b"2"}, ref="refs/heads/feature")
        with pytest.raises(ForgeError, match="409: Conflict merging main into feature"):
            api.request("POST", path, {"ref": "feature", "required_contexts": []})
        made = api.request("POST", path, {"ref": "main", "required_contexts": []})
        assert isinstance(made, dict)
        for data in (
            {"state": "success", "description": "x" * 141},
            {"state": "success", "environment_url": "javascript:alert(1)"},
        ):
            with pytest.raises(RejectedError):
                api.request("POST", f"{path}/{made['id']}/statuses", data)


def _status(state: State, sha: str, context: str, word: str) -> Any:
    from tests.fakes.github_api import Status

    state.last_id += 1
    return Status(state.last_id, sha, word, context, None, None, "ann", state.now())


def issue(**changes: Any) -> Issue:
    fields: dict[str, Any] = {
        "title": "bikes v1.2.0 was rolled back",
        "body": "| a | b |",
        "matter": "production/bikes@v1.2.0",
        "event": "r1",
    }
    return Issue(**{**fields, **changes})


def publish(api: Api, **changes: Any) -> str:
    return issues.publish(api, REPO, issue(**changes), sleep=lambda _: None)


class TestIssues:
    def test_one_is_opened_and_the_next_time_added_to(
        self, api: Api, repository: Repository
    ) -> None:
        first = publish(api)
        assert publish(api) == first, "the same event is told once"
        assert list(repository.issues) == [1]
        assert repository.issues[1].labels == [LABEL]
        again = publish(api, event="r2", body="again")
        assert publish(api, event="r2", body="again") == again
        (comment,) = repository.comments
        assert again.endswith(f"/issues/1#issuecomment-{comment.id}")
        assert comment.body.endswith("again")
        repository.issues[1].state = "closed"
        assert publish(api, event="r3").endswith("/issues/2")

    def test_another_matter_has_an_issue_of_its_own(self, api: Api, repository: Repository) -> None:
        urls = {publish(api, matter=matter) for matter in ("a", "a-", "a--", "a-->")}
        assert len(urls) == len(repository.issues) == 4

    def test_strangers_cannot_take_our_place(self, api: Api, repository: Repository) -> None:
        theirs = issues._marks("production/bikes@v1.2.0", "r1")
        repository.issues[1] = Known("Mine", theirs, author="mallory")
        repository.issues[2] = Known("Quoted", f"> {theirs}", author="ann", labels=[LABEL])
        assert publish(api).endswith("/issues/3")

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("path", ["/issues", "/comments"])
    def test_an_answer_that_got_lost_tells_nothing_twice(
        self, api: Api, repository: Repository, github: GitHubApi, path: str, after: bool
    ) -> None:
        if path == "/comments":
            publish(api, event="r0")
        github.state.fail(502, method="POST", path=path, after=after)
        publish(api)
        assert len(repository.issues) == 1
        assert len(repository.comments) == (path == "/comments")

    def test_a_repository_without_issues_is_told_how_to_have_them(
        self, api: Api, repository: Repository
    ) -> None:
        repository.has_issues = False
        with pytest.raises(ForgeError, match="no issue can be opened") as caught:
            publish(api)
        assert "Features" in str(caught.value.hint)

    def test_the_longest_body_fits(self, api: Api, repository: Repository) -> None:
        room = issues.room("production/bikes@v1.2.0", "r1")
        publish(api, body="x" * room, title="y" * 500)
        assert len(repository.issues[1].body) == MAX_BODY

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(key=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
    def test_no_key_leaves_its_line(self, key: str) -> None:
        line = issues._mark("event", key)
        assert line.count("--") == 2
        assert "\n" not in line
        assert line.isascii()
