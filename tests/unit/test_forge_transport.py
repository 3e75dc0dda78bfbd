"""Requests to an API: lists, downloads, tokens and proxies, against small servers of ours."""

from __future__ import annotations

import json
import re
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import ForgeError
from assay.forge import transport
from assay.forge.refusal import MissingError
from assay.forge.rights import advice, kind_of, permission_for
from assay.forge.transport import Api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "ghs_S3cretThatNobodyMaySee0123456789"


@dataclass(frozen=True)
class Asked:
    """A request as a server got it."""

    verb: str
    path: str
    authorization: str
    content: bytes = b""


@dataclass
class Server:
    """Answers each path with (status, headers, content); remembers what was asked."""

    port: int = 0
    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}"

    def say(self, path: str, content: Any = b"", status: int = 200, **headers: str) -> None:
        """The next answer for a path; the last one stays."""
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.answers.setdefault(ordered(path), []).append((status, named, raw))


def ordered(path: str) -> str:
    """The order of a query's parts is the client's to choose."""
    base, _, query = path.partition("?")
    return "?".join([base, *sorted(query.split("&"))])


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            content = self.rfile.read(length)
            authorization = self.headers.get("authorization") or ""
            server.asked.append(Asked(self.command, self.path, authorization, content))
            answers = server.answers.get(ordered(self.path)) or [
                (404, {}, b'{"message": "Not Found"}')
            ]
            status, headers, raw = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 (the base class looks for these names)

        def log_message(self, *_: object) -> None:
            pass

    inner = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = inner.server_address[1]
    thread = threading.Thread(target=inner.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        inner.shutdown()
        inner.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def api(server: Server, pauses: list[float]) -> Iterator[Api]:
    with connect(server.url(), pauses) as connection:
        yield connection


def connect(
    url: str,
    pauses: list[float] | None = None,
    *,
    token: str = SECRET,
    spread: Callable[[], float] = lambda: 0.0,
) -> Api:
    return Api(
        url=url,
        token=token,
        timeout=5,
        sleep=([] if pauses is None else pauses).append,
        subject="acme/bikes",
        spread=spread,
    )


class TestRequest:
    def test_sends_any_json(self, server: Server, api: Api) -> None:
        data = {"tree": [{"path": "a", "sha": None}], "force": False, "n": 1.5, "text": "pä\n🚲"}
        server.say("/trees", {"sha": "x"}, 201)
        assert api.request("POST", "/trees", data) == {"sha": "x"}
        assert json.loads(server.asked[0].content) == data

    @pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
    def test_knows_all_verbs(self, server: Server, api: Api, verb: Any) -> None:
        server.say("/it", status=204)
        assert api.request(verb, "/it") is None
        assert server.asked[0].verb == verb

    def test_a_pause_is_stretched_by_chance(self, server: Server, pauses: list[float]) -> None:
        server.say("/it", {}, 502)
        server.say("/it", {}, 502)
        server.say("/it", {"ok": 1})
        with connect(server.url(), pauses, spread=lambda: 0.25) as api:
            assert _sent(api.request("GET", "/it")) == {"ok": 1}
        assert pauses == [1.25, 2.5]


class TestPages:
    def test_items_under_a_key(self, server: Server, api: Api) -> None:
        second = f"{server.url()}/artifacts?per_page=100&name=a&page=2"
        server.say(
            "/artifacts?name=a&per_page=100",
            {"total_count": 3, "artifacts": [1, 2]},
            link=f'<{second}>; rel="next"',
        )
        path = second.removeprefix(server.url())
        server.say(path, {"total_count": 3, "artifacts": [3]})
        assert list(api.pages("/artifacts?name=a", key="artifacts")) == [1, 2, 3]

    def test_a_plain_list(self, server: Server, api: Api) -> None:
        server.say("/comments?per_page=100", ["a"])
        assert list(api.pages("/comments")) == ["a"]

    @pytest.mark.parametrize("page", [{"total_count": 0}, {"check_runs": None}, 7])
    def test_what_is_no_list_is_explained(self, server: Server, api: Api, page: object) -> None:
        server.say("/runs?per_page=100", page)
        with pytest.raises(ForgeError, match="sent no list of check runs for acme/bikes"):
            list(api.pages("/runs", key="check_runs"))

    def test_a_next_page_on_another_host_is_not_asked(self, server: Server, api: Api) -> None:
        other = f"{server.url('localhost')}/comments?page=2"
        server.say("/comments?per_page=100", ["a"], link=f'<{other}>; rel="next"')
        with pytest.raises(ForgeError, match="does not answer as GitHub's API"):
            list(api.pages("/comments"))
        assert len(server.asked) == 1


class TestDownload:
    def test_plain(self, server: Server, api: Api) -> None:
        server.say("/zip", b"\x00\xffPK")
        assert api.download("/zip", limit=4) == b"\x00\xffPK"
        assert server.asked[0].authorization == f"Bearer {SECRET}"

    def test_another_host_gets_no_token(
        self, server: Server, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login octocat password hunter2\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with serving() as store:
            target = f"{store.url('localhost')}/blob?sig=abc"
            server.say("/zip", status=302, location=target)
            store.say("/blob?sig=abc", b"zip")
            assert api.download("/zip", limit=100) == b"zip"
            assert [asked.authorization for asked in store.asked] == [""]
        assert [asked.authorization for asked in server.asked] == [f"Bearer {SECRET}"]

    def test_another_port_is_another_host(self, server: Server, api: Api) -> None:
        with serving() as store:
            server.say("/zip", status=302, location=f"{store.url()}/blob")
            store.say("/blob", b"zip")
            assert api.download("/zip", limit=100) == b"zip"
            assert store.asked[0].authorization == ""

    def test_a_renamed_repository_is_followed_with_the_token(
        self, server: Server, api: Api
    ) -> None:
        server.say("/repos/a/zip", status=301, location="/repositories/7/zip")
        server.say("/repositories/7/zip", b"zip")
        assert api.download("/repos/a/zip", limit=100) == b"zip"
        assert server.asked[1].authorization == f"Bearer {SECRET}"

    def test_no_more_than_the_limit_is_read(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        server.say("/zip", b"x" * 101)
        with pytest.raises(ForgeError, match="more than 100 bytes"):
            api.download("/zip", limit=100)
        assert pauses == []

    def test_packed_content_counts_unpacked(self, server: Server, api: Api) -> None:
        import gzip

        server.say("/zip", gzip.compress(b"x" * 1_000_000), content_encoding="gzip")
        with pytest.raises(ForgeError, match="more than 10,000 bytes"):
            api.download("/zip", limit=10_000)

    def test_a_store_in_trouble_gets_a_new_address(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        with serving() as store:
            server.say("/zip", status=302, location=f"{store.url('localhost')}/1")
            server.say("/zip", status=302, location=f"{store.url('localhost')}/2")
            store.say("/1", b"<Error>AuthenticationFailed</Error>", 403)
            store.say("/2", b"zip")
            assert api.download("/zip", limit=100) == b"zip"
        assert pauses == [1]

    def test_a_download_that_breaks_off_is_tried_again(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        server.say("/zip", b"", 502)
        server.say("/zip", b"zip")
        assert api.download("/zip", limit=100) == b"zip"
        assert pauses == [1]

    def test_a_refusal_is_explained(self, server: Server, api: Api) -> None:
        server.say("/repos/a/b/actions/artifacts/7/zip", {"message": f"who is {SECRET}"}, 403)
        with pytest.raises(ForgeError) as caught:
            api.download("/repos/a/b/actions/artifacts/7/zip", limit=9)
        assert "may not read runs of acme/bikes" in caught.value.message
        assert SECRET not in caught.value.message
        assert "actions: read" in (caught.value.hint or "")

    def test_a_file_that_is_gone_is_missing(self, server: Server, api: Api) -> None:
        server.say("/zip", {"message": "Artifact has expired"}, 410)
        with pytest.raises(MissingError, match="Artifact has expired"):
            api.download("/zip", limit=9)

    @pytest.mark.parametrize("target", ["ftp://h/x", "file:///etc/passwd"])
    def test_a_redirection_astray_is_not_followed(
        self, server: Server, api: Api, target: str
    ) -> None:
        server.say("/zip", status=302, location=target)
        with pytest.raises(ForgeError, match="not safe"):
            api.download("/zip", limit=9)

    def test_redirections_without_end_are_not_followed(self, server: Server, api: Api) -> None:
        server.say("/zip", status=302, location="/zip")
        with pytest.raises(ForgeError, match="again and again"):
            api.download("/zip", limit=9)
        assert len(server.asked) == 3


class TestRights:
    @pytest.mark.parametrize(
        ("verb", "path", "permission"),
        [
            ("POST", "/repos/a/b/issues/5/comments", "pull-requests: write"),
            ("GET", "/repos/a/b/pulls/5", "pull-requests: read"),
            ("POST", "/repos/a/b/check-runs", "checks: write"),
            ("POST", "/repos/a/b/statuses/abc", "statuses: write"),
            ("POST", "/repos/a/b/git/trees", "contents: write"),
            ("PUT", "/repos/a/b/contents/badge.svg?ref=issues/1", "contents: write"),
            ("GET", "/repos/a/b/actions/artifacts/7/zip", "actions: read"),
            ("GET", "/repos/a/b", "contents: read"),
            ("POST", "/repos/git/actions/issues/5/comments", "pull-requests: write"),
            ("POST", "/repos/statuses/releases/check-runs", "checks: write"),
        ],
    )
    def test_a_path_tells_the_permission(self, verb: str, path: str, permission: str) -> None:
        assert permission_for(verb, path) == permission

    @pytest.mark.parametrize(
        ("told", "permission", "advised"),
        [
            ("", "pull-requests: write", "pull-requests: write"),
            ("issues=write; pull_requests=write", "pull-requests: write", "pull-requests: write"),
            ("issues=read; pull_requests=read", "pull-requests: write", "pull-requests: write"),
            ("issues=write", "pull-requests: write", "issues: write"),
            (
                "contents=write,workflows=write",
                "contents: write",
                "contents: write, workflows: write",
            ),
            ("organization_projects=admin", "checks: write", "organization-projects: admin"),
            ("nonsense", "checks: write", "checks: write"),
        ],
    )
    def test_github_s_own_word_on_it_counts(self, told: str, permission: str, advised: str) -> None:
        headers = {"x-accepted-github-permissions": told}
        assert advice("job", permission, headers) == f"Add `permissions: {advised}` to the job."

    @pytest.mark.parametrize(
        ("token", "kind"),
        [
            ("ghs_x", "job"),
            ("ghp_x", "classic"),
            ("gho_x", "classic"),
            ("0123456789" * 4, "classic"),
            ("github_pat_x", "fine-grained"),
            ("anything", "job"),
        ],
    )
    def test_a_token_s_first_letters_tell_its_kind(self, token: str, kind: str) -> None:
        assert kind_of(token) == kind

    def test_a_classic_token_is_told_its_scopes(self, server: Server) -> None:
        server.say(
            "/repos/a/b/statuses/c",
            {"message": "Not Found"},
            404,
            x_oauth_scopes="gist",
            x_accepted_oauth_scopes="repo, repo:status",
        )
        with (
            connect(server.url(), token="ghp_x") as api,
            pytest.raises(MissingError) as caught,
        ):
            api.request("POST", "/repos/a/b/statuses/c", {})
        hint = caught.value.hint or ""
        assert "the scope `repo, repo:status` (it has gist)" in hint

    def test_a_fine_grained_token_is_told_its_setting(self, server: Server) -> None:
        server.say("/repos/a/b/check-runs", {"message": "Resource not accessible"}, 403)
        with (
            connect(server.url(), token="github_pat_x") as api,
            pytest.raises(ForgeError, match="may not write checks of acme/bikes") as caught,
        ):
            api.request("POST", "/repos/a/b/check-runs", {})
        assert "`Checks: Read and write`" in (caught.value.hint or "")

    def test_a_token_that_is_refused_is_told_what_it_needs(self, server: Server, api: Api) -> None:
        server.say("/repos/a/b/statuses/c", {"message": "Bad credentials"}, 401)
        with pytest.raises(ForgeError) as caught:
            api.request("POST", "/repos/a/b/statuses/c", {})
        assert "`permissions: statuses: write`" in (caught.value.hint or "")


class TestRateLimit:
    def test_says_until_when(self, server: Server, api: Api, pauses: list[float]) -> None:
        server.say(
            "/it",
            {"message": "API rate limit exceeded"},
            403,
            x_ratelimit_remaining="0",
            x_ratelimit_reset="4102444799",
        )
        with pytest.raises(ForgeError, match="until 00:00 UTC on 2100-01-01") as caught:
            api.request("GET", "/it")
        assert "after 00:00 UTC" in (caught.value.hint or "")
        assert pauses == []

    def test_a_pause_longer_than_our_patience_is_not_made(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        server.say("/it", {"message": "secondary rate limit"}, 403, retry_after="121")
        with pytest.raises(ForgeError, match=r"rate limit .* until \d\d:\d\d UTC"):
            api.request("GET", "/it")
        assert pauses == []

    def test_nobody_comes_back_earlier_than_asked(
        self, server: Server, pauses: list[float]
    ) -> None:
        server.say("/it", {"message": "secondary rate limit"}, 403, retry_after="7")
        server.say("/it", {})
        with connect(server.url(), pauses, spread=lambda: 0.5) as api:
            api.request("POST", "/it", {})
        assert pauses == [7.5]


def _sent(answer: object) -> object:
    """What the server sent: newer versions of PyGithub add the address that was asked."""
    assert isinstance(answer, dict)
    return {name: value for name, value in answer.items() if name != "url"}


def test_without_pygithub_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "github", None)
    with pytest.raises(ForgeError, match="needs PyGithub") as caught:
        transport._connect(url="https://api.github.com", token="t", timeout=1)
    assert re.search(r"`\S+ -m pip install 'assay\[github\] @ \S+'`", caught.value.hint or "")
