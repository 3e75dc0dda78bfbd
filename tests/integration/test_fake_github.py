"""The fake GitHub keeps GitHub's rules, as far as its documentation tells them."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.fakes.github import described
from tests.fakes.github_api import (
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
    from pathlib import Path

REPO = "acme/bikes"
SECRET = "ghs_ATokenThatMayDoMuch0123456789"
READS = "ghs_ATokenThatMayOnlyRead0123456789"
HEAD = "a" * 40
MAIN = "refs/heads/main"
GRANTED = dict.fromkeys(["contents", "checks", "statuses", "actions"], "write")


@pytest.fixture
def state(server: GitHubApi) -> State:
    server.state = State(
        tokens={SECRET: workflow_token(**GRANTED), READS: workflow_token("read")},
        repositories={REPO: Repository(id=7, pulls={5: Pull(HEAD)})},
    )
    return server.state


class Client:
    """What a program that knows nothing of this fake sends."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def __call__(
        self, verb: str, path: str, data: Any = None, *, token: str | None = SECRET, **headers: str
    ) -> requests.Response:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        where = path if path.startswith("http") else f"{self.url}/repos/{REPO}{path}"
        return self._session.request(
            verb, where, json=data, headers=headers, timeout=5, allow_redirects=False
        )

    def refused(self, verb: str, path: str, data: Any = None, **options: Any) -> tuple[int, str]:
        answer = self(verb, path, data, **options)
        return answer.status_code, answer.json()["message"]


@pytest.fixture
def call(server: GitHubApi, state: State) -> Client:
    return Client(server.url)


def made(call: Client, kind: str, data: Any) -> str:
    answer = call("POST", f"/git/{kind}", data)
    assert answer.status_code == 201, answer.text
    sha: str = answer.json()["sha"]
    return sha


