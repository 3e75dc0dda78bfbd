"""Runs of workflows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.github.repositories import html, node_id
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
    runs.sort(key=lambda run: run.id, reverse=True)
    page = call.page([run_document(call, run) for run in runs])
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


def run_document(call: Call, run: WorkflowRun) -> Json:
    return {
        "id": run.id,
        "node_id": node_id("WFR", run.id),
        "name": run.workflow.removesuffix(".yml"),
        "path": f".github/workflows/{run.workflow}",
        "head_sha": run.head_sha,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "run_attempt": run.attempt,
        "html_url": html(call, "actions", "runs", run.id),
        "created_at": run.created_at or call.state.now(),
        "pull_requests": [],
    }
