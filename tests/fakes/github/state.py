"""What GitHub knows, in values that a test reads and changes, and that a file can hold."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from tests.fakes.github.objects import Commit, GitObject, Person, Raw, put_commit, put_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)

Level = Literal["read", "write"]


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


def workflow_token(level: Level = "write", **permissions: Level) -> Token:
    """What `${{ github.token }}` is; with `read`, what it is for a pull request from a fork.

    Args:
        level: For pull requests.
        permissions: More of them, or others: `checks="write"`; `contents` is read without a word.
    """
    held: dict[str, Level] = {"pull_requests": level, "contents": "read", **permissions}
    return Token("github-actions[bot]", "app", held)


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
    created_at: str = ""
    """Empty: at a fixed moment."""
    closed_at: str | None = None
    merged_at: str | None = None
    reviews: list[tuple[str, str]] = field(default_factory=list)
    """Who, and what it came to: `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`."""


@dataclass
class Issue:
    """One that is no pull request."""

    title: str
    body: str = ""
    author: str = "octocat"
    labels: list[str] = field(default_factory=list)
    state: Literal["open", "closed"] = "open"
    created_at: str = ""
    """Empty: at a fixed moment."""


@dataclass
class DeploymentStatus:
    id: int
    state: str
    creator: str
    created_at: str
    description: str
    environment: str
    environment_url: str
    log_url: str


@dataclass
class Deployment:
    id: int
    sha: str
    ref: str
    task: str
    environment: str
    payload: Any
    description: str | None
    creator: str
    created_at: str
    transient: bool
    production: bool
    statuses: list[DeploymentStatus] = field(default_factory=list)
    """Oldest first."""

    @property
    def state(self) -> str:
        """As its page shows it."""
        return self.statuses[-1].state if self.statuses else "pending"


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
    head_branch: str = "feature"
    head_repository: str | None = None
    """None: the same repository; else the full name of the fork."""
    actor: str = "octocat"
    pulls: list[int] = field(default_factory=list)
    """Pull requests that GitHub names; it names none for a run of a fork's."""


@dataclass
class Artifact:
    id: int
    run: int
    name: str
    content: Raw
    """The zip file."""
    created_at: str
    expired: bool = False


@dataclass
class CheckRun:
    id: int
    app: str
    """The login of the token that made it; nobody else may change it."""
    head_sha: str
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    """What else the client set: status, conclusion, details_url, ..."""
    output: dict[str, Any] = field(default_factory=dict)
    """title, summary and text."""
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: str


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


Accident = Literal["none", "starter", "changed"]
"""What befalls an upload: nothing; a 502 that leaves an empty asset; a bit that changes."""


@dataclass
class Asset:
    """A file of a release."""

    id: int
    name: str
    content: Raw
    content_type: str
    label: str | None
    author: str
    created_at: str
    state: Literal["starter", "uploaded"] = "uploaded"


@dataclass
class Release:
    id: int
    tag: str
    author: str
    created_at: str
    target: str
    """The branch or commit that the tag is made at, where there is none."""
    name: str | None = None
    body: str | None = None
    draft: bool = True
    prerelease: bool = False
    immutable: bool = False
    latest: bool = False
    published_at: str | None = None
    assets: list[Asset] = field(default_factory=list)


