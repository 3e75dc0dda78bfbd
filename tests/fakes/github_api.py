"""A GitHub API that remembers: real HTTP on 127.0.0.1, with GitHub's rules and JSON.

In a test:

    state = State(tokens={...}, repositories={...})
    with GitHubApi(state) as api:
        ...  # api.url is what GITHUB_API_URL is on a runner

As a program, for other processes (the first line that it prints is the URL; the file is read at the
start and written after every request):

    python -m tests.fakes.github_api --port 0 --state state.json

It answers under `/`, under `/api/v3/` (an Enterprise server's prefix), and for
`/repositories/{id}/`, which is what GitHub's own `Link` and `Location` headers use.

More endpoints: write a function (Call) -> Reply, decorated with `@route`, in this module or in one
of its own that imports it; give `Repository` the field that it keeps its things in. Permission,
visibility, pagination, injected failures and the log are taken care of here.
https://docs.github.com/en/rest
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote, urlencode

import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from types import FrameType

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

MAX_BODY = 65_536
DEFAULT_PAGE = 30
MAX_PAGE = 100
DOCUMENTATION = "https://docs.github.com/rest"
EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)

Json = dict[str, Any]
Level = Literal["read", "write"]


# --- State --------------------------------------------------------------------------------------


@dataclass
class Token:
    """Who a token is, and what it may do."""

    login: str
    kind: Literal["app", "user"] = "user"
    """`app`: an installation token, as GITHUB_TOKEN is. `user`: a personal access token."""
    permissions: dict[str, Level] = field(default_factory=lambda: {"pull_requests": "write"})
    repositories: list[str] | None = None
    """What it can see of the private ones, and write to; None is everything."""

    def may(self, level: Level, permission: str) -> bool:
        held = self.permissions.get(permission)
        return held in ("write", level)


def workflow_token(level: Level = "write") -> Token:
    """What `${{ github.token }}` is; with `read`, what it is for a pull request from a fork."""
    return Token("github-actions[bot]", "app", {"pull_requests": level, "contents": "read"})


@dataclass
class Pull:
    head_sha: str
    head_ref: str = "feature"
    title: str = "A change"
    author: str = "octocat"
    base_sha: str = "b" * 40
    base_ref: str = "main"
    head_repository: str | None = None
    """None: the same repository; else the full name of the fork."""
    state: Literal["open", "closed"] = "open"
    draft: bool = False
    body: str = ""
    labels: list[str] = field(default_factory=list)


@dataclass
class Event:
    """Something that happened on a pull request: a label was set, or taken off."""

    id: int
    number: int
    event: str
    actor: str
    label: str
    created_at: str


@dataclass
class WorkflowRun:
    id: int
    workflow: str
    """The name of its file."""
    head_sha: str
    status: Literal["queued", "in_progress", "completed"] = "completed"
    conclusion: str | None = "failure"
    event: str = "pull_request"
    attempt: int = 1
    created_at: str = ""
    """Empty: a moment ago."""


@dataclass
class Comment:
    id: int
    number: int
    author: str
    body: str
    created_at: str
    updated_at: str
    reactions: list[tuple[str, str]] = field(default_factory=list)
    """Who, and what; GitHub does not take them for a change of the comment."""


@dataclass
class Repository:
    id: int
    private: bool = False
    default_branch: str = "main"
    former_names: list[str] = field(default_factory=list)
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, str] = field(default_factory=dict)
    """The titles of issues that are no pull requests, by number."""
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    """By login: admin, maintain, write, triage, read, or the name of a role of the organization's.

    Everybody else reads what is public, and nothing else.
    """
    custom_roles: dict[str, str] = field(default_factory=dict)
    """By name: the role that it is built on."""
    runs: list[WorkflowRun] = field(default_factory=list)


@dataclass
class Failure:
    """What the next requests get in place of an answer."""

    status: int
    message: str = "Server Error"
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    method: str | None = None
    path: str | None = None
    """A part of the path that a request must have to be hit."""
    raw: str | None = None
    """Sent as it is instead of GitHub's JSON, as a proxy's HTML page."""
    after: bool = False
    """The request takes effect; only its answer is lost."""


@dataclass
class Logged:
    """One request as it came in."""

    method: str
    path: str
    query: str
    status: int
    login: str | None
    token_outside_header: bool
    """Whether a known token stood anywhere but in `Authorization`."""


@dataclass
class State:
    """Everything that the server knows; a test reads and changes it at any time."""

    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    requests: list[Logged] = field(default_factory=list)
    last_id: int = 1000
    ticks: int = 0

    def fail(self, status: int, message: str = "Server Error", **options: Any) -> None:
        """Let the next request fail (`times=N`: the next N); see `Failure`."""
        self.failures.append(Failure(status, message, **options))

    def comment(self, repository: str, number: int, *, author: str, body: str) -> Comment:
        """Add a comment, as if it had been posted."""
        self.last_id += 1
        now = self.now()
        comment = Comment(self.last_id, number, author, body, now, now)
        self.repositories[repository].comments.append(comment)
        return comment

    def label(
        self, repository: str, number: int, name: str, *, actor: str, on: bool = True
    ) -> None:
        """Set a label, or take it off."""
        labels = self.repositories[repository].pulls[number].labels
        labels.append(name) if on else labels.remove(name)
        self.last_id += 1
        kind = "labeled" if on else "unlabeled"
        event = Event(self.last_id, number, kind, actor, name, self.now())
        self.repositories[repository].events.append(event)

    def now(self) -> str:
        """One second later at every call, so that what is built from it is the same every time."""
        self.ticks += 1
        return (EPOCH + timedelta(seconds=self.ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def calls(self) -> list[str]:
        """The requests so far, as `GET /user`."""
        return [f"{logged.method} {logged.path}" for logged in self.requests]


_ADAPTER = TypeAdapter(State)


def load(path: Path) -> State:
    return _ADAPTER.validate_json(path.read_bytes())


def save(state: State, path: Path) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(_ADAPTER.dump_json(state, indent=2))
    draft.replace(path)


# --- Requests and answers -----------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 (an answer of the server, not a failure of the test)
    """Ends a request with one of GitHub's error documents."""

    def __init__(
        self, status: int, message: str, *, errors: list[Json] | None = None, **headers: str
    ) -> None:
        document: Json = {"message": message, "documentation_url": DOCUMENTATION}
        if errors is not None:
            document["errors"] = errors
        super().__init__(message)
        self.reply = Reply(status, {**document, "status": str(status)}, headers)


