"""The GitHub forge against a GitHub API that keeps GitHub's rules."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
import requests
from assay.errors import AssayError, ForgeError
from assay.forge.comment import MAX_BODY, Report, Run, marker, room, visible, written
from assay.forge.github import GitHubForge
from pydantic import SecretStr

from tests.fakes.github_api import (
    MAX_BODY as GITHUB_MAX_BODY,
)
from tests.fakes.github_api import (
    Comment,
    GitHubApi,
    Pull,
    Repository,
    State,
    Token,
    load,
    save,
    workflow_token,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
REPO = "acme/bikes"
PULL = 5
BOT = "github-actions[bot]"
MARKER = marker("bikes")
SECRET = "ghs_S3cretThatNobodyMaySee0123456789"
THREAD = f"/repos/{REPO}/issues/{PULL}/comments"


@pytest.fixture
def api(server: GitHubApi) -> Iterator[GitHubApi]:
    """A repository with one pull request, and the token that a workflow gets."""
    server.state = state = State(
        tokens={SECRET: workflow_token()},
        repositories={REPO: Repository(id=7, pulls={PULL: Pull(head_sha="a" * 40)})},
    )
    yield server
    leaks = [logged for logged in state.requests if logged.token_outside_header]
    assert not leaks, "the token stood outside of the Authorization header"


@pytest.fixture
def pauses() -> list[float]:
    """How long the forge would have slept."""
    return []


@pytest.fixture
def forge(api: GitHubApi, pauses: list[float]) -> GitHubForge:
    return connect(api.url, pauses)


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, the token is not in what any library logged."""
    for name in (None, "github", "urllib3", "requests", "assay"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    assert SECRET not in caplog.text


def connect(
    url: str,
    pauses: list[float] | None = None,
    *,
    token: str | None = SECRET,
    repository: str = REPO,
    login: str | None = None,
) -> GitHubForge:
    return GitHubForge(
        api_url=url,
        repository=repository,
        token=None if token is None else SecretStr(token),
        login=login,
        timeout=5,
        sleep=(pauses if pauses is not None else []).append,
        spread=lambda: 0.0,
    )


def post(forge: GitHubForge, body: str = "# Better", *, number: int = PULL) -> tuple[str, str]:
    posted = forge.upsert_comment(pull_request=number, report=Report(body, MARKER))
    return posted.action, posted.url


def refused(forge: GitHubForge, *, number: int = PULL, body: str = "# Better") -> ForgeError:
    """The error that posting ends with, after a look that it keeps the secret."""
    with pytest.raises(ForgeError) as caught:
        post(forge, body, number=number)
    error = caught.value
    told = [repr(error), str(error), error.hint or "", repr(forge)]
    told += traceback.format_exception(error)
    chain: BaseException | None = error
    while chain is not None:
        told += [str(chain), repr(chain), repr(vars(chain))]
        chain = chain.__cause__ or chain.__context__
    assert not [text for text in told if SECRET in text]
    assert error.exit_code == 3
    assert error.hint
    return error


def shows(body: str) -> str:
    """The text of our comment that shows this."""
    return written(Report(body, MARKER), head=None)


def comments(api: GitHubApi) -> list[Comment]:
    return api.state.repositories[REPO].comments


class TestOneComment:
    def test_first_report_is_created(self, api: GitHubApi, forge: GitHubForge) -> None:
        action, url = post(forge)
        (comment,) = comments(api)
        assert action == "created"
        assert url == f"https://github.com/{REPO}/pull/{PULL}#issuecomment-{comment.id}"
        assert comment.body == shows("# Better")
        assert comment.author == BOT
        # The second look is for what another run may have posted at the same time.
        assert api.state.calls() == [f"GET {THREAD}", f"POST {THREAD}", f"GET {THREAD}"]

    def test_second_report_updates_it_in_place(self, api: GitHubApi, forge: GitHubForge) -> None:
        _, url = post(forge)
        api.state.requests.clear()
        assert post(forge, "# Worse") == ("updated", url)
        (comment,) = comments(api)
        assert comment.body == shows("# Worse")
        assert api.state.calls() == [
            f"GET {THREAD}",
            f"PATCH /repos/{REPO}/issues/comments/{comment.id}",
        ]

    def test_same_report_is_not_sent_again(self, api: GitHubApi, forge: GitHubForge) -> None:
        _, url = post(forge)
        comments(api)[0].body += "\n"
        assert post(forge) == ("unchanged", url)
        assert not [call for call in api.state.calls() if call.startswith("PATCH")]

    def test_reports_with_other_keys_are_others(self, api: GitHubApi, forge: GitHubForge) -> None:
        post(forge)
        forge.upsert_comment(pull_request=PULL, report=Report("# Trees", marker("trees")))
        assert [visible(comment.body) for comment in comments(api)] == ["# Better", "# Trees"]
        assert comments(api)[1].body.startswith(f"{marker('trees')}\n")

    def test_deleted_comment_is_posted_anew(self, api: GitHubApi, forge: GitHubForge) -> None:
        post(forge)
        comments(api).clear()
        assert post(forge)[0] == "created"

    def test_of_two_own_comments_the_oldest_is_updated(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        first = api.state.comment(REPO, PULL, author=BOT, body=f"{MARKER}\n1")
        second = api.state.comment(REPO, PULL, author=BOT, body=f"{MARKER}\n2")
        assert post(forge)[0] == "updated"
        assert first.body == shows("# Better")
        assert second.body == f"{MARKER}\n2"

    @pytest.mark.parametrize("place", ["first page", "last page"])
    def test_own_comment_is_found_among_hundreds(
        self, api: GitHubApi, forge: GitHubForge, place: str
    ) -> None:
        bodies = [f"comment {number}" for number in range(499)]
        bodies.insert(10 if place == "first page" else 490, f"{MARKER}\nold")
        for body in bodies:
            ours = body.endswith("old")
            api.state.comment(REPO, PULL, author=BOT if ours else "octocat", body=body)
        report = Report("# Better", MARKER, "a" * 40, Run(1))
        assert forge.upsert_comment(pull_request=PULL, report=report).action == "updated"
        assert len(comments(api)) == 500
        assert len(api.state.requests) == 5 + 2
        pages = [dict(parse_qsl(r.query)) for r in api.state.requests if r.path == THREAD]
        assert [page.pop("per_page") for page in pages] == ["100"] * 5
        assert pages == [{}, {"page": "2"}, {"page": "3"}, {"page": "4"}, {"page": "5"}]

    @pytest.mark.parametrize("quote", [f"> {MARKER}\n> # Old\n\nReally?", f"{MARKER}\n# Fake"])
    def test_a_person_who_quotes_the_marker_is_never_edited(
        self, api: GitHubApi, forge: GitHubForge, quote: str
    ) -> None:
        person = api.state.comment(REPO, PULL, author="octocat", body=quote)
        assert post(forge)[0] == "created"
        assert post(forge, "# Worse")[0] == "updated"
        assert person.body == quote
        assert len(comments(api)) == 2

    def test_comment_of_a_deleted_account_is_nobodys(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        ghost = api.state.comment(REPO, PULL, author="", body=f"{MARKER}\nx")
        assert post(forge)[0] == "created"
        assert ghost.body == f"{MARKER}\nx"

    def test_personal_access_token_writes_as_its_owner(self, api: GitHubApi) -> None:
        token = "ghp_Personal0123456789"
        api.state.tokens[token] = Token("Octocat", "user")
        bot = api.state.comment(REPO, PULL, author=BOT, body=f"{MARKER}\nx")
        assert post(connect(api.url, token=token))[0] == "created"
        assert post(connect(api.url, token=token), "# Worse")[0] == "updated"
        assert bot.body == f"{MARKER}\nx"
        assert comments(api)[-1].author == "Octocat"

    def test_an_app_of_ones_own_is_known_by_the_login_given(self, api: GitHubApi) -> None:
        token = "ghs_App0123456789"
        api.state.tokens[token] = Token("our-app[bot]", "app")
        forge = connect(api.url, token=token, login="our-app[bot]")
        assert [post(forge)[0], post(forge, "# Worse")[0]] == ["created", "updated"]
        assert "GET /user" not in api.state.calls()


class TestText:
    def test_a_body_as_long_as_allowed_is_posted(self, api: GitHubApi, forge: GitHubForge) -> None:
        assert MAX_BODY == GITHUB_MAX_BODY
        post(forge, "🚲" * room(MARKER))
        assert len(comments(api)[0].body) <= MAX_BODY

    def test_a_longer_body_does_not_reach_the_api(self, api: GitHubApi, forge: GitHubForge) -> None:
        with pytest.raises(AssayError, match=r"characters.*at most 65,536") as caught:
            post(forge, "x" * MAX_BODY)
        assert caught.value.exit_code == 4
        assert api.state.requests == []

    def test_names_that_are_no_text_do_not_break_it(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        post(forge, "caf\udce9 \x00 🚲 $(id) <b>")
        assert comments(api)[0].body.endswith("caf\\udce9 \x00 🚲 $(id) <b>")


class TestAddress:
    def test_enterprise_prefix(self, api: GitHubApi) -> None:
        for number in range(130):
            api.state.comment(REPO, PULL, author="octocat", body=str(number))
        forge = connect(f"{api.url}/api/v3/")
        assert [post(forge)[0], post(forge, "# Worse")[0]] == ["created", "updated"]

    def test_renamed_repository_is_explained(self, api: GitHubApi) -> None:
        api.state.repositories[REPO].former_names.append("acme/old")
        error = refused(connect(api.url, repository="acme/old"))
        assert "Temporary Redirect" in error.message
        assert "GITHUB_REPOSITORY" in (error.hint or "")
        assert comments(api) == []

    @pytest.mark.parametrize("url", ["", "api.github.com", "ftp://x", "http://", "http://x:y"])
    def test_what_is_no_url_is_explained(self, url: str) -> None:
        assert "GITHUB_API_URL" in refused(connect(url)).message

    @pytest.mark.parametrize("name", ["", "acme", "acme/bikes/..", "../..", "acme/bi kes", "a/b?c"])
    def test_what_is_no_repository_is_explained(self, api: GitHubApi, name: str) -> None:
        assert "GITHUB_REPOSITORY" in (refused(connect(api.url, repository=name)).hint or "")
        assert api.state.requests == []

    def test_a_page_that_is_no_api_is_explained(self, api: GitHubApi, forge: GitHubForge) -> None:
        api.state.fail(200, raw="<html>Log in to the guest network</html>")
        assert "GITHUB_API_URL" in (refused(forge).hint or "")

    def test_broken_json_is_explained(self, api: GitHubApi, forge: GitHubForge) -> None:
        api.state.fail(200, raw="[{", times=9)
        assert "does not answer as GitHub's API" in refused(forge).message

    def test_redirection_to_another_host_is_not_followed(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        headers = {"location": "http://evil.example.test/steal"}
        api.state.fail(301, "Moved", headers=headers)
        assert "does not answer as GitHub's API" in refused(forge).message

    def test_server_that_is_not_there(self, pauses: list[float]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        error = refused(connect(url, pauses))
        assert url.removeprefix("http://") in error.message
        assert "cannot be reached (Connection refused)" in error.message
        assert pauses == [1, 2, 4]

    def test_proxy_that_is_not_there(self, api: GitHubApi, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        monkeypatch.setenv("http_proxy", f"http://user:hunter2@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        error = refused(connect("http://github.example.test"))
        assert "proxy" in error.message
        assert "hunter2" not in f"{error.message} {error.hint}"

    def test_server_without_tls_behind_https(self, api: GitHubApi) -> None:
        assert "cannot be reached" in refused(connect(api.url.replace("http:", "https:"))).message

    @pytest.mark.parametrize(
        ("error", "message", "hint", "tries"),
        [
            (
                requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"),
                "the certificate of github.example.test cannot be verified",
                "SSL_CERT_FILE",
                1,
            ),
            (requests.ReadTimeout("Read timed out."), "did not answer within 5 s", "network", 4),
            (requests.exceptions.ChunkedEncodingError("cut"), "cannot be reached", "network", 4),
        ],
    )
    def test_network_trouble_is_explained(  # noqa: PLR0917 (pytest passes them by name)
        self,
        pauses: list[float],
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        message: str,
        hint: str,
        tries: int,
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("requests.Session.get", broken)
        failure = refused(connect("https://github.example.test", pauses))
        assert message in failure.message
        assert hint in (failure.hint or "")
        assert len(pauses) == tries - 1

    def test_missing_certificate_file_is_named(
        self, api: GitHubApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "company.pem"))
        error = refused(connect(api.url.replace("http:", "https:")))
        assert "company.pem" in error.message
        assert "SSL_CERT_FILE" in (error.hint or "")


class TestToken:
    @pytest.mark.parametrize("token", [None, "", " \n"])
    def test_absent(self, api: GitHubApi, token: str | None) -> None:
        error = refused(connect(api.url, token=token))
        assert "no token" in error.message
        assert "github-token:" in (error.hint or "")
        assert "GITHUB_TOKEN" in (error.hint or "")
        assert api.state.requests == []

    def test_newline_at_its_end_is_forgiven(self, api: GitHubApi) -> None:
        assert post(connect(api.url, token=f"{SECRET}\r\n"))[0] == "created"

    @pytest.mark.parametrize("token", [f"{SECRET} x", f"x\n{SECRET}", f"{SECRET}é", f"{SECRET}\0"])
    def test_with_characters_that_no_token_has(self, api: GitHubApi, token: str) -> None:
        assert "characters that no token has" in refused(connect(api.url, token=token)).message
        assert api.state.requests == []

    def test_expired(self, api: GitHubApi, forge: GitHubForge, pauses: list[float]) -> None:
        api.state.tokens.clear()
        error = refused(forge)
        assert "401: Bad credentials" in error.message
        assert "expired" in error.message
        assert len(api.state.requests) == 1
        assert pauses == []

    def test_read_only_names_the_permission_and_forks(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        api.state.tokens[SECRET] = workflow_token("read")
        error = refused(forge)
        assert "pull-requests: write" in error.message
        assert "fork always gets a read-only token" in (error.hint or "")
        assert comments(api) == []

    def test_read_only_on_update(self, api: GitHubApi, forge: GitHubForge) -> None:
        post(forge)
        api.state.tokens[SECRET] = workflow_token("read")
        assert "may not write comments" in refused(forge, body="# Worse").message

    def test_fine_grained_without_the_permission(self, api: GitHubApi, forge: GitHubForge) -> None:
        api.state.tokens[SECRET] = Token("octocat", "user", {"contents": "write"})
        assert "Pull requests: Read and write" in (refused(forge).hint or "")

    def test_private_repository_without_the_permission_to_read(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        api.state.repositories[REPO].private = True
        api.state.tokens[SECRET] = Token(BOT, "app", {"contents": "read"})
        assert "may not read comments" in refused(forge).message

    def test_private_repository_out_of_reach(self, api: GitHubApi, forge: GitHubForge) -> None:
        api.state.repositories[REPO].private = True
        api.state.tokens[SECRET] = Token("octocat", "user", repositories=["acme/other"])
        assert "not visible with this token (404: Not Found)" in refused(forge).message

    def test_unknown_pull_request(self, forge: GitHubForge) -> None:
        assert "pull request #999 of acme/bikes" in refused(forge, number=999).message

    def test_token_that_belongs_to_nobody(self, api: GitHubApi) -> None:
        api.state.tokens["ghp_Personal"] = Token("octocat", "user")
        forge = connect(api.url, token="ghp_Personal")
        post(forge)
        api.state.fail(200, raw="{}", path="/user")
        assert "whose token" in refused(forge, body="# Worse").message

    def test_server_that_echoes_the_token(self, api: GitHubApi, forge: GitHubForge) -> None:
        api.state.fail(418, f"who is {SECRET}?")
        assert "who is ***?" in refused(forge).message


class TestTrouble:
    def test_failing_server_is_asked_again(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        api.state.fail(502, "Bad Gateway", times=2, raw="<html>Bad Gateway</html>")
        assert post(forge)[0] == "created"
        assert pauses == [1, 2]

    def test_update_is_sent_again(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        post(forge)
        api.state.fail(503, method="PATCH", after=True)
        assert post(forge, "# Worse")[0] == "updated"
        assert pauses == [1]

    def test_server_that_stays_broken(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        api.state.fail(500, times=99)
        error = refused(forge)
        assert "500" in error.message
        assert "githubstatus.com" in (error.hint or "")
        assert pauses == [1, 2, 4]

    def test_failed_creation_is_tried_again(self, api: GitHubApi, forge: GitHubForge) -> None:
        api.state.fail(502, method="POST")
        assert post(forge)[0] == "created"
        assert len(comments(api)) == 1

    def test_creation_whose_answer_got_lost_is_not_repeated(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        api.state.fail(502, method="POST", after=True)
        assert post(forge)[0] == "unchanged"
        assert len(comments(api)) == 1
        assert pauses == [1]

    def test_creation_that_never_succeeds(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        api.state.fail(502, times=99, method="POST")
        assert "502" in refused(forge).message
        assert pauses == [1, 2, 4]

    def test_comment_that_is_gone_when_updated_is_looked_for_again(
        self, api: GitHubApi, forge: GitHubForge
    ) -> None:
        post(forge)
        api.state.fail(404, "Not Found", method="PATCH")
        comments(api)[0].body = f"{MARKER}\nold"
        assert post(forge)[0] == "updated"

    @pytest.mark.parametrize(
        ("status", "seconds", "method"),
        [(403, 0, "GET"), (403, 1, "POST"), (429, 0, "POST"), (429, 1, "GET")],
    )
    def test_secondary_rate_limit_waits_as_told(  # noqa: PLR0917 (pytest passes them by name)
        self,
        api: GitHubApi,
        forge: GitHubForge,
        pauses: list[float],
        status: int,
        seconds: int,
        method: str,
    ) -> None:
        message = "You have exceeded a secondary rate limit."
        headers = {"retry-after": str(seconds)}
        api.state.fail(status, message, headers=headers, method=method)
        assert post(forge)[0] == "created"
        assert pauses == [seconds]
        assert len(comments(api)) == 1

    def test_rate_limit_that_stays(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        api.state.fail(429, "Slow down", times=99, headers={"retry-after": "1"})
        assert "rate limit" in refused(forge).message
        assert pauses == [1, 1, 1]

    def test_rate_limit_that_asks_for_an_hour_is_not_waited_for(
        self, api: GitHubApi, forge: GitHubForge, pauses: list[float]
    ) -> None:
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"}
        api.state.fail(403, "API rate limit exceeded for installation", headers=headers)
        assert "rate limit" in refused(forge).message
        assert pauses == []

    def test_rate_limit_on_user_does_not_pass_for_a_workflow_token(self, api: GitHubApi) -> None:
        api.state.tokens["ghp_Personal"] = Token("octocat", "user")
        forge = connect(api.url, token="ghp_Personal")
        post(forge)
        message = "You have exceeded a secondary rate limit."
        api.state.fail(403, message, path="/user", times=99, headers={"retry-after": "0"})
        assert "rate limit" in refused(forge, body="# Worse").message

    def test_rejected_comment_says_why(self, api: GitHubApi, forge: GitHubForge) -> None:
        document = '{"message": "Validation Failed", "errors": [{"message": "Body is too rude"}]}'
        api.state.fail(422, raw=document, method="POST")
        assert "422: Validation Failed: Body is too rude" in refused(forge).message


class TestServerProgram:
    def test_serves_a_state_file_to_other_processes(self, tmp_path: Path) -> None:
        path = tmp_path / "state.json"
        pulls = {PULL: Pull(head_sha="a" * 40)}
        state = State({SECRET: workflow_token()}, {REPO: Repository(id=7, pulls=pulls)})
        save(state, path)
        program = [sys.executable, "-m", "tests.fakes.github_api"]
        command = [*program, "--port", "0", "--state", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            try:
                assert post(connect(url))[0] == "created"
            finally:
                os.kill(server.pid, signal.SIGTERM)
        assert server.returncode == 0
        (comment,) = load(path).repositories[REPO].comments
        assert comment.body == shows("# Better")
