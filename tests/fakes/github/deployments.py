"""Deployments and their statuses. https://docs.github.com/en/rest/deployments"""

from __future__ import annotations

import re

from tests.fakes.github.repositories import node_id, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route
from tests.fakes.github.state import Deployment, DeploymentStatus, Repository

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
MAX_DESCRIPTION = 140


@route("GET", "/repos/{owner}/{repo}/deployments", "deployments")
def list_deployments(call: Call) -> Reply:
    """Newest first."""
    names = ("sha", "ref", "task", "environment")
    found = [
        one
        for one in reversed(call.repository.deployments)
        if all(call.query.get(name, "none") in {"none", getattr(one, name)} for name in names)
    ]
    return call.page([_deployment(call, one) for one in found])


@route("POST", "/repos/{owner}/{repo}/deployments", "deployments")
def create_deployment(call: Call) -> Reply:
    data = call.data()
    ref = data.get("ref")
    if not isinstance(ref, str):
        raise Refused(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
    sha = _commit(call.repository, ref)
    if sha is None:
        raise Refused(422, f"No ref found for: {ref}")
    _description(data, "Deployment")
    _contexts(call.repository, sha, data.get("required_contexts"))
    behind = ref not in {sha, call.repository.default_branch} and not _is_tag(call, ref)
    if data.get("auto_merge", True) and behind:
        branch = call.repository.default_branch
        raise Refused(409, f"Conflict merging {branch} into {ref}")
    environment = data.get("environment", "production")
    call.state.last_id += 1
    made = Deployment(
        id=call.state.last_id,
        sha=sha,
        ref=ref,
        task=data.get("task", "deploy"),
        environment=environment,
        payload=data.get("payload", ""),
        description=data.get("description"),
        creator=call.login,
        created_at=call.state.now(),
        transient=data.get("transient_environment", False),
        production=data.get("production_environment", environment == "production"),
    )
    call.repository.deployments.append(made)
    document = _deployment(call, made)
    return Reply(201, document, {"Location": document["url"]})


@route("GET", "/repos/{owner}/{repo}/deployments/{id:int}", "deployments")
def get_deployment(call: Call) -> Reply:
    return Reply(200, _deployment(call, _find(call)))


@route("GET", "/repos/{owner}/{repo}/deployments/{id:int}/statuses", "deployments")
def list_deployment_statuses(call: Call) -> Reply:
    """Newest first."""
    deployment = _find(call)
    return call.page([_status(call, deployment, one) for one in reversed(deployment.statuses)])


@route("POST", "/repos/{owner}/{repo}/deployments/{id:int}/statuses", "deployments")
def create_deployment_status(call: Call) -> Reply:
    deployment, data = _find(call), call.data()
    state = data.get("state")
    if state not in STATES:
        raise _invalid("DeploymentStatus", "state", "State is not included in the list")
    _description(data, "DeploymentStatus")
    for name in ("log_url", "target_url", "environment_url"):
        if data.get(name) and not data[name].startswith(("http://", "https://")):
            words = f"{name.replace('_', ' ').capitalize()} must use http(s) scheme"
            raise _invalid("DeploymentStatus", name, words)
    status = _add(call, deployment, state, data)
    if state == "success" and data.get("auto_inactive", True):
        for one in call.repository.deployments:
            same = one.environment == deployment.environment and one is not deployment
            # As documented, those of production stay: whoever deploys there has to say it.
            if same and one.state == "success" and not (one.transient or one.production):
                _add(call, one, "inactive", {})
    document = _status(call, deployment, status)
    return Reply(201, document, {"Location": document["url"]})


def _add(call: Call, deployment: Deployment, state: str, data: Json) -> DeploymentStatus:
    call.state.last_id += 1
    status = DeploymentStatus(
        id=call.state.last_id,
        state=state,
        creator=call.login,
        created_at=call.state.now(),
        description=data.get("description", ""),
        environment=data.get("environment", deployment.environment),
        environment_url=data.get("environment_url", ""),
        log_url=str(data.get("log_url") or data.get("target_url") or ""),
    )
    deployment.statuses.append(status)
    return status


def _find(call: Call) -> Deployment:
    for one in call.repository.deployments:
        if one.id == call.parameters["id"]:
            return one
    raise Refused(*NOT_FOUND)


def _commit(repository: Repository, ref: str) -> str | None:
    """The commit of a branch, a tag (also an annotated one), or itself."""
    for kind in ("heads", "tags"):
        if (sha := repository.refs.get(f"refs/{kind}/{ref}")) is not None:
            stored = repository.objects.get(sha)
            if stored is not None and stored.kind == "tag":
                return stored.content.decode().split("\n", maxsplit=1)[0].removeprefix("object ")
            return sha
    return ref if re.fullmatch(r"[0-9a-f]{40}", ref) and repository.knows(ref) else None


def _is_tag(call: Call, ref: str) -> bool:
    return f"refs/tags/{ref}" in call.repository.refs


def _contexts(repository: Repository, sha: str, wanted: list[str] | None) -> None:
    """All contexts of the commit by default, among them that of the job that deploys."""
    latest = {one.context: one.state for one in repository.statuses if one.sha == sha}
    latest |= {
        run.name: str(run.fields.get("conclusion") or "pending")
        for run in repository.check_runs
        if run.head_sha == sha
    }
    bad = [
        name
        for name in (latest if wanted is None else wanted)
        if latest.get(name) not in {"success", "neutral", "skipped"}
    ]
    if bad:
        words = f"Conflict: Commit status checks failed for: {','.join(bad)}."
        raise Refused(409, words)


def _description(data: Json, resource: str) -> None:
    if len(data.get("description") or "") > MAX_DESCRIPTION:
        words = f"Description is too long (maximum is {MAX_DESCRIPTION} characters)"
        raise _invalid(resource, "description", words)


def _invalid(resource: str, field: str, message: str) -> Refused:
    error = {"resource": resource, "code": "custom", "field": field, "message": message}
    return Refused(422, "Validation Failed", errors=[error])


def _deployment(call: Call, one: Deployment) -> Json:
    root = f"{call.root}/repos/{call.name}"
    url = f"{root}/deployments/{one.id}"
    return {
        "url": url,
        "id": one.id,
        "node_id": node_id("DE", one.id),
        "sha": one.sha,
        "ref": one.ref,
        "task": one.task,
        "payload": one.payload,
        "original_environment": one.environment,
        "environment": one.environment,
        "description": one.description,
        "creator": user_document(call, one.creator),
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": root,
        "transient_environment": one.transient,
        "production_environment": one.production,
        "performed_via_github_app": None,
    }


def _status(call: Call, deployment: Deployment, one: DeploymentStatus) -> Json:
    root = f"{call.root}/repos/{call.name}"
    url = f"{root}/deployments/{deployment.id}"
    return {
        "url": f"{url}/statuses/{one.id}",
        "id": one.id,
        "node_id": node_id("DES", one.id),
        "state": one.state,
        "creator": user_document(call, one.creator),
        "description": one.description,
        "environment": one.environment,
        "target_url": one.log_url,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "deployment_url": url,
        "repository_url": root,
        "environment_url": one.environment_url,
        "log_url": one.log_url,
        "performed_via_github_app": None,
    }