NOT_FOUND = (404, "Not Found")


@dataclass
class Call:
    """A request after all that is common to requests was checked."""

    state: State
    root: str
    """The API's URL, as the client wrote it."""
    parameters: dict[str, Any]
    query: dict[str, str]
    token: Token | None
    path: str
    name: str = ""
    """The repository's full name, on routes below one."""
    content: bytes = b""

    @property
    def repository(self) -> Repository:
        return self.state.repositories[self.name]

    @property
    def login(self) -> str:
        assert self.token is not None, "routes that write have a token"
        return self.token.login

    def data(self) -> Json:
        """The request's JSON object."""
        try:
            data = json.loads(self.content)
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(data, dict):
            raise Refused(400, "Body should be a JSON object")
        return data

    def page(self, items: Sequence[Json]) -> Reply:
        """One page of a list, with the `Link` header that leads to the others.

        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        size = min(max(_number(self.query.get("per_page"), DEFAULT_PAGE), 1), MAX_PAGE)
        page = max(_number(self.query.get("page"), 1), 1)
        last = max(-(-len(items) // size), 1)
        targets: dict[str, int] = {}
        if page > 1:
            targets |= {"prev": min(page - 1, last), "first": 1}
        if page < last:
            targets |= {"next": page + 1, "last": last}
        path = self.path.replace(f"/repos/{self.name}/", f"/repositories/{self.repository.id}/")
        links = [
            f'<{self.root}{path}?{urlencode({**self.query, "page": number})}>; rel="{rel}"'
            for rel, number in targets.items()
        ]
        headers = {"Link": ", ".join(links)} if links else {}
        return Reply(200, list(items[(page - 1) * size : page * size]), headers)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Endpoint:
    handler: Handler
    level: Level
    permissions: tuple[str, ...]


ENDPOINTS: dict[tuple[str, str], Endpoint] = {}


def route(method: str, path: str, *permissions: str) -> Callable[[Handler], Handler]:
    """Serve a path; the token needs one of the permissions (reading public things needs none)."""

    def register(handler: Handler) -> Handler:
        level: Level = "read" if method == "GET" else "write"
        ENDPOINTS[method, path] = Endpoint(handler, level, permissions)
        return handler

    return register


# --- Endpoints ----------------------------------------------------------------------------------

# A comment on a pull request may be written with either permission:
# https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
TALK = ("pull_requests", "issues")


@route("GET", "/user")
def get_user(call: Call) -> Reply:
    if call.token is None:
        raise Refused(401, "Requires authentication")
    if call.token.kind == "app":
        raise Refused(403, "Resource not accessible by integration")
    return Reply(200, _user(call, call.token.login))


@route("GET", "/repos/{owner}/{repo}")
def get_repository(call: Call) -> Reply:
    return Reply(200, _repository(call, call.name))


@route("GET", "/repos/{owner}/{repo}/pulls/{number:int}", "pull_requests")
def get_pull(call: Call) -> Reply:
    number = call.parameters["number"]
    if number not in call.repository.pulls:
        raise Refused(*NOT_FOUND)
    return Reply(200, _pull(call, number))


@route("GET", "/repos/{owner}/{repo}/commits/{sha}/pulls", "pull_requests", "contents")
def list_pulls_of_commit(call: Call) -> Reply:
    sha = call.parameters["sha"]
    pulls = call.repository.pulls
    return call.page([_pull(call, n) for n, pull in pulls.items() if pull.head_sha == sha])


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}", *TALK)
def get_issue(call: Call) -> Reply:
    return Reply(200, _issue(call, _thread(call)))


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}/comments", *TALK)
def list_comments(call: Call) -> Reply:
    number = _thread(call)
    found = [comment for comment in call.repository.comments if comment.number == number]
    return call.page([_comment(call, comment) for comment in found])


@route("POST", "/repos/{owner}/{repo}/issues/{number:int}/comments", *TALK)
def create_comment(call: Call) -> Reply:
    number, body = _thread(call), _body(call)
    comment = call.state.comment(call.name, number, author=call.login, body=body)
    return Reply(201, document := _comment(call, comment), {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/issues/comments/{id:int}", *TALK)
def get_comment(call: Call) -> Reply:
    return Reply(200, _comment(call, _find_comment(call)))


@route("PATCH", "/repos/{owner}/{repo}/issues/comments/{id:int}", *TALK)
def update_comment(call: Call) -> Reply:
    # Whoever may write may edit what others wrote: that is why clients have to look at the author.
    comment = _find_comment(call)
    comment.body = _body(call)
    comment.updated_at = call.state.now()
    return Reply(200, _comment(call, comment))


@route("DELETE", "/repos/{owner}/{repo}/issues/comments/{id:int}", *TALK)
def delete_comment(call: Call) -> Reply:
    call.repository.comments.remove(_find_comment(call))
    return Reply(204)


# Needs `metadata: read`, which every token has.
@route("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission")
def get_permission(call: Call) -> Reply:
    """https://docs.github.com/en/rest/collaborators/collaborators"""
    if call.token is None:
        raise Refused(401, "Requires authentication")
    login = call.parameters["login"]
    if login.endswith("[bot]") or login == "ghost":
        raise Refused(404, f"{login} is not a user")
    repository = call.repository
    nobody = "none" if repository.private else "read"
    role = next((r for who, r in repository.roles.items() if who.lower() == login.lower()), nobody)
    built_on = repository.custom_roles.get(role, role)
    permission = {"maintain": "write", "triage": "read"}.get(built_on, built_on)
    return Reply(200, {"permission": permission, "role_name": role, "user": _user(call, login)})


