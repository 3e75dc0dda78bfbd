"""What GitHub knows of a repository's tags and commits: the truth that a release rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.ci import SHA
from assay.errors import ForgeError
from assay.forge import stamp
from assay.forge.pulls import moment
from assay.forge.refusal import WRONG_API, LookAgainError, MissingError, RejectedError
from assay.forge.transport import repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.forge.transport import Api


@dataclass(frozen=True)
class Ref:
    """What a tag's name points to."""

    name: str
    """Without `refs/tags/`."""
    sha: str
    """Of the tag object, or of the commit."""
    annotated: bool


@dataclass(frozen=True)
class Annotation:
    """An annotated tag."""

    name: str
    """As the tag itself says."""
    commit: str
    tagger: str
    time: int
    """Seconds since 1970."""
    message: str


@dataclass(frozen=True)
class Run:
    """A run of a workflow."""

    number: int
    """`run_number`: what started later is greater."""
    event: str
    """What started it, as GitHub calls it."""
    branch: str | None
    """`head_branch`: what it ran on. Of a tag that was pushed, it is the tag's name."""
    conclusion: str | None
    """`success`, `failure`, ...; `None` while it runs."""
    url: str = ""
    id: int = 0
    """What the API calls it by."""


def refs(api: Api, repository: str) -> list[Ref]:
    """All tags of a repository.

    https://docs.github.com/en/rest/git/refs#list-matching-references
    """
    listed = api.request("GET", f"/repos/{repository}/git/matching-refs/tags/")
    if not isinstance(listed, list):
        raise ForgeError("GitHub sent no list of tags", hint=WRONG_API)
    return list(map(_ref, listed))


def ref(api: Api, repository: str, name: str) -> Ref | None:
    """One tag."""
    try:
        return _ref(api.request("GET", f"/repos/{repository}/git/ref/tags/{quote(name)}"))
    except MissingError:
        return None


def annotation(api: Api, repository: str, sha: str) -> Annotation | None:
    """What a tag object says; `None` where it is not about a commit."""
    match api.request("GET", f"/repos/{repository}/git/tags/{sha}"):
        case {
            "tag": str(name),
            "message": str(message),
            "tagger": {"name": str(tagger), "date": when},
            "object": {"type": str(kind), "sha": str(commit)},
        }:
            if kind != "commit":
                return None
            return Annotation(name, commit, tagger, int(moment(when).timestamp()), message)
    raise ForgeError("GitHub sent no tag", hint=WRONG_API)


def create(
    api: Api,
    repository: str,
    name: str,
    *,
    commit: str,
    message: str,
    time: int,
    tagger: tuple[str, str],
    sleep: Callable[[float], None],
) -> bool:
    """Make an annotated tag; whether it is ours, for of several that try at once one gets it.

    https://docs.github.com/en/rest/git/tags#create-a-tag-object

    Args:
        api: The connection; its token needs `contents: write`.
        repository: `owner/name`.
        name: The tag.
        commit: What it points to.
        message: What it says.
        time: When it is said to be made, in seconds since 1970.
        tagger: Name and mail address.
        sleep: Waits before it looks again whether a request, whose answer got lost, happened.

    Raises:
        RejectedError: A ruleset of the repository forbids the tag.
        ForgeError: GitHub refuses otherwise, or cannot be reached.
    """
    who, mail = tagger
    made = {
        "tag": name,
        "message": message,
        "object": commit,
        "type": "commit",
        "tagger": {"name": who, "email": mail, "date": stamp(datetime.fromtimestamp(time, UTC))},
    }
    # An object that nothing points to is nothing: to make it twice does no harm.
    sha = repeated(
        lambda: _sha(api.request("POST", f"/repos/{repository}/git/tags", made)), sleep=sleep
    )
    wanted = {"ref": f"refs/tags/{name}", "sha": sha}

    def once() -> bool:
        try:
            api.request("POST", f"/repos/{repository}/git/refs", wanted)
        except (LookAgainError, RejectedError):
            there = ref(api, repository, name)
            if there is None:
                raise
            return there.sha == sha
        return True

    return repeated(once, sleep=sleep)


def default_branch(api: Api, repository: str) -> str:
    """Its name."""
    match api.request("GET", f"/repos/{repository}"):
        case {"default_branch": str(name)}:
            return name
    raise ForgeError("GitHub does not say what the default branch is", hint=WRONG_API)


def contains(api: Api, repository: str, branch: str, commit: str) -> bool:
    """Whether a commit is the head of a branch, or an ancestor of that.

    https://docs.github.com/en/rest/commits/commits#compare-two-commits
    """
    # By commits, for there may be a tag of the branch's name.
    head = _sha(api.request("GET", f"/repos/{repository}/git/ref/heads/{quote(branch)}"))
    try:
        answer = api.request("GET", f"/repos/{repository}/compare/{head}...{commit}?per_page=1")
    except MissingError:
        return False
    match answer:
        case {"status": str(status)}:
            return status in {"behind", "identical"}
    raise ForgeError("GitHub sent no comparison of commits", hint=WRONG_API)


def runs(api: Api, repository: str, workflow: str, commit: str) -> tuple[Run, ...]:
    """The runs of a workflow for a commit; none where there is no such workflow.

    The filter is not relied on, for GitHub leaves out one that it does not understand. Nor are
    runs of a fork's commit counted, which is not in this repository.
    https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
    """
    path = (
        f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs?head_sha={commit}"
    )
    try:
        return tuple(_runs(api.pages(path, "workflow_runs"), repository, commit))
    except MissingError:
        return ()


def _runs(listed: Iterator[object], repository: str, commit: str) -> Iterator[Run]:
    for data in listed:
        match data:
            case {
                "id": int(found),
                "run_number": int(number),
                "event": str(event),
                "head_sha": str(sha),
                "html_url": str(url),
                "head_repository": {"full_name": str(name)},
                **rest,
            } if sha == commit and name.lower() == repository.lower():
                ended = rest.get("status") == "completed"
                branch = rest.get("head_branch")
                yield Run(
                    number,
                    event,
                    None if branch is None else str(branch),
                    str(rest.get("conclusion")) if ended else None,
                    url,
                    found,
                )


def _ref(data: object) -> Ref:
    match data:
        case {"ref": str(name), "object": {"type": str(kind), "sha": str(sha)}}:
            return Ref(name.removeprefix("refs/tags/"), sha, kind == "tag")
    raise ForgeError("GitHub sent no reference", hint=WRONG_API)


def _sha(data: object) -> str:
    match data:
        case {"sha": str(sha)} | {"object": {"sha": str(sha)}} if SHA.fullmatch(sha):
            return sha
    raise ForgeError("GitHub sent no git object", hint=WRONG_API)
