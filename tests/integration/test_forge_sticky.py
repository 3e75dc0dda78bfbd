"""One comment, whatever happens at the same time: other runs, pushes, apps, CML."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from assay.forge.comment import Report, Run, marker, shown, visible, written
from assay.forge.github import GitHubForge
from assay.forge.transport import Api
from pydantic import SecretStr

from tests.fakes.github_api import (
    Comment,
    GitHubApi,
    Pull,
    Repository,
    State,
    Token,
    workflow_token,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.forge import Posted

REPO, PULL, BOT = "acme/bikes", 5, "github-actions[bot]"
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
MARKER = marker("default")
THREAD = f"/repos/{REPO}/issues/{PULL}/comments"
OLD, HEAD, NEXT = "1" * 40, "2" * 40, "3" * 40


@pytest.fixture
def api(server: GitHubApi) -> GitHubApi:
    repository = Repository(id=7, pulls={PULL: Pull(head_sha=HEAD)})
    server.state = State(tokens={SECRET: workflow_token()}, repositories={REPO: repository})
    return server


def post(
    api: GitHubApi,
    text: str = "# Better",
    sha: str | None = HEAD,
    run: int = 7,
    *,
    token: str = SECRET,
    key: str = "default",
) -> Posted:
    forge = GitHubForge(
        api_url=api.url,
        repository=REPO,
        token=SecretStr(token),
        sleep=lambda _: None,
    )
    report = Report(text, marker(key), sha, Run(run))
    return forge.upsert_comment(pull_request=PULL, report=report)


def comments(api: GitHubApi) -> list[Comment]:
    return api.state.repositories[REPO].comments


def leave(api: GitHubApi, report: Report, author: str = BOT) -> Comment:
    """A comment that another run has posted."""
    return api.state.comment(REPO, PULL, author=author, body=written(report, head=HEAD))


def said(text: str, sha: str = HEAD, run: int = 7) -> Report:
    return Report(text, MARKER, sha, Run(run))


def before(
    monkeypatch: pytest.MonkeyPatch, verb: str, what: Callable[[], object], *, after: bool = False
) -> None:
    """Let something happen right before (or after) the first request of a kind."""
    original = Api.request
    done: list[bool] = []

    def request(self: Api, asked: Any, path: str, data: Any = None) -> object:
        first = asked == verb and not done
        if first:
            done.append(True)
            if not after:
                what()
        answer = original(self, asked, path, data)
        if first and after:
            what()
        return answer

    monkeypatch.setattr(Api, "request", request)


class TestRequests:
    def test_an_update_takes_three(self, api: GitHubApi) -> None:
        post(api)
        api.state.requests.clear()
        post(api, "# Worse")
        assert api.state.calls() == [
            f"GET /repos/{REPO}/pulls/{PULL}",
            f"GET {THREAD}",
            f"PATCH /repos/{REPO}/issues/comments/{comments(api)[0].id}",
        ]

    def test_with_a_person_s_token_four(self, api: GitHubApi) -> None:
        api.state.tokens["ghp_Person"] = Token("octocat", "user")
        post(api, token="ghp_Person")
        api.state.requests.clear()
        assert post(api, "# Worse", token="ghp_Person").action == "updated"
        assert len(api.state.requests) == 4
        assert "GET /user" in api.state.calls()

    def test_an_unchanged_report_takes_two(self, api: GitHubApi) -> None:
        post(api)
        api.state.requests.clear()
        assert post(api).action == "unchanged"
        assert len(api.state.requests) == 2

    def test_where_the_pull_request_may_not_be_read_it_is_posted_all_the_same(
        self, api: GitHubApi
    ) -> None:
        message = "Resource not accessible by integration"
        api.state.fail(403, message, path="/pulls/", times=2)
        post(api, sha=OLD)
        post(api, "# Again", sha=OLD)
        assert visible(comments(api)[0].body) == "# Again"


class TestNewestCommit:
    def test_an_outdated_report_says_so_until_the_next(self, api: GitHubApi) -> None:
        post(api, "# First", OLD)
        assert "**Outdated:** this is about `1111111`" in comments(api)[0].body
        post(api, "# Second", HEAD, 8)
        assert visible(comments(api)[0].body) == "# Second"

    def test_a_slow_run_for_an_old_commit_changes_nothing(self, api: GitHubApi) -> None:
        post(api, "# New", HEAD, 8)
        assert post(api, "# Old", OLD, 7).action == "unchanged"
        assert visible(comments(api)[0].body) == "# New"

    def test_a_slow_run_marks_what_became_outdated(self, api: GitHubApi) -> None:
        post(api, "# New", HEAD, 8)
        api.state.repositories[REPO].pulls[PULL].head_sha = NEXT
        post(api, "# Old", OLD, 7)
        assert visible(comments(api)[0].body).startswith("# New\n\n> ⏳ **Outdated:**")

    @pytest.mark.parametrize("order", [(OLD, HEAD), (HEAD, OLD)])
    def test_whatever_the_order(self, api: GitHubApi, order: tuple[str, str]) -> None:
        for sha in order:
            post(api, f"# {sha[:1]}", sha, int(sha[:1]))
        (comment,) = comments(api)
        assert visible(comment.body) == "# 2"


class TestAtOnce:
    """Two runs that both found no comment."""

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize(("theirs", "stays"), [(6, "# Ours"), (8, "# Theirs")])
    def test_one_comment_with_the_newest_report_is_left(
        self,
        api: GitHubApi,
        monkeypatch: pytest.MonkeyPatch,
        after: bool,
        theirs: int,
        stays: str,
    ) -> None:
        report = said("# Theirs", run=theirs)
        before(monkeypatch, "POST", lambda: leave(api, report), after=after)
        posted = post(api, "# Ours", run=7)
        (comment,) = comments(api)
        assert visible(comment.body) == stays
        assert comment.id == 1001
        assert posted.url.endswith("#issuecomment-1001")

    def test_another_run_deletes_ours_while_we_look(
        self, api: GitHubApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def faster() -> None:
            leave(api, said("# Other", run=9))
            comments(api).sort(key=lambda comment: comment.id)

        before(monkeypatch, "POST", faster)
        ours: list[int] = []

        def gone() -> None:
            ours.extend(comment.id for comment in comments(api)[1:])
            del comments(api)[1:]

        before(monkeypatch, "DELETE", gone)
        post(api)
        assert ours
        assert [visible(comment.body) for comment in comments(api)] == ["# Other"]

    def test_a_person_s_quotation_is_not_deleted(
        self, api: GitHubApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before(monkeypatch, "POST", lambda: leave(api, said("# Quoted"), author="octocat"))
        post(api)
        assert [comment.author for comment in comments(api)] == ["octocat", BOT]

    def test_a_double_of_an_earlier_race_goes_with_the_next_update(self, api: GitHubApi) -> None:
        leave(api, said("# One", run=1))
        leave(api, said("# Two", run=2))
        assert post(api).action == "updated"
        assert [visible(comment.body) for comment in comments(api)] == ["# Better"]

    @pytest.mark.parametrize("attempt", range(3))
    def test_two_threads(self, api: GitHubApi, attempt: int) -> None:
        gate, runs = threading.Barrier(2), [3 + attempt, 9]

        def run(number: int) -> None:
            gate.wait()
            post(api, f"# Run {number}", run=number)

        threads = [threading.Thread(target=run, args=(number,)) for number in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(comments(api)) == 1

    def test_jobs_of_a_matrix_have_a_comment_each(self, api: GitHubApi) -> None:
        keys = [f"bikes / py3.{minor}" for minor in range(4)]
        threads = [
            threading.Thread(target=post, args=(api, f"# {key}"), kwargs={"key": key})
            for key in keys
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for key in keys:
            assert post(api, f"# {key}!", key=key).action == "updated"
        assert {visible(one.body) for one in comments(api)} == {f"# {key}!" for key in keys}
        assert len(comments(api)) == 4

    def test_a_comment_deleted_between_look_and_update_is_posted_anew(
        self, api: GitHubApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        post(api)
        before(monkeypatch, "PATCH", comments(api).clear)
        assert post(api, "# Worse").action == "created"
        assert [visible(comment.body) for comment in comments(api)] == ["# Worse"]


class TestIdentity:
    """`ghs_` is how every installation's token begins: the workflow's, and that of an app."""

    APP = "ghs_App0123456789"

    @pytest.fixture(autouse=True)
    def app(self, api: GitHubApi) -> None:
        api.state.tokens[self.APP] = Token("our-app[bot]", "app")

    def viewer(self, api: GitHubApi, login: str) -> None:
        document = f'{{"data": {{"viewer": {{"login": "{login}"}}}}}}'
        api.state.fail(200, raw=document, path="/graphql", method="POST")

    def test_an_app_finds_its_own(self, api: GitHubApi) -> None:
        post(api, token=self.APP)
        self.viewer(api, "our-app[bot]")
        assert post(api, "# Worse", token=self.APP).action == "updated"
        assert [comment.author for comment in comments(api)] == ["our-app[bot]"]
        assert len(comments(api)) == 1

    def test_a_workflow_leaves_an_app_s_alone(self, api: GitHubApi) -> None:
        theirs = leave(api, said("# App"), author="our-app[bot]")
        self.viewer(api, BOT)
        assert post(api).action == "created"
        assert visible(theirs.body) == "# App"

    def test_where_nobody_says_who_we_are_nothing_of_others_is_edited(self, api: GitHubApi) -> None:
        theirs = leave(api, said("# App"), author="our-app[bot]")
        assert post(api).action == "created"
        assert visible(theirs.body) == "# App"

    def test_a_person_with_our_marker_costs_no_question(self, api: GitHubApi) -> None:
        leave(api, said("# Quoted"), author="octocat")
        post(api)
        assert not [call for call in api.state.calls() if "graphql" in call or "/user" in call]


class TestCml:
    def test_its_comment_is_taken_over_and_keeps_its_place(self, api: GitHubApi) -> None:
        sign = f'![](https://cml.dev/watermark.png#{OLD} "CML watermark")'
        theirs = api.state.comment(REPO, PULL, author=BOT, body=f"# CML\n\n{sign}")
        assert post(api).action == "updated"
        assert post(api, "# Worse").action == "updated"
        assert visible(theirs.body) == "# Worse"
        assert len(comments(api)) == 1


class TestHistory:
    def test_when_a_commit_was_first_shown_survives_the_mark(self, api: GitHubApi) -> None:
        post(api, "# New", HEAD, 8)
        first = comments(api)[0].updated_at
        api.state.repositories[REPO].pulls[PULL].head_sha = NEXT
        post(api, "# Old", OLD, 7)
        forge = GitHubForge(api_url=api.url, repository=REPO, token=SecretStr(SECRET))
        (entry,) = forge.thread(PULL).shown(MARKER)
        assert entry.sha == HEAD
        assert f"{entry.since:%Y-%m-%dT%H:%M:%SZ}" == first
        assert shown(forge.thread(PULL).comments[0]) == (entry,)