@route("GET", "/repos/{owner}/{repo}/issues/{number:int}/events", *TALK)
def list_events(call: Call) -> Reply:
    number = _thread(call)
    found = [event for event in call.repository.events if event.number == number]
    return call.page([_event(call, event) for event in found])


REACTIONS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}


@route("POST", "/repos/{owner}/{repo}/issues/comments/{id:int}/reactions", *TALK)
def create_reaction(call: Call) -> Reply:
    comment, content = _find_comment(call), call.data().get("content")
    if content not in REACTIONS:
        raise Refused(
            422, "Validation Failed", errors=[{"resource": "Reaction", "code": "invalid"}]
        )
    reaction = (call.login, str(content))
    status = 200 if reaction in comment.reactions else 201
    if status == 201:
        comment.reactions.append(reaction)
    return Reply(status, {"id": comment.id, "content": content, "user": _user(call, call.login)})


@route("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", "actions")
def list_runs(call: Call) -> Reply:
    """Newest first. https://docs.github.com/en/rest/actions/workflow-runs"""
    runs = [run for run in call.repository.runs if run.workflow == call.parameters["workflow"]]
    if not runs:
        raise Refused(*NOT_FOUND)
    for name in ("head_sha", "event"):
        runs = [run for run in runs if call.query.get(name) in {None, getattr(run, name)}]
    runs.sort(key=lambda run: run.id, reverse=True)
    page = call.page([_run(call, run) for run in runs])
    document = {"total_count": len(runs), "workflow_runs": page.data}
    return Reply(200, document, page.headers)


