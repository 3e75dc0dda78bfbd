"""Runs of workflows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.github.pulls import pull_document
from tests.fakes.github.repositories import html, node_id, repository_document, user_document
from tests.fakes.github.routing import NOT_FOUND, Call, Json, Refused, Reply, route

if TYPE_CHECKING:
    from tests.fakes.github.state import WorkflowRun

MONTH = timedelta(days=30)


@route("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", "actions")
def list_runs(call: Call) -> Reply:
    """Newest first. https://docs.github.com/en/rest/actions/workflow-runs"""
    runs = [run for run in call.repository.runs if run.workflow == call.parameters["workflow"]]
    if not runs:
        raise Refused(*NOT_FOUND)
    for name in ("head_sha", "event"):
        runs = [run for run in runs if call.query.get(name) in {None, getattr(run, name)}]
    if status := call.query.get("status"):  # which may be a conclusion as well
        runs = [run for run in runs if status in {run.status, run.conclusion}]
    runs.sort(key=lambda run: run.id, reverse=True)
    return call.page([run_document(call, run) for run in runs], "workflow_runs")


@route("POST", "/repos/{owner}/{repo}/actions/runs/{id:int}/rerun-failed-jobs", "actions")
def rerun_failed_jobs(call: Call) -> Reply:
    """https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs"""
    run = find_run(call)
    if run.status != "completed":
        raise Refused(403, "This workflow is already running")
    if run.created_at and datetime.now(UTC) - datetime.fromisoformat(run.created_at) > MONTH:
        why = "Unable to retry this workflow run because it was created over a month ago"
        raise Refused(403, why)
    if run.conclusion not in {"failure", "timed_out", "cancelled"} or run.attempt >= 50:
        raise Refused(403, "This workflow run cannot be retried")
    run.status, run.conclusion, run.attempt = "queued", None, run.attempt + 1
    return Reply(201, {})


@route("GET", "/repos/{owner}/{repo}/actions/runs/{id:int}", "actions")
def get_run(call: Call) -> Reply:
    return Reply(200, run_document(call, find_run(call)))


def find_run(call: Call) -> WorkflowRun:
    for run in call.repository.runs:
        if run.id == call.parameters["id"]:
            return run
    raise Refused(*NOT_FOUND)


def run_document(call: Call, run: WorkflowRun) -> Json:
    root = f"{call.root}/repos/{call.name}"
    url = f"{root}/actions/runs/{run.id}"
    created = run.created_at or call.state.now()
    return {
        "id": run.id,
        "node_id": node_id("WFR", run.id),
        "name": run.workflow.removesuffix(".yml"),
        "display_title": "A change",
        "path": f".github/workflows/{run.workflow}",
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "run_number": run.id,
        "run_attempt": run.attempt,
        "run_started_at": created,
        "workflow_id": 1,
        "check_suite_id": 1,
        "url": url,
        "html_url": html(call, "actions", "runs", run.id),
        **{f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "artifacts", "cancel")},
        "rerun_url": f"{url}/rerun",
        "check_suite_url": f"{root}/check-suites/1",
        "workflow_url": f"{root}/actions/workflows/1",
        "head_commit": None,
        "created_at": created,
        "updated_at": created,
        "actor": user_document(call, run.actor),
        "triggering_actor": user_document(call, run.actor),
        "pull_requests": [_pull(call, number) for number in run.pulls],
        "repository": repository_document(call, call.name),
        "head_repository": repository_document(call, run.head_repository or call.name),
    }


def _pull(call: Call, number: int) -> Json:
    """A pull request as runs name it: shorter than by itself."""
    document = pull_document(call, number)
    ends = {
        side: {
            "ref": document[side]["ref"],
            "sha": document[side]["sha"],
            "repo": {key: document[side]["repo"][key] for key in ("id", "url", "name")},
        }
        for side in ("head", "base")
    }
    return {**{key: document[key] for key in ("id", "number", "url")}, **ends}