@dataclass
class Repository:
    id: int
    private: bool = False
    default_branch: str = "main"
    former_names: list[str] = field(default_factory=list)
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    """Those that are no pull requests, by number."""
    has_issues: bool = True
    """Whether they are switched on."""
    deployments: list[Deployment] = field(default_factory=list)
    """Oldest first."""
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    """By login: admin, maintain, write, triage, read, or the name of a role of the organization's.

    Everybody else reads what is public, and nothing else.
    """
    custom_roles: dict[str, str] = field(default_factory=dict)
    """By name: the role that it is built on."""
    runs: list[WorkflowRun] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    bare: str | None = None
    """The folder of a bare git repository whose branches this one has, where people push to it."""
    actions_may_propose: bool = True
    """Whether a workflow's own token may open pull requests."""
    empty: bool = False
    """Without a single commit: GitHub's git data API then refuses everything."""
    objects: dict[str, GitObject] = field(default_factory=dict)
    """Git's, by name."""
    refs: dict[str, str] = field(default_factory=dict)
    """By full name, as `refs/heads/main`."""
    protected: list[str] = field(default_factory=list)
    """Patterns of refs' full names that a ruleset keeps from changes: `refs/heads/*`."""

    releases: list[Release] = field(default_factory=list)
    """In the order in which they were made."""
    immutable_releases: bool = False
    """Whether a release cannot change once it is published."""
    used_tags: list[str] = field(default_factory=list)
    """Of immutable releases that were deleted: no release can have them again."""
    asset_limit: int = 1 << 31
    """A file of a release has fewer bytes."""
    tells_digests: bool = True
    """Older Enterprise servers do not say what an asset's SHA-256 is."""
    uploads: str | None = None
    """Where assets are said to be sent; None is this server, by another name."""
    accidents: list[Accident] = field(default_factory=list)
    """What befalls the next uploads."""

    def knows(self, sha: str) -> bool:
        """Whether a commit is there: pushed, or the end of a pull request or of a run."""
        ends = {end for pull in self.pulls.values() for end in (pull.head_sha, pull.base_sha)}
        stored = self.objects.get(sha)
        return bool(stored and stored.kind == "commit") or sha in ends | {
            run.head_sha for run in self.runs
        }


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
    every: int = 1
    """3: two requests pass, the third one fails, and so on: a server that fails now and then."""
    seen: int = 0
    """How many requests it could have hit."""


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

    def slow_down(self, seconds: int, *, status: int = 403, **options: Any) -> None:
        """Refuse the next request by the secondary rate limit, which 429 can tell as well.

        https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
        """
        message = "You have exceeded a secondary rate limit. Please wait a few minutes."
        self.fail(status, message, headers={"retry-after": str(seconds)}, **options)

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

    def run(self, repository: str, head_sha: str, **options: Any) -> WorkflowRun:
        """Add a run of a workflow; see `WorkflowRun`.

        One of no pull request is on the default branch unless told otherwise. For a pushed tag,
        GitHub gives the tag's name for the branch.
        """
        self.last_id += 1
        if options.get("event", "pull_request") != "pull_request":
            main = self.repositories[repository].default_branch
            options = {"head_branch": main, **options}
        options = {"workflow": "model-check.yml", "conclusion": "success", **options}
        run = WorkflowRun(self.last_id, head_sha=head_sha, created_at=self.now(), **options)
        self.repositories[repository].runs.append(run)
        return run

    def artifact(
        self,
        run: WorkflowRun,
        name: str,
        files: Mapping[str, bytes] | None = None,
        *,
        zip_bytes: bytes | None = None,
        expired: bool = False,
    ) -> Artifact:
        """Add what a run uploaded: files by their names, or the zip file itself."""
        (holder,) = (
            repository
            for repository in self.repositories.values()
            if any(known is run for known in repository.runs)
        )
        self.last_id += 1
        content = zipped(files or {}) if zip_bytes is None else zip_bytes
        artifact = Artifact(self.last_id, run.id, name, content, self.now(), expired)
        holder.artifacts.append(artifact)
        return artifact

    def commit(
        self,
        repository: str,
        files: Mapping[str, bytes],
        *,
        ref: str | None = "refs/heads/main",
        message: str = "Change",
    ) -> str:
        """Push a commit with these files and no others, on top of what the ref has."""
        holder = self.repositories[repository]
        parents = (holder.refs[ref],) if ref in holder.refs else ()
        who = Person("The Octocat", "octocat@example.test", self.now())
        tree = put_files(holder.objects, files)
        sha = put_commit(holder.objects, Commit(tree, parents, who, who, message))
        if ref is not None:
            holder.refs[ref] = sha
        return sha

    def now(self) -> str:
        """One second later at every call, so that what is built from it is the same every time."""
        self.ticks += 1
        return (EPOCH + timedelta(seconds=self.ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def calls(self) -> list[str]:
        """The requests so far, as `GET /user`."""
        return [f"{logged.method} {logged.path}" for logged in self.requests]


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file, the same for the same files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


_ADAPTER = TypeAdapter(State)


def load(path: Path) -> State:
    return _ADAPTER.validate_json(path.read_bytes())


def save(state: State, path: Path) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(_ADAPTER.dump_json(state, indent=2))
    draft.replace(path)