@route("POST", "/repos/{owner}/{repo}/actions/runs/{id:int}/rerun-failed-jobs", "actions")
def rerun_failed_jobs(call: Call) -> Reply:
    """https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs"""
    run = next((run for run in call.repository.runs if run.id == call.parameters["id"]), None)
    if run is None:
        raise Refused(*NOT_FOUND)
    if run.status != "completed":
        raise Refused(403, "This workflow is already running")
    if run.created_at and datetime.now(UTC) - datetime.fromisoformat(run.created_at) > MONTH:
        why = "Unable to retry this workflow run because it was created over a month ago"
        raise Refused(403, why)
    if run.conclusion not in {"failure", "timed_out", "cancelled"} or run.attempt >= 50:
        raise Refused(403, "This workflow run cannot be retried")
    run.status, run.conclusion, run.attempt = "queued", None, run.attempt + 1
    return Reply(201, {})


MONTH = timedelta(days=30)


def _thread(call: Call) -> int:
    number: int = call.parameters["number"]
    if number not in call.repository.pulls and number not in call.repository.issues:
        raise Refused(*NOT_FOUND)
    return number


def _find_comment(call: Call) -> Comment:
    for comment in call.repository.comments:
        if comment.id == call.parameters["id"]:
            return comment
    raise Refused(*NOT_FOUND)


