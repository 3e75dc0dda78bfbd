"""Check runs of GitHub: one for each report and commit, brought up to date in place."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API
from assay.forge.transport import repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from assay.forge.transport import Api
    from assay.report.check import Annotation, CheckRun

PERMISSION = "checks: write"
BATCH = 50
"""Annotations that GitHub takes in one request; an update appends to those that are there."""
APP = "github-actions"
"""Whose check runs a workflow's `GITHUB_TOKEN` makes."""


@dataclass(frozen=True)
class _Found:
    """A check run of ours that exists."""

    id: int
    url: str
    annotations: int


def publish(
    api: Api,
    repository: str,
    run: CheckRun,
    sha: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Show a check run on a commit; the URL is where people see it.

    One of ours for the same commit (same name, app and `external_id`) is updated. What is on a
    line cannot be taken back, only added to: where one of ours annotates what is no longer so, a
    new one is made, and GitHub shows the newest of a name.
    https://docs.github.com/en/rest/checks/runs

    Args:
        api: The connection; its token needs `checks: write`.
        repository: `owner/name`.
        run: What to show.
        sha: The commit that the author pushed, in full.
        sleep: Waits before it looks again whether a creation, whose answer got lost, happened.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    return repeated(lambda: _publish_once(api, repository, run, sha), sleep=sleep)


def _publish_once(api: Api, repository: str, run: CheckRun, sha: str) -> str:
    runs = f"/repos/{repository}/check-runs"
    wanted = [_annotation(one) for one in run.annotations]
    found = _own(api, repository, run, sha)
    if found is not None:
        there = _annotated(api, f"{runs}/{found.id}", found.annotations)
        keys = {_key(one) for one in wanted}
        if all(_key(one) in keys for one in there):
            known = {_key(one) for one in there}
            missing = [one for one in wanted if _key(one) not in known]
            _update(api, f"{runs}/{found.id}", run, missing)
            return found.url
    made = api.request("POST", runs, {"head_sha": sha, **_content(run, wanted[:BATCH])})
    created = _check_run(made)
    for batch in _batches(wanted[BATCH:]):
        api.request("PATCH", f"{runs}/{created.id}", _content(run, batch))
    return created.url


def _update(
    api: Api, path: str, run: CheckRun, annotations: Sequence[Mapping[str, object]]
) -> None:
    for batch in _batches(annotations) if annotations else iter([()]):
        api.request("PATCH", path, _content(run, batch))


def _batches(
    annotations: Sequence[Mapping[str, object]],
) -> Iterator[Sequence[Mapping[str, object]]]:
    for start in range(0, len(annotations), BATCH):
        yield annotations[start : start + BATCH]


def _own(api: Api, repository: str, run: CheckRun, sha: str) -> _Found | None:
    """The newest check run of ours on a commit: of the same name, `external_id` and app."""
    listed = (
        f"/repos/{repository}/commits/{quote(sha, safe='')}/check-runs"
        f"?check_name={quote(run.name, safe='')}&filter=all"
    )
    newest: dict[str, _Found] = {}
    for item in api.pages(listed, key="check_runs"):
        match item:
            case {
                "name": run.name,
                "external_id": run.external_id,
                "app": {"slug": str(slug)},
            }:
                found = _check_run(item)
                newest[slug] = max(found, newest.get(slug, found), key=lambda one: one.id)
    # Whose token it is, only GraphQL tells; it is asked where another app has made such a run.
    return newest.get(APP if set(newest) <= {APP} else _app(api))


def _app(api: Api) -> str:
    try:
        return api.viewer().removesuffix("[bot]") or APP
    except ForgeError:
        return APP


def _annotated(api: Api, path: str, count: int) -> list[Mapping[str, object]]:
    """What a check run has on lines already; that costs no request where there is nothing."""
    if not count:
        return []
    return [item for item in api.pages(f"{path}/annotations") if isinstance(item, dict)]


def _check_run(item: object) -> _Found:
    match item:
        case {"id": int(number), "html_url": str(url), "output": {"annotations_count": int(count)}}:
            return _Found(number, url, count)
        case {"id": int(number), "html_url": str(url)}:
            return _Found(number, url, 0)
    raise ForgeError("GitHub sent no check run", hint=WRONG_API)


def _content(run: CheckRun, annotations: Sequence[Mapping[str, object]]) -> dict[str, object]:
    output: dict[str, object] = {"title": run.title, "summary": run.summary}
    if run.text is not None:
        output["text"] = run.text
    if annotations:
        output["annotations"] = list(annotations)
    content: dict[str, object] = {
        "name": run.name,
        "external_id": run.external_id,
        "status": "completed",
        "conclusion": run.conclusion,
        "output": output,
    }
    if run.details_url is not None:
        content["details_url"] = run.details_url
    return content


def _annotation(one: Annotation) -> dict[str, object]:
    fields = {name: value for name, value in asdict(one).items() if value is not None}
    fields["annotation_level"] = fields.pop("level")
    return fields


def _key(annotation: Mapping[str, object]) -> tuple[object, ...]:
    """What makes two annotations the same to a reader."""
    names = ("path", "start_line", "annotation_level", "title", "message")
    # GitHub keeps its own line ends and drops spaces.
    return tuple(" ".join(str(annotation.get(name)).split()) for name in names)
