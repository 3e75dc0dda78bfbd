"""The issue about an alarm: one for a model in an environment, which remembers what was told.

What it remembers stands in lines that nobody sees, at the top of its text: only who may write to
the repository can set the label and change the text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import ValidationError

from assay.forge import issues
from assay.forge.comment import hidden
from assay.monitor.causes import Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.forge.issues import Found
    from assay.forge.transport import Api

LABEL = "assay-monitor"
HIDDEN = 10_000
"""Characters that are kept free for what the issue remembers."""
_TOLD, _TEXT = "<!-- assay:told ", "<!-- assay:text "
_END = " -->"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The issue as it stands, and what it remembers."""

    issue: Found
    told: Told
    text: str
    """Tells the text that it shows from others."""


def look(api: Api, repository: str, matter: str) -> Standing | None:
    """The issue about a matter, open or closed.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    found = issues.find(api, repository, matter, label=LABEL, state="all")
    if found is None:
        return None
    lines = found.body.splitlines()[:4]
    return Standing(issue=found, told=_told(lines), text=_after(lines, _TEXT))


def _told(lines: list[str]) -> Told:
    """What is remembered; of what somebody broke, that nobody was told."""
    try:
        return Told.model_validate_json(unquote(_after(lines, _TOLD)))
    except ValidationError:
        return Told()


def _after(lines: list[str], start: str) -> str:
    found = (one for one in lines if one.startswith(start) and one.endswith(_END))
    return next(found, start + _END).removeprefix(start).removesuffix(_END)


def mark(*texts: str) -> str:
    """What tells texts from others."""
    return hashlib.sha256("\0".join(texts).encode(errors="backslashreplace")).hexdigest()[:32]


def body(markdown: str, *, told: Told, text: str, note: str = "") -> str:
    """A text with what the issue remembers.

    Args:
        markdown: What people see.
        told: Who knows of what.
        text: See `mark`.
        note: The line of the pictures that it shows, where there are any.
    """
    remembered = hidden(told.model_dump_json())
    lines = [f"{_TOLD}{remembered}{_END}", f"{_TEXT}{text}{_END}", *([note] if note else [])]
    return "\n".join([*lines, "", markdown])


def create(
    api: Api,
    repository: str,
    *,
    matter: str,
    title: str,
    body: str,
    sleep: Callable[[float], None],
) -> Found:
    """Open the issue, which is not there; see `issues.create`.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    return issues.create(
        api, repository, matter=matter, title=title, body=body, label=LABEL, sleep=sleep
    )
