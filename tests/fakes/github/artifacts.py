"""What runs uploaded. https://docs.github.com/en/rest/actions/artifacts"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.fakes.github.actions import find_run
from tests.fakes.github.repositories import node_id
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route

if TYPE_CHECKING:
    from tests.fakes.github.state import Artifact

STORAGE = "/storage/artifacts"


@route("GET", "/repos/{owner}/{repo}/actions/runs/{id:int}/artifacts", "actions")
def list_artifacts(call: Call) -> Reply:
    run = find_run(call)
    found = [one for one in call.repository.artifacts if one.run == run.id]
    if "name" in call.query:
        found = [one for one in found if one.name == call.query["name"]]
    return call.page([_document(call, one) for one in found], "artifacts")


@route("GET", "/repos/{owner}/{repo}/actions/artifacts/{id:int}", "actions")
def get_artifact(call: Call) -> Reply:
    return Reply(200, _document(call, _find(call)))


@route("GET", "/repos/{owner}/{repo}/actions/artifacts/{id:int}/{archive_format}", "actions")
def download_artifact(call: Call) -> Reply:
    """Leads to a storage of another name, which must not see the token."""
    if call.token is None:
        raise Refused(401, "Requires authentication")
    artifact = _find(call)
    if call.parameters["archive_format"] != "zip":
        raise Refused(*NOT_FOUND)
    if artifact.expired:
        raise Refused(410, "Artifact has expired")
    there = urlsplit(call.root)
    host = "localhost" if there.hostname != "localhost" else "127.0.0.1"
    url = f"{there.scheme}://{host}:{there.port}{STORAGE}/{artifact.id}.zip?sig=secret"
    return Reply(302, None, {"Location": url})


@route("GET", f"{STORAGE}/{{id:int}}.zip")
def get_zip(call: Call) -> Reply:
    """The storage: whoever has the address may read, and a token is an error."""
    if "authorization" in call.headers:
        raise Refused(403, "Server failed to authenticate the request.")
    if call.query.get("sig") != "secret":
        raise Refused(403, "Signature did not match.")
    for repository in call.state.repositories.values():
        for artifact in repository.artifacts:
            if artifact.id == call.parameters["id"]:
                return Reply(200, artifact.content, {"Content-Type": "application/zip"})
    raise Refused(*NOT_FOUND)


def _find(call: Call) -> Artifact:
    for artifact in call.repository.artifacts:
        if artifact.id == call.parameters["id"]:
            return artifact
    raise Refused(*NOT_FOUND)


def _document(call: Call, artifact: Artifact) -> Json:
    url = f"{call.root}/repos/{call.name}/actions/artifacts/{artifact.id}"
    run = next(run for run in call.repository.runs if run.id == artifact.run)
    until = datetime.fromisoformat(artifact.created_at) + timedelta(days=90)
    head = call.state.repositories.get(run.head_repository or call.name)
    return {
        "id": artifact.id,
        "node_id": node_id("A", artifact.id),
        "name": artifact.name,
        "size_in_bytes": len(artifact.content),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": artifact.expired,
        "digest": f"sha256:{hashlib.sha256(artifact.content).hexdigest()}",
        "created_at": artifact.created_at,
        "updated_at": artifact.created_at,
        "expires_at": f"{until:%Y-%m-%dT%H:%M:%SZ}",
        "workflow_run": {
            "id": run.id,
            "repository_id": call.repository.id,
            "head_repository_id": head.id if head else 1,
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
        },
    }
