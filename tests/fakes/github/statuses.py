"""Commit statuses. https://docs.github.com/en/rest/commits/statuses"""

from __future__ import annotations

from typing import Any

from tests.fakes.github.repositories import node_id, repository_document, user_document
from tests.fakes.github.routing import Call, Json, Refused, Reply, route
from tests.fakes.github.state import Status

STATES = ("error", "failure", "pending", "success")
MAX_DESCRIPTION = 140
MAX_STATUSES = 1000
"""Of one commit and context."""


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses")
def create_status(call: Call) -> Reply:
    sha, data = _commit(call), call.data()
    if data.get("state") not in STATES:
        _refuse("State is not included in the list", "state")
    context = data.get("context", "default")
    description, target = data.get("description"), data.get("target_url")
    if description is not None and len(description) > MAX_DESCRIPTION:
        _refuse(f"Description is too long (maximum is {MAX_DESCRIPTION} characters)", "description")
    if target and not target.startswith(("http://", "https://")):
        _refuse("Target url must use http(s) scheme", "target_url")
    known = call.repository.statuses
    if sum((one.sha, one.context) == (sha, context) for one in known) >= MAX_STATUSES:
        _refuse("This SHA and context has reached the maximum number of statuses.", "base")
    call.state.last_id += 1
    status = Status(
        id=call.state.last_id,
        sha=sha,
        state=data["state"],
        context=context,
        description=description,
        target_url=target,
        creator=call.login,
        created_at=call.state.now(),
    )
    known.append(status)
    document = _document(call, status)
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/commits/{sha}/statuses", "statuses")
def list_statuses(call: Call) -> Reply:
    """Newest first."""
    sha = _commit(call)
    found = [one for one in reversed(call.repository.statuses) if one.sha == sha]
    return call.page([_document(call, one) for one in found])


@route("GET", "/repos/{owner}/{repo}/commits/{sha}/status", "statuses")
def get_combined_status(call: Call) -> Reply:
    """The latest of every context, and what they come to."""
    sha = _commit(call)
    latest = {one.context: one for one in call.repository.statuses if one.sha == sha}
    states = {one.state for one in latest.values()}
    if states & {"error", "failure"}:
        state = "failure"
    else:
        state = "success" if states == {"success"} else "pending"
    url = f"{call.root}/repos/{call.name}/commits/{sha}"
    document = {
        "state": state,
        "statuses": [_short(call, one) for one in latest.values()],
        "sha": sha,
        "total_count": len(latest),
        "repository": repository_document(call, call.name),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Reply(200, document)


def _commit(call: Call) -> str:
    sha: str = call.parameters["sha"]
    sha = call.repository.refs.get(f"refs/heads/{sha}", sha)
    if not call.repository.knows(sha):
        raise Refused(422, f"No commit found for SHA: {sha}")
    return sha


def _refuse(message: str, field: str) -> None:
    error: dict[str, Any] = {"resource": "Status", "code": "custom", "field": field}
    raise Refused(422, "Validation Failed", errors=[{**error, "message": message}])


def _short(call: Call, status: Status) -> Json:
    return {
        "id": status.id,
        "node_id": node_id("SC", status.id),
        "url": f"{call.root}/repos/{call.name}/statuses/{status.sha}",
        "avatar_url": user_document(call, status.creator)["avatar_url"],
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": status.created_at,
        "updated_at": status.created_at,
    }


def _document(call: Call, status: Status) -> Json:
    return {**_short(call, status), "creator": user_document(call, status.creator)}