def _body(call: Call) -> str:
    body = call.data().get("body")
    if not isinstance(body, str):
        raise Refused(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    problem = None
    if not body.strip():
        problem = "Body cannot be blank"
    elif len(body) > MAX_BODY:
        problem = f"Body is too long (maximum is {MAX_BODY} characters)"
    if problem:
        error = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
        raise Refused(422, "Validation Failed", errors=[{**error, "message": problem}])
    return body


# --- GitHub's JSON ------------------------------------------------------------------------------


def _node_id(kind: str, number: int) -> str:
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def _html(call: Call, *parts: object) -> str:
    return "/".join(["https://github.com", call.name, *map(str, parts)])


def _user(call: Call, login: str) -> Json:
    # Any stable number will do, as long as everybody has one of their own.
    number = int.from_bytes(login.encode()) % 100_000_000
    bot = login.endswith("[bot]")
    web = f"apps/{login.removesuffix('[bot]')}" if bot else login
    return {
        "login": login,
        "id": number,
        "node_id": _node_id("BOT" if bot else "U", number),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": f"{call.root}/users/{login}",
        "html_url": f"https://github.com/{web}",
        "type": "Bot" if bot else "User",
        "site_admin": False,
    }


def _repository(call: Call, name: str) -> Json:
    repository = call.state.repositories.get(name) or Repository(id=1)
    owner, short = name.split("/")
    return {
        "id": repository.id,
        "node_id": _node_id("R", repository.id),
        "name": short,
        "full_name": name,
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "owner": _user(call, owner),
        "html_url": f"https://github.com/{name}",
        "description": None,
        "fork": name != call.name,
        "url": f"{call.root}/repos/{name}",
        "default_branch": repository.default_branch,
        "clone_url": f"https://github.com/{name}.git",
        "archived": False,
        "disabled": False,
    }


def _issue(call: Call, number: int) -> Json:
    pull = call.repository.pulls.get(number)
    url = f"{call.root}/repos/{call.name}/issues/{number}"
    kind = "pull" if pull else "issues"
    document = {
        "id": 100_000 + number,
        "node_id": _node_id("PR" if pull else "I", number),
        "url": url,
        "repository_url": f"{call.root}/repos/{call.name}",
        "comments_url": f"{url}/comments",
        "html_url": _html(call, kind, number),
        "number": number,
        "title": pull.title if pull else call.repository.issues[number],
        "user": _user(call, pull.author if pull else "octocat"),
        "labels": [_label(call, name) for name in pull.labels] if pull else [],
        "assignees": [],
        "milestone": None,
        "state": pull.state if pull else "open",
        "locked": False,
        "comments": sum(comment.number == number for comment in call.repository.comments),
        "body": pull.body if pull else "",
        "created_at": f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
        "closed_at": None,
        "author_association": "CONTRIBUTOR",
    }
    if pull:
        links = {"url": f"{call.root}/repos/{call.name}/pulls/{number}"}
        document["pull_request"] = {**links, "html_url": document["html_url"]}
    return document


def _pull(call: Call, number: int) -> Json:
    pull = call.repository.pulls[number]
    issue = _issue(call, number)
    url = issue["pull_request"]["url"]
    shared = (
        "id node_id html_url number title user state locked body labels created_at updated_at "
        "closed_at"
    )

    def end(name: str, ref: str, sha: str) -> Json:
        owner = name.split("/", maxsplit=1)[0]
        return {
            "label": f"{owner}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": _user(call, owner),
            "repo": _repository(call, name),
        }

    return {
        **{key: issue[key] for key in [*shared.split(), "comments_url", "author_association"]},
        "url": url,
        "issue_url": issue["url"],
        "head": end(pull.head_repository or call.name, pull.head_ref, pull.head_sha),
        "base": end(call.name, pull.base_ref, pull.base_sha),
        "draft": pull.draft,
        "merged": False,
        "merged_at": None,
        "mergeable": True,
        "_links": {"self": {"href": url}, "html": {"href": issue["html_url"]}},
    }


def _comment(call: Call, comment: Comment) -> Json:
    kind = "pull" if comment.number in call.repository.pulls else "issues"
    root = f"{call.root}/repos/{call.name}/issues"
    return {
        "url": f"{root}/comments/{comment.id}",
        "html_url": _html(call, kind, f"{comment.number}#issuecomment-{comment.id}"),
        "issue_url": f"{root}/{comment.number}",
        "id": comment.id,
        "node_id": _node_id("IC", comment.id),
        "user": _user(call, comment.author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "author_association": "NONE",
        "body": comment.body,
        "performed_via_github_app": None,
    }


def _label(call: Call, name: str) -> Json:
    url = f"{call.root}/repos/{call.name}/labels/{quote(name)}"
    return {"id": len(name), "url": url, "name": name, "color": "ededed", "default": False}


def _event(call: Call, event: Event) -> Json:
    return {
        "id": event.id,
        "node_id": _node_id("LE", event.id),
        "url": f"{call.root}/repos/{call.name}/issues/events/{event.id}",
        "actor": _user(call, event.actor),
        "event": event.event,
        "created_at": event.created_at,
        "label": {"name": event.label, "color": "ededed"},
        "performed_via_github_app": None,
    }


def _run(call: Call, run: WorkflowRun) -> Json:
    return {
        "id": run.id,
        "node_id": _node_id("WFR", run.id),
        "name": run.workflow.removesuffix(".yml"),
        "path": f".github/workflows/{run.workflow}",
        "head_sha": run.head_sha,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "run_attempt": run.attempt,
        "html_url": _html(call, "actions", "runs", run.id),
        "created_at": run.created_at or call.state.now(),
        "pull_requests": [],
    }


# --- The rules that every request meets ---------------------------------------------------------


class Service:
    """From an HTTP request to an endpoint and back."""

    def __init__(self, state: State, changed: Callable[[], None]) -> None:
        self.state = state
        self._changed = changed

    def application(self) -> ASGIApp:
        routes = [
            Route(path, self._endpoint(endpoint), methods=[method])
            for (method, path), endpoint in ENDPOINTS.items()
        ]
        inner = Starlette(
            routes=[*routes, Route("/{path:path}", self._endpoint(None), methods=METHODS)]
        )

        async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
            """Turn every way to write a path into one."""
            if scope["type"] == "http":
                path = scope["path"]
                prefix = "/api/v3" if path.startswith("/api/v3/") else ""
                path = self._named(path.removeprefix(prefix))
                scope = {**scope, "path": path, "raw_path": path.encode(), "prefix": prefix}
            await inner(scope, receive, send)

        return entrance

    def _named(self, path: str) -> str:
        names = {str(repo.id): name for name, repo in self.state.repositories.items()}
        return re.sub(
            r"^/repositories/(\d+)",
            lambda match: f"/repos/{names.get(match[1], 'unknown/unknown')}",
            path,
        )

    def _endpoint(self, endpoint: Endpoint | None) -> Callable[[Request], Any]:
        async def respond(request: Request) -> Response:
            content = await request.body()
            secret = _secret(request)
            token = self.state.tokens.get(secret)
            try:
                reply = self._answer(request, endpoint, content, secret, token)
            except Refused as refused:
                reply = refused.reply
            self.state.requests.append(
                Logged(
                    method=request.method,
                    path=request.url.path,
                    query=request.url.query,
                    status=reply.status,
                    login=token.login if token else None,
                    token_outside_header=self._leaks(request, content),
                )
            )
            self._changed()
            return self._response(reply)

        return respond

    def _answer(
        self,
        request: Request,
        endpoint: Endpoint | None,
        content: bytes,
        secret: str,
        token: Token | None,
    ) -> Reply:
        failure = self._failure(request)
        if failure and not failure.after:
            return _failed(failure)
        if secret and token is None:
            raise Refused(401, "Bad credentials")
        if endpoint is None:
            raise Refused(*NOT_FOUND)
        root = f"{request.url.scheme}://{request.url.netloc}{request.scope['prefix']}"
        call = Call(
            state=self.state,
            root=root,
            parameters=request.path_params,
            query=dict(request.query_params),
            token=token,
            path=request.url.path,
            content=content,
        )
        if "repo" in request.path_params:
            call.name = self._repository(call, request.method)
            self._authorize(call, endpoint)
        reply = endpoint.handler(call)
        return _failed(failure) if failure else reply

    def _failure(self, request: Request) -> Failure | None:
        for failure in self.state.failures:
            if failure.method not in {None, request.method}:
                continue
            if failure.path is None or failure.path in request.url.path:
                failure.times -= 1
                if failure.times == 0:
                    self.state.failures.remove(failure)
                return failure
        return None

    def _repository(self, call: Call, method: str) -> str:
        name = f"{call.parameters['owner']}/{call.parameters['repo']}"
        for known, repository in self.state.repositories.items():
            if known.lower() == name.lower():  # GitHub's names know no case
                return known
            if name in repository.former_names:
                target = call.path.replace(f"/repos/{name}", f"/repositories/{repository.id}")
                query = f"?{urlencode(call.query)}" if call.query else ""
                status = 301 if method == "GET" else 307
                message = "Moved Permanently" if method == "GET" else "Temporary Redirect"
                raise Refused(status, message, Location=f"{call.root}{target}{query}")
        raise Refused(*NOT_FOUND)

    def _authorize(self, call: Call, endpoint: Endpoint) -> None:
        """https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps"""
        token, repository = call.token, call.repository
        member = token is not None and (
            token.repositories is None or call.name in token.repositories
        )
        if repository.private and not member:
            raise Refused(*NOT_FOUND)  # GitHub does not give away that it exists
        if endpoint.level == "read" and not repository.private:
            return
        if token is None:
            raise Refused(401, "Requires authentication")
        granted = not endpoint.permissions or any(
            token.may(endpoint.level, permission) for permission in endpoint.permissions
        )
        if not (member and granted):
            by = "integration" if token.kind == "app" else "personal access token"
            raise Refused(403, f"Resource not accessible by {by}")

    def _leaks(self, request: Request, content: bytes) -> bool:
        headers = [value for name, value in request.headers.items() if name != "authorization"]
        places = [str(request.url), content.decode(errors="replace"), *headers]
        return any(secret in place for secret in self.state.tokens for place in places)

    def _response(self, reply: Reply) -> Response:
        headers = {
            "x-github-media-type": "github.v3; format=json",
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(max(5000 - len(self.state.requests), 1)),
            "x-ratelimit-reset": str(int(time.time()) + 3600),
        } | {name.lower(): value for name, value in reply.headers.items()}
        if isinstance(reply.data, str):
            return Response(reply.data, reply.status, headers, media_type="text/html")
        content = b"" if reply.data is None else json.dumps(reply.data).encode()
        media_type = "application/json; charset=utf-8"
        return Response(content, reply.status, headers, media_type=media_type)


METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def _failed(failure: Failure) -> Reply:
    document = {"message": failure.message, "documentation_url": DOCUMENTATION}
    return Reply(failure.status, failure.raw or document, failure.headers)


def _secret(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret if scheme.lower() in {"token", "bearer"} else ""


# --- Running it ---------------------------------------------------------------------------------


def _listen(port: int) -> socket.socket:
    # asyncio sends small packets at once only where the protocol is spelled out; elsewhere each
    # answer waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


class GitHubApi:
    """The server, in a thread of this process while the `with` block runs.

    Args:
        state: What it starts with, and keeps up to date.
        port: 0 takes a free one.
        changed: Called after every request.
    """

    def __init__(
        self, state: State, *, port: int = 0, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._service = Service(state, changed)
        self._listener = _listen(port)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._service.application(),
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )

    @property
    def state(self) -> State:
        return self._service.state

    @state.setter
    def state(self, state: State) -> None:
        """Start afresh, so that many tests can share one server: starting one takes 0.1 s."""
        self._service.state = state

    def __enter__(self) -> Self:
        # The socket listens already, so a client that is early waits; nothing to poll for.
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._listener.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A GitHub API that remembers, for tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="JSON; see `State`")
    options = parser.parse_args(arguments)
    state = load(options.state) if options.state.exists() else State()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    with GitHubApi(state, port=options.port, changed=lambda: save(state, options.state)) as api:
        save(state, options.state)
        print(api.url, flush=True)
        with suppress(KeyboardInterrupt):
            stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