class TestGitData:
    def test_names_are_those_that_git_gives(
        self, call: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        who = {"name": "Ann", "email": "ann@example.test", "date": "2026-02-03T04:05:06+01:00"}
        png = made(
            call,
            "blobs",
            {"content": base64.b64encode(b"\x89PNG").decode(), "encoding": "base64"},
        )
        line = {"mode": "100644", "type": "blob"}
        entries = [
            {"path": "b/x.png", **line, "sha": png},
            {"path": "b.txt", **line, "content": "hi"},
        ]
        tree = made(call, "trees", {"tree": entries})
        first = {"message": "One", "tree": tree, "parents": [], "author": who}
        one = made(call, "commits", first)
        two = made(call, "commits", {**first, "message": "Two\n\nmore\n", "parents": [one]})

        def git(*arguments: str, stdin: str = "") -> str:
            command = ["git", "-C", str(tmp_path), *arguments]
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
            return done.stdout.strip()

        for role in ("AUTHOR", "COMMITTER"):
            for name, value in who.items():
                monkeypatch.setenv(f"GIT_{role}_{name.upper()}", value)
        git("init", "-q")
        (tmp_path / "b").mkdir()
        (tmp_path / "b/x.png").write_bytes(b"\x89PNG")
        (tmp_path / "b.txt").write_text("hi")
        git("-c", "core.autocrlf=false", "add", ".")
        assert git("write-tree") == tree
        assert git("commit-tree", tree, stdin="One") == one
        assert git("commit-tree", tree, "-p", one, stdin="Two\n\nmore\n") == two
        assert call("GET", f"/git/commits/{two}").json()["author"]["date"] == who["date"]

    def test_tree_on_a_base_keeps_sets_and_takes_away(self, call: Client, state: State) -> None:
        commit = state.commit(REPO, {"a": b"1", "d/b": b"2", "d/c": b"3"})
        base = call("GET", f"/git/commits/{commit}").json()["tree"]["sha"]
        blob = {"mode": "100644", "type": "blob"}
        entries = [
            {"path": "d/b", **blob, "sha": None},
            {"path": "d/e/f", **blob, "content": "4"},
        ]
        tree = made(call, "trees", {"base_tree": base, "tree": entries})
        found = call("GET", f"/git/trees/{tree}?recursive=1").json()["tree"]
        assert [line["path"] for line in found] == ["a", "d", "d/c", "d/e", "d/e/f"]
        shallow = call("GET", "/git/trees/main").json()["tree"]
        assert [line["path"] for line in shallow] == ["a", "d"]

    @pytest.mark.parametrize(
        ("kind", "data", "why"),
        [
            ("blobs", {"content": "!!", "encoding": "base64"}, "Input is not valid Base64"),
            ("trees", {"tree": [], "base_tree": HEAD}, "base_tree is not a valid tree oid"),
            (
                "trees",
                {"tree": [{"path": "/a", "mode": "100644", "content": ""}]},
                "tree.path cannot start with a slash",
            ),
            (
                "trees",
                {"tree": [{"path": "a/../b", "mode": "100644", "content": ""}]},
                "tree.path contains a malformed path component",
            ),
            (
                "trees",
                {"tree": [{"path": "a", "mode": "100644", "sha": HEAD}]},
                "GitRPC::BadObjectState",
            ),
            ("commits", {"message": "x", "tree": HEAD}, "Tree SHA does not exist"),
            ("refs", {"ref": MAIN, "sha": HEAD}, "Object does not exist"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, call: Client, kind: str, data: Any, why: str
    ) -> None:
        assert call.refused("POST", f"/git/{kind}", data) == (422, why)

    def test_branch_moves_forward_only_unless_forced(self, call: Client, state: State) -> None:
        one = state.commit(REPO, {"a": b"1"})
        two = state.commit(REPO, {"a": b"2"})
        other = state.commit(REPO, {"a": b"3"}, ref=None)
        assert call.refused("POST", "/git/refs", {"ref": MAIN, "sha": two}) == (
            422,
            "Reference already exists",
        )
        branch = "/git/refs/heads/plots/of-assay"
        new = {"ref": "refs/heads/plots/of-assay", "sha": one}
        assert call("POST", "/git/refs", new).status_code == 201
        assert call("PATCH", branch, {"sha": two}).status_code == 200
        for sha in (one, other):
            assert call.refused("PATCH", branch, {"sha": sha}) == (
                422,
                "Update is not a fast forward",
            )
        assert call("PATCH", branch, {"sha": other, "force": True}).json()["object"]["sha"] == other
        assert call("DELETE", branch).status_code == 204
        assert call.refused("DELETE", branch) == (422, "Reference does not exist")
        assert call.refused("PATCH", branch, {"sha": one}) == (422, "Reference does not exist")
        assert call.refused("GET", "/git/ref/heads/plots/of-assay") == (404, "Not Found")

    def test_rules_of_the_repository_and_a_read_only_token(
        self, call: Client, state: State
    ) -> None:
        sha = state.commit(REPO, {"a": b"1"})
        state.repositories[REPO].protected = ["refs/heads/*"]
        new = {"ref": "refs/heads/x", "sha": sha}
        status, why = call.refused("POST", "/git/refs", new)
        assert status == 422
        assert why.startswith("Repository rule violations found\n\n")
        answer = call("POST", "/git/blobs", {"content": ""}, token=READS)
        assert answer.status_code == 403
        assert answer.json()["message"] == "Resource not accessible by integration"
        assert answer.headers["X-Accepted-GitHub-Permissions"] == "contents=write"

    def test_empty_repository_takes_nothing(self, call: Client, state: State) -> None:
        state.repositories[REPO].empty = True
        assert call.refused("POST", "/git/blobs", {"content": ""}) == (
            409,
            "Git Repository is empty.",
        )

    def test_files_by_the_api_and_as_the_web_shows_them(
        self, call: Client, state: State, tmp_path: Path
    ) -> None:
        sha = state.commit(REPO, {"d/a b.png": b"\x89PNG", "d/x.html": b"<script>"})
        found = call("GET", f"/contents/d/a b.png?ref={sha}").json()
        assert base64.b64decode(found["content"]) == b"\x89PNG"
        raw = call("GET", "/contents/d/a b.png", Accept="application/vnd.github.raw+json")
        assert raw.content == b"\x89PNG"
        assert [one["name"] for one in call("GET", "/contents/d").json()] == ["a b.png", "x.html"]
        image = call("GET", f"{call.url}/{REPO}/raw/{sha}/d/a%20b.png", token=None)
        assert (image.content, image.headers["Content-Type"]) == (b"\x89PNG", "image/png")
        page = call("GET", f"{call.url}/{REPO}/raw/{sha}/d/x.html", token=None)
        assert page.headers["Content-Type"].startswith("text/plain")
        assert call.refused("GET", "/contents/no") == (404, "Not Found")
        save(state, tmp_path / "state.json")
        assert load(tmp_path / "state.json").repositories == state.repositories


class TestChecks:
    def run(self, **fields: Any) -> dict[str, Any]:
        return {"name": "assay", "head_sha": HEAD, **fields}

    def notes(self, count: int) -> list[dict[str, Any]]:
        note = {"path": "p", "start_line": 1, "end_line": 1, "annotation_level": "notice"}
        return [{**note, "message": "m"}] * count

    def test_an_update_appends_its_annotations(self, call: Client) -> None:
        output = {"title": "t", "summary": "s", "annotations": self.notes(50)}
        made = call("POST", "/check-runs", self.run(status="in_progress", output=output)).json()
        path = f"/check-runs/{made['id']}"
        output["annotations"] = self.notes(7)
        done = call("PATCH", path, {"conclusion": "success", "output": output}).json()
        assert (done["status"], done["output"]["annotations_count"]) == ("completed", 57)
        assert len(call("GET", f"{path}/annotations?per_page=100").json()) == 57
        found = call("GET", f"/commits/{HEAD}/check-runs?check_name=assay").json()
        assert (found["total_count"], found["check_runs"][0]["id"]) == (1, made["id"])
        assert call("GET", f"/commits/{HEAD}/check-runs?check_name=x").json()["total_count"] == 0

    def test_only_the_app_that_made_it_changes_it(self, call: Client, state: State) -> None:
        made = call("POST", "/check-runs", self.run()).json()
        state.tokens["other"] = Token("renovate[bot]", "app", {"checks": "write"})
        state.tokens["ann"] = Token("ann", "user", {"checks": "write"})
        path = f"/check-runs/{made['id']}"
        assert call.refused("PATCH", path, {}, token="other")[0] == 403
        assert call.refused("PATCH", path, {}, token="ann") == (
            403,
            "You must authenticate via a GitHub App.",
        )

    def test_status_of_a_commit(self, call: Client) -> None:
        for state, context in (("pending", "assay"), ("success", "assay"), ("success", "x")):
            data = {"state": state, "context": context, "description": "d" * 140}
            assert call("POST", f"/statuses/{HEAD}", data).status_code == 201
        assert len(call("GET", f"/commits/{HEAD}/statuses").json()) == 3
        combined = call("GET", f"/commits/{HEAD}/status").json()
        assert (combined["state"], combined["total_count"]) == ("success", 2)
        too_long = call("POST", f"/statuses/{HEAD}", {"state": "success", "description": "d" * 141})
        assert too_long.status_code == 422
        assert "140 characters" in too_long.json()["errors"][0]["message"]
        unknown = call.refused("POST", f"/statuses/{'e' * 40}", {"state": "success"})
        assert unknown == (422, f"No commit found for SHA: {'e' * 40}")


class TestRuns:
    def test_artifact_is_somewhere_else_and_needs_no_token(
        self, call: Client, state: State
    ) -> None:
        run = state.run(REPO, HEAD, head_repository="mallory/bikes")
        for name in ("record", "page"):
            state.artifact(run, name, {"x.json": b"{}"})
        base = f"/actions/runs/{run.id}"
        assert call("GET", base).json()["head_repository"]["full_name"] == "mallory/bikes"
        found = call("GET", f"{base}/artifacts?per_page=1").json()
        assert (found["total_count"], len(found["artifacts"])) == (2, 1)
        (only,) = call("GET", f"{base}/artifacts?name=record").json()["artifacts"]
        answer = call("GET", only["archive_download_url"])
        assert answer.status_code == 302
        there = answer.headers["Location"]
        assert not there.startswith(call.url)
        assert call("GET", there).status_code == 403  # with the token
        with zipfile.ZipFile(io.BytesIO(call("GET", there, token=None).content)) as archive:
            assert archive.read("x.json") == b"{}"

    def test_artifact_that_expired(self, call: Client, state: State) -> None:
        old = state.artifact(state.run(REPO, HEAD), "record", zip_bytes=b"PK", expired=True)
        path = f"/actions/artifacts/{old.id}/zip"
        assert call.refused("GET", path) == (410, "Artifact has expired")

    def test_pull_request_of_a_fork_is_found_by_its_branch_and_not_its_commit(
        self, call: Client, state: State
    ) -> None:
        pulls = state.repositories[REPO].pulls
        pulls[6] = Pull("c" * 40, "fix", head_repository="mallory/bikes")
        pulls[7] = Pull("d" * 40, "fix", head_repository="mallory/bikes", state="closed")

        def numbers(path: str) -> list[int]:
            return [pull["number"] for pull in call("GET", path).json()]

        assert numbers("/pulls?head=mallory:fix") == [6]
        assert numbers("/pulls?head=mallory:fix&state=all") == [7, 6]
        assert numbers("/pulls?head=acme:feature&base=main") == [5]
        assert numbers("/pulls?base=other") == []
        assert numbers(f"/commits/{HEAD}/pulls") == [5]
        assert numbers(f"/commits/{'c' * 40}/pulls") == []


COMMENTS = "/issues/5/comments"


class TestEveryRequest:
    def test_lists_come_in_pages(self, call: Client, state: State) -> None:
        for number in range(205):
            state.comment(REPO, 5, author="ann", body=str(number))
        first = call("GET", COMMENTS)
        assert len(first.json()) == 30
        page = call("GET", f"{COMMENTS}?per_page=500")
        bodies = [comment["body"] for comment in page.json()]
        while "next" in page.links:
            page = call("GET", page.links["next"]["url"])
            bodies += [comment["body"] for comment in page.json()]
        assert bodies == [str(number) for number in range(205)]
        assert len(state.requests) == 4
        assert "prev" in page.links
        assert "last" not in page.links

    def test_body_of_a_comment_has_a_limit(self, call: Client) -> None:
        assert call("POST", COMMENTS, {"body": "x" * 65_536}).status_code == 201
        answer = call("POST", COMMENTS, {"body": "x" * 65_537})
        assert answer.status_code == 422
        assert "maximum is 65536 characters" in answer.json()["errors"][0]["message"]

    def test_comment_is_gone_once_deleted(self, call: Client, state: State) -> None:
        path = f"/issues/comments/{state.comment(REPO, 5, author='ann', body='x').id}"
        assert call("DELETE", path).status_code == 204
        assert call.refused("DELETE", path) == (404, "Not Found")

    def test_tokens_and_what_they_may(self, call: Client, state: State) -> None:
        body = {"body": "x"}
        assert call.refused("GET", "", token="ghs_Unknown") == (401, "Bad credentials")
        assert call.refused("POST", COMMENTS, body, token=None)[0] == 401
        answer = call("POST", COMMENTS, body, token=READS)
        assert (answer.status_code, answer.json()["message"]) == (
            403,
            "Resource not accessible by integration",
        )
        alternatives = "pull_requests=write; issues=write"
        assert answer.headers["X-Accepted-GitHub-Permissions"] == alternatives
        state.repositories[REPO].private = True
        state.tokens["other"] = Token("bob", repositories=["bob/own"])
        for token in ("other", None):
            assert call.refused("GET", "/issues/5", token=token) == (404, "Not Found")

    def test_failures_that_a_test_asks_for_hit_all_endpoints(
        self, call: Client, state: State
    ) -> None:
        state.fail(502, times=2, every=3, raw="<html>")
        found = [call("GET", "/git/trees/x").status_code for _ in range(7)]
        assert found == [404, 404, 502, 404, 404, 502, 404]
        for status in (403, 429):
            state.slow_down(7, status=status, path="/check-runs")
            answer = call("POST", "/check-runs", {})
            assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
            assert "secondary rate limit" in answer.json()["message"]


class TestDescribed:
    """Requests and answers are held to GitHub's own description."""

    def test_every_endpoint_of_the_api_is(self) -> None:
        whole = json.loads(described.FILE.read_bytes())
        known = {
            (verb.upper(), described.shape(path))
            for path, verbs in whole["paths"].items()
            for verb in verbs
        }
        ours = {(verb, described.shape(path)) for verb, path in described.described_endpoints()}
        assert known == ours, "run python -m tests.fakes.github.renew"
        assert described.FILE.stat().st_size < 400_000
        assert "MIT License" in described.LICENSE.read_text()

    @pytest.mark.parametrize(
        ("verb", "path", "data", "problem"),
        [
            ("GET", "/issues/5/comments?perpage=9", None, "query.perpage: GitHub does not know it"),
            ("GET", "/pulls?sort=age", None, "query.sort: 'age' is not one of"),
            (
                "POST",
                "/issues/5/comments",
                {"body": "x", "text": "y"},
                "request.text: GitHub does not know it",
            ),
            (
                "POST",
                "/check-runs",
                {"name": "x", "head_sha": HEAD, "details_url": 7},
                "request.details_url: 7 is not of type 'string'",
            ),
        ],
    )
    def test_request_that_github_would_not_understand(
        self, call: Client, verb: str, path: str, data: Any, problem: str
    ) -> None:
        assert call(verb, path, data).ok
        problems = described.taken()
        assert any(problem in one for one in problems), problems

    def test_answer_that_github_would_not_give(self, call: Client, state: State) -> None:
        state.comment(REPO, 5, author="ann", body="x").created_at = "yesterday"
        call("GET", "/issues/5/comments")
        (problem,) = described.taken()
        where = "GET /repos/{owner}/{repo}/issues/{number:int}/comments (200)"
        assert problem == f"{where}: answer[0].created_at: 'yesterday' is not a 'date-time'"

    def test_request_that_is_refused_is_the_client_s_to_notice(self, call: Client) -> None:
        notes = TestChecks().notes(51)
        data = {"name": "x", "head_sha": HEAD, "output": {"title": "t", "summary": "s"}}
        answer = call("POST", "/check-runs", {**data, "output": {"annotations": notes}})
        assert answer.status_code == 422
        data["output"] = {"title": "t", "summary": "s", "annotations": notes}
        assert "No more than 50 items" in call.refused("POST", "/check-runs", data)[1]
        data["output"] = {"title": "t", "summary": "s" * 65_536}
        assert "Only 65535 characters" in call.refused("POST", "/check-runs", data)[1]
        assert described.taken() == []
