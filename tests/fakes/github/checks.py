"""Check runs. https://docs.github.com/en/rest/checks/runs"""

from __future__ import annotations

from typing import Any

from tests.fakes.github.repositories import html, node_id, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route
from tests.fakes.github.state import EPOCH, CheckRun

MAX_ANNOTATIONS = 50
"""In one request."""
MAX_TEXT = 65_535
LEVELS = ("notice", "warning", "failure")
FIELDS = ("status", "conclusion", "details_url", "external_id", "started_at", "completed_at")


@route("POST", "/repos/{owner}/{repo}/check-runs", "checks")
def create_check_run(call: Call) -> Reply:
    _only_apps(call)
    data = call.data()
    needed = {name: data.get(name) for name in ("name", "head_sha")}
    if "output" in data:  # an update may leave its title as it is
        needed["title"] = data["output"].get("title")
    for name, value in needed.items():
        if not value:
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    if not call.repository.knows(data["head_sha"]):
        raise Refused(422, f"No commit found for SHA: {data['head_sha']}")
    call.state.last_id += 1
    run = CheckRun(call.state.last_id, call.login, data["head_sha"], data["name"])
    _change(call, run, {"status": "queued", "started_at": call.state.now(), **data})
    call.repository.check_runs.append(run)
    document = _document(call, run)
    return Reply(201, document, {"Location": document["url"]})


@route("PATCH", "/repos/{owner}/{repo}/check-runs/{id:int}", "checks")
def update_check_run(call: Call) -> Reply:
    _only_apps(call)
    run = _find(call)
    if run.app != call.login:
        why = "Check run can only be modified by the GitHub App that created it."
        raise Refused(403, f"Invalid app_id `{len(call.login)}` - {why}")
    _change(call, run, call.data())
    return Reply(200, _document(call, run))


@route("GET", "/repos/{owner}/{repo}/check-runs/{id:int}", "checks")
def get_check_run(call: Call) -> Reply:
    return Reply(200, _document(call, _find(call)))


@route("GET", "/repos/{owner}/{repo}/check-runs/{id:int}/annotations", "checks")
def list_annotations(call: Call) -> Reply:
    return call.page([_annotation(call, _find(call), one) for one in _find(call).annotations])


@route("GET", "/repos/{owner}/{repo}/commits/{sha}/check-runs", "checks")
def list_check_runs(call: Call) -> Reply:
    """The latest of every name, unless `filter=all`; newest first."""
    sha = call.parameters["sha"]
    sha = call.repository.refs.get(f"refs/heads/{sha}", sha)
    if not call.repository.knows(sha):
        raise Refused(422, f"No commit found for SHA: {sha}")
    runs = [run for run in call.repository.check_runs if run.head_sha == sha]
    if call.query.get("filter", "latest") == "latest":
        runs = list({(run.app, run.name): run for run in runs}.values())
    for given, value in call.query.items():
        if given == "check_name":
            runs = [run for run in runs if run.name == value]
        elif given == "status":
            runs = [run for run in runs if run.fields["status"] == value]
    return call.page([_document(call, run) for run in reversed(runs)], "check_runs")


def _only_apps(call: Call) -> None:
    if call.token is None or call.token.kind != "app":
        raise Refused(403, "You must authenticate via a GitHub App.")


def _find(call: Call) -> CheckRun:
    for run in call.repository.check_runs:
        if run.id == call.parameters["id"]:
            return run
    raise Refused(*NOT_FOUND)


def _change(call: Call, run: CheckRun, data: Json) -> None:
    output = data.get("output", {})
    _check_output(output)
    if data.get("status") == "completed" and not (data.get("conclusion")):
        raise Refused(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    run.name = data.get("name", run.name)
    run.fields |= {name: data[name] for name in FIELDS if name in data}
    if run.fields.get("conclusion"):  # a conclusion completes a run
        run.fields["status"] = "completed"
        run.fields.setdefault("completed_at", call.state.now())
    run.output |= {name: output[name] for name in ("title", "summary", "text") if name in output}
    run.annotations += output.get("annotations", [])  # an update adds to what is there


def _check_output(output: Json) -> None:
    if output and "summary" not in output:
        raise Refused(422, 'Invalid request.\n\n"summary" wasn\'t supplied.')
    for name in ("summary", "text"):
        if (size := len(output.get(name) or "")) > MAX_TEXT:
            why = f"Only {MAX_TEXT} characters are allowed; {size} were supplied."
            raise Refused(422, f"Invalid request.\n\n{why}")
    annotations: list[dict[str, Any]] = output.get("annotations", [])
    if (size := len(annotations)) > MAX_ANNOTATIONS:
        why = f"No more than {MAX_ANNOTATIONS} items are allowed; {size} were supplied."
        raise Refused(422, f"Invalid request.\n\n{why}")
    for one in annotations:
        _check_annotation(one)


def _check_annotation(one: Json) -> None:
    for name in ("path", "start_line", "end_line", "annotation_level", "message"):
        if name not in one:
            raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    if one["annotation_level"] not in LEVELS:
        why = f"{one['annotation_level']} is not a member of {list(LEVELS)}."
        raise Refused(422, f"Invalid request.\n\n{why}")
    columns = {"start_column", "end_column"} & set(one)
    if columns and one["start_line"] != one["end_line"]:
        raise Refused(422, "Columns can only be given for an annotation on a single line")
    for name, size in (("message", 65_536), ("raw_details", 65_536), ("title", 255)):
        # Kilobytes, so bytes and not characters
        if len((one.get(name) or "").encode()) > size:
            raise Refused(422, f"Invalid request.\n\n{name} exceeds {size} bytes.")


def _annotation(call: Call, run: CheckRun, given: Json) -> Json:
    blank = dict.fromkeys(["start_column", "end_column", "title", "raw_details"])
    page = html(call, "blob", run.head_sha, given["path"])
    return {**blank, **given, "blob_href": page}


def _document(call: Call, run: CheckRun) -> Json:
    url = f"{call.root}/repos/{call.name}/check-runs/{run.id}"
    page = html(call, "runs", run.id)
    slug = run.app.removesuffix("[bot]")
    blank = dict.fromkeys(FIELDS)
    return {
        **blank,
        **run.fields,
        "id": run.id,
        "node_id": node_id("CR", run.id),
        "head_sha": run.head_sha,
        "name": run.name,
        "external_id": run.fields.get("external_id", ""),
        "url": url,
        "html_url": page,
        "details_url": run.fields.get("details_url", page),
        "output": {
            **dict.fromkeys(["title", "summary", "text"]),
            **run.output,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": 1},
        "app": {
            "id": 15368,
            "slug": slug,
            "node_id": node_id("A", 15368),
            "owner": user_document(call, "github"),
            "name": slug.replace("-", " ").title(),
            "description": "",
            "external_url": f"https://github.com/apps/{slug}",
            "html_url": f"https://github.com/apps/{slug}",
            "created_at": f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
            "updated_at": f"{EPOCH:%Y-%m-%dT%H:%M:%SZ}",
            "permissions": {"checks": "write"},
            "events": [],
        },
        "pull_requests": [],
    }
