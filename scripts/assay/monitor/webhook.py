"""A webhook is told what changed: a Slack message, or a document of our own.

The message is one that Slack, Mattermost and Rocket.Chat understand alike. What comes from columns,
models and versions is shown as it is: it forms no link, mentions nobody, and breaks no line.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Literal

from assay.console import printable
from assay.errors import OutsideError
from assay.forge.refusal import Refusal, seconds_to_wait
from assay.monitor.outgoing import UnansweredError, send
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.monitor.notice import Notice

RETRIES = 3
PATIENCE = 30.0
"""The longest pause, in seconds, that a retry is worth; the next run tries again anyway."""
LONGEST = 3_000
"""Characters of a Slack message, of which Slack itself takes 40,000."""
_GAP = "\u200b"
_ICONS = {"starts": "🔴", "changes": "🔴", "ends": "✅"}
# Slack's own: https://docs.slack.dev/messaging/formatting-message-text#escaping
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def tell(
    notice: Notice,
    variable: str,
    environ: Mapping[str, str],
    *,
    form: Literal["slack", "json"],
    sleep: Callable[[float], None],
) -> None:
    """Send it; where the webhook is busy or broken for a moment, again.

    Args:
        notice: What changed.
        variable: The environment variable with the address.
        environ: Where that is.
        form: What the webhook understands.
        sleep: Waits between two tries.

    Raises:
        UsageError: There is no address.
        OutsideError: It did not take it.
    """
    document = slack(notice) if form == "slack" else notice.model_dump(mode="json")
    body = json.dumps(document, ensure_ascii=False).encode(errors="backslashreplace")
    for attempt in range(RETRIES + 1):
        try:
            send(
                "POST",
                variable,
                environ,
                body=body,
                media="application/json; charset=utf-8",
                whose="the webhook",
            )
        except UnansweredError as error:
            # What got no answer may have been read: it is not said a second time now.
            pause = _pause(error, attempt)
            if pause is None or pause > PATIENCE or attempt == RETRIES:
                raise OutsideError(error.message, hint=error.hint) from None
            sleep(pause)
        else:
            return


def _pause(error: UnansweredError, attempt: int) -> float | None:
    """Seconds until it may be asked again; `None` where that cannot help."""
    busy = error.status == 429
    if not busy and (error.status or 0) < 500:
        return None
    if busy and error.retry_after:
        asked = Refusal(429, "", headers={"retry-after": error.retry_after})
        return seconds_to_wait(asked, attempt=attempt, now=time.time())
    return 2.0**attempt


def slack(notice: Notice) -> dict[str, object]:
    """The message, as an incoming webhook of Slack takes it."""
    lines = [f"{_ICONS[notice.event]} {literal(notice.summary)}"]
    links = [("issue", notice.issue), ("run", notice.run)]
    shown = " · ".join(f"<{url}|{name}>" for name, url in links if url and _is_plain(url))
    text = "\n".join([*lines, *([shown] if shown else [])])
    return {"text": text, "unfurl_links": False, "unfurl_media": False}


def _is_plain(url: str) -> bool:
    """Whether an address stays within the brackets of a link."""
    return re.fullmatch(r"https?://[\w.:/%#?=&~+-]+", url, re.ASCII) is not None


def literal(text: str) -> str:
    """Text on one line that Slack and those like it show as it is."""
    shown = short(printable(" ".join(text.split())), LONGEST)
    # Marks of formats, mentions, and addresses that would become links.
    parted = re.sub(r"([@#*_~`\[\]!]|:(?=//)|:(?=\w+:)|(?<=www)\.)", rf"\1{_GAP}", shown)
    return re.sub("[&<>]", lambda match: _ESCAPED[match[0]], parted)
