"""accept: obeys `/assay accept` in one comment by running the check of its pull request again.

The check then finds the comment itself, by the same rules (`hearing.hear`). So all that this step
can do, whoever calls it, is to spend a runner's time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from assay.connection import connect
from assay.console import printable
from assay.errors import ForgeError, UsageError
from assay.override import judge
from assay.section import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.ci import CiContext
    from assay.console import Console
    from assay.forge.github import GitHubForge
    from assay.forge.runs import Rerun
    from assay.forge.thread import Thread, Voice
    from assay.override import Override

TRIES, PAUSE = 20, 15.0
"""How often, and after how many seconds, it is asked whether a run has ended.

Its report is posted a little before it ends, and that is when people answer.
"""


def answer(
    ci: CiContext,
    event: Mapping[str, Any],
    environ: Mapping[str, str],
    console: Console,
    *,
    workflow: str,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Run the check again if the comment counts, and answer it with a small picture.

    The event only says which comment: what it says by now, and who wrote it, is asked for.

    Args:
        ci: Where this runs.
        event: GitHub's `issue_comment`.
        environ: Holds the token.
        console: Where people read why a comment does not count.
        workflow: The name of the file of the workflow that checks.
        sleep: Waits between two looks at a run.

    Returns:
        Whether the comment counts.

    Raises:
        ForgeError: GitHub cannot be reached or refuses.
        UsageError: The event is no comment on a pull request.
    """
    number, comment = _asked(event)
    forge = connect(ci, environ)
    thread = forge.thread(number)
    voice = _voice(thread, comment)
    said = _judged(forge, thread, voice) if voice else ()
    for override in said:
        verb = "is not accepted" if override.refused else "is accepted"
        text = f"{printable(override.gate)} {verb} by {override.who}"
        message = f"{text}: {override.refused}." if override.refused else f"{text}."
        console.annotate(Reason(message=message, severity="note"))
    if not said:
        console.line(f"Comment {comment} asks for nothing.")
        return False
    counts = not all(override.refused for override in said)
    try:
        if counts:
            result = _rerun(forge, workflow, thread.head, sleep)
            console.line(_told(result, workflow, thread.head))
            counts = result.outcome in ("started", "running")
    except ForgeError:
        forge.react(comment, "confused")
        raise
    forge.react(comment, "+1" if counts else "confused")
    return counts


def _asked(event: Mapping[str, Any]) -> tuple[int, int]:
    match event:
        case {
            "issue": {"number": int(number), "pull_request": {}},
            "comment": {"id": int(comment)},
        }:
            return number, comment
    raise UsageError(
        "This event is no comment on a pull request.",
        hint="Let the workflow run `on: issue_comment`, `if: github.event.issue.pull_request`.",
    )


def _voice(thread: Thread, comment: int) -> Voice | None:
    urls = {one.url for one in thread.comments if one.id == comment}
    return next((voice for voice in thread.voices() if voice.url in urls), None)


def _judged(forge: GitHubForge, thread: Thread, voice: Voice) -> tuple[Override, ...]:
    """The comment as the check will see it; which gates failed is for that to say.

    There may be several comments of ours, one for each model: what counts for one is enough.
    """
    permitted = forge.writers([voice.who] if voice.person else [])
    words = [
        judge(
            [voice],
            permitted=permitted,
            author=thread.author,
            head=thread.head,
            shown=shown,
            gates=None,
        )
        for shown in [thread.shown(marker) for marker in sorted(thread.markers())] or [()]
    ]
    return max(words, key=lambda found: sum(not override.refused for override in found))


def _rerun(forge: GitHubForge, workflow: str, sha: str, sleep: Callable[[float], None]) -> Rerun:
    result = forge.rerun(workflow, sha)
    for _ in range(TRIES):
        if result.outcome != "running":
            break
        sleep(PAUSE)
        result = forge.rerun(workflow, sha)
    return result


def _told(result: Rerun, workflow: str, sha: str) -> str:
    return {
        "started": f"The check runs again: {result.url}",
        "running": f"The check runs, and will find the comment: {result.url}",
        "passed": f"The check has passed, so there is nothing to accept: {result.url}",
        "none": f"{printable(workflow)} has not run for {sha[:7]} on a pull request.",
    }[result.outcome]
