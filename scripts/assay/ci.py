"""Where a run takes place: which CI host, which event, which pull request, which revisions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_KEY = "default"
"""Of the report, where a pull request has one."""
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit's name in full."""
Host = Literal["github", "gitlab", "jenkins", "local"]


class CiContext(Fact):
    """What the environment says about the run. Holds no secret: it is stored in the record."""

    host: Host = "local"
    event: str = "local"
    """`pull_request`, `push`, `schedule`, ... in GitHub's words; `local` on a laptop."""
    repository: str | None = None
    """`owner/name`."""
    pull_request: int | None = None
    from_fork: bool = False
    base_ref: str | None = None
    """The branch that a pull request would merge into."""
    base_sha: str | None = None
    """The commit that head is compared with, where the host names one."""
    default_branch: str | None = None
    head_ref: str | None = None
    head_sha: str | None = None
    """The commit that the author pushed; the checked out one may be a merge of it."""
    server_url: str = "https://github.com"
    api_url: str = "https://api.github.com"
    run_url: str | None = None
    workflow: str | None = None


def detect(environ: Mapping[str, str], event: Mapping[str, Any] | None = None) -> CiContext:
    """The context of a run, from its environment and the host's event payload alone.

    Args:
        environ: Environment variables, as in `os.environ`.
        event: The parsed JSON of `GITHUB_EVENT_PATH`; other hosts have none.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        return _github(environ, event or {})
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ)
    if environ.get("JENKINS_URL"):
        return _jenkins(environ)
    return CiContext()


def report_key(given: str, *, folder: str, matrix: str = "") -> str:
    """What tells the comment of this job from others on the same pull request.

    Of plain words as far as can be: a key with `=` is one that CML cannot look for.

    Args:
        given: What the workflow says; else it is made of what follows.
        folder: The project's folder in the repository.
        matrix: The job's `matrix` as JSON: jobs that differ in it alone check different models.
    """
    if given:
        return given
    try:
        values = json.loads(matrix or "null")
    except ValueError:
        values = None
    named = values if isinstance(values, dict) else {}
    parts = [folder.strip("/"), *(f"{name}-{_word(value)}" for name, value in named.items())]
    return "/".join("-".join(part.split()) for part in parts if part) or DEFAULT_KEY


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _github(environ: Mapping[str, str], event: Mapping[str, Any]) -> CiContext:
    # https://docs.github.com/actions/reference/workflows-and-actions/variables
    server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository = environ.get("GITHUB_REPOSITORY") or None
    run_id = environ.get("GITHUB_RUN_ID")
    name = environ.get("GITHUB_EVENT_NAME") or "push"
    pull, queue = _part(event, "pull_request"), _part(event, "merge_group")
    head, base = _part(pull, "head"), _part(pull, "base")
    head_repo = _part(head, "repo").get("full_name")
    return CiContext(
        host="github",
        event=name,
        repository=repository,
        pull_request=_pull_request(environ, event),
        # A deleted fork leaves `head.repo` null; that too is not our own branch.
        from_fork=bool(pull) and bool(head) and head_repo != repository,
        base_ref=_text(base, "ref")
        or _branch(queue.get("base_ref"))
        or environ.get("GITHUB_BASE_REF")
        or None,
        base_sha=_text(base, "sha") or _text(queue, "base_sha") or _before(event),
        default_branch=_text(_part(event, "repository"), "default_branch"),
        head_ref=_text(head, "ref")
        or environ.get("GITHUB_HEAD_REF")
        or environ.get("GITHUB_REF_NAME")
        or None,
        head_sha=_text(head, "sha") or environ.get("GITHUB_SHA") or None,
        server_url=server,
        api_url=environ.get("GITHUB_API_URL") or "https://api.github.com",
        run_url=f"{server}/{repository}/actions/runs/{run_id}" if repository and run_id else None,
        workflow=environ.get("GITHUB_WORKFLOW") or None,
    )


def _pull_request(environ: Mapping[str, str], event: Mapping[str, Any]) -> int | None:
    """The number that a comment is posted on.

    From the reference where it tells: the runner sets that for every step, while the event is a
    file that earlier steps can write to.
    """
    if found := re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF") or "", re.ASCII):
        return int(found[1])
    pull = _part(event, "pull_request")
    return _int(pull.get("number") or event.get("number")) if pull else None


def _part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within the event; empty for anything else that earlier steps left there."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) else None


def _branch(ref: object) -> str | None:
    """The name of a branch that is given in full: `refs/heads/main`."""
    return ref.removeprefix("refs/heads/") if isinstance(ref, str) else None


def _before(event: Mapping[str, Any]) -> str | None:
    """The commit that a branch was on before a push; all zeros when the branch is new."""
    before = event.get("before")
    return before if isinstance(before, str) and re.search("[1-9a-f]", before) else None


def _gitlab(environ: Mapping[str, str]) -> CiContext:
    # https://docs.gitlab.com/ci/variables/predefined_variables/
    number = _int(environ.get("CI_MERGE_REQUEST_IID"))
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")
    return CiContext(
        host="gitlab",
        event="pull_request" if number else environ.get("CI_PIPELINE_SOURCE") or "push",
        repository=environ.get("CI_PROJECT_PATH") or None,
        pull_request=number,
        from_fork=source is not None and source != environ.get("CI_PROJECT_PATH"),
        base_ref=environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME") or None,
        base_sha=environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA") or None,
        default_branch=environ.get("CI_DEFAULT_BRANCH") or None,
        head_ref=environ.get("CI_COMMIT_REF_NAME") or None,
        head_sha=environ.get("CI_COMMIT_SHA") or None,
        server_url=environ.get("CI_SERVER_URL") or "https://gitlab.com",
        api_url=environ.get("CI_API_V4_URL") or "https://gitlab.com/api/v4",
        run_url=environ.get("CI_PIPELINE_URL") or None,
        workflow=environ.get("CI_JOB_NAME") or None,
    )


def _jenkins(environ: Mapping[str, str]) -> CiContext:
    # The multibranch plugin's variables: https://www.jenkins.io/doc/book/pipeline/multibranch/
    number = _int(environ.get("CHANGE_ID"))
    return CiContext(
        host="jenkins",
        event="pull_request" if number else "push",
        pull_request=number,
        from_fork=bool(environ.get("CHANGE_FORK")),
        base_ref=environ.get("CHANGE_TARGET") or None,
        head_ref=environ.get("CHANGE_BRANCH") or environ.get("BRANCH_NAME") or None,
        head_sha=environ.get("GIT_COMMIT") or None,
        run_url=environ.get("BUILD_URL") or None,
        workflow=environ.get("JOB_NAME") or None,
    )


def _int(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None
