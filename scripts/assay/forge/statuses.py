"""Commit statuses of GitHub: one line on a commit, for rules of branches and for other programs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API
from assay.forge.transport import repeated

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.forge.transport import Api
    from assay.report.check import CommitStatus

PERMISSION = "statuses: write"


def publish(
    api: Api,
    repository: str,
    status: CommitStatus,
    sha: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Set a status on a commit.

    The newest of a context is the one that counts. What is there is not asked for: that would cost
    a request each time to save one now and then, and GitHub takes a thousand for each context.
    https://docs.github.com/en/rest/commits/statuses#create-a-commit-status

    Args:
        api: The connection; its token needs `statuses: write`.
        repository: `owner/name`.
        status: What to show.
        sha: The commit that the author pushed, in full.
        sleep: Waits before it is set again where the answer got lost; twice is as good as once.

    Raises:
        ForgeError: GitHub refuses, or cannot be reached.
    """
    data = {
        "state": status.state,
        "context": status.context,
        "description": status.description,
    }
    if status.target_url is not None:
        data["target_url"] = status.target_url
    path = f"/repos/{repository}/statuses/{quote(sha, safe='')}"
    match repeated(lambda: api.request("POST", path, data), sleep=sleep):
        case {"state": str(), "context": str()}:
            return
    raise ForgeError("GitHub sent no commit status", hint=WRONG_API)
