"""Pictures and badges in the user's own repository, on a branch that shares no history with theirs.

Everything goes through GitHub's git data API: no git program, and no checkout is touched. What is
done is worked out by `assetplan`.

Nothing is half visible. Files, tree and commit come first, and nothing leads to them; a report is
posted only after the branch keeps them. When two runs are there at once, GitHub refuses the
slower one's fast forward, and it looks again.

Where pictures are dropped, the branch has to be forced, and the API has no "only if it is still
what I read"; so it is read again right before. If another run, adding or dropping, comes in between
all the same, what it added is not kept by the branch. Such pictures are seen until GitHub collects
what nothing leads to, and stored again by the next report on that pull request that draws something
else, or comes after `assetplan.FRESH`.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.errors import AssayError, ForgeError
from assay.forge import assetplan
from assay.forge.assetbranch import BRANCH, Branch
from assay.forge.assetplan import Entry, Plan, Tip, slug
from assay.forge.refusal import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from assay.forge.transport import Api

LARGEST = 5 * 2**20
"""Bytes of one file."""
LARGEST_TOGETHER = 20 * 2**20
README = """\
Assay keeps the pictures of its reports, and its badges, on this branch: the badges in this folder,
the pictures in commits that the message of the last commit lists. Nothing else uses it, and it may
be deleted at any time: comments that are there by then lose their pictures, and the next report
makes it anew.
"""
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_RULES = ("rule violation", "protected branch", "protected ref", "cannot force-push")


def url(server_url: str, repository: str, commit: str, path: str) -> str:
    """Where a file is seen by whoever may see the repository, and by nobody else.

    GitHub redirects a person who is logged in to the file, with a token of theirs for a private
    repository; `raw.githubusercontent.com` itself knows no log in. Its documentation writes
    `blob/...?raw=true`, which redirects to this form.
    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#images

    Args:
        server_url: `GITHUB_SERVER_URL`.
        repository: `owner/name`.
        commit: What `store` returned, or the branch.
        path: Of the file in it.
    """
    return f"{server_url.rstrip('/')}/{repository}/raw/{commit}/{quote(path)}"


def badge_path(key: str, suffix: str = "svg") -> str:
    """Where a report's badge is on the branch."""
    return f"badges/{slug(key)}.{suffix}"


def store(
    api: Api,
    repository: str,
    *,
    files: Mapping[str, bytes],
    key: str,
    pull_request: int | None,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
    spread: Callable[[], float] = random.random,
) -> str:
    """Commit a report's pictures; the commit comes back by which they are linked.

    For n different files that is n + 6 requests. Look at `assetplan.known` first: what the
    comment shows already need not be stored.

    Args:
        api: The connection; its token needs `contents: write`.
        repository: `owner/name`.
        files: By path: `roc-light.png`.
        key: Of the report, where a pull request has several.
        pull_request: Its number.
        now: The time.
        sleep: Waits before the branch is looked at again.
        spread: Between 0 and 1, how a pause differs, so that runs do not meet again.

    Raises:
        ForgeError: GitHub refuses, or they are too large; the report then does without pictures.
        AssayError: A path is not what it may be, which drawing has to prevent.
    """
    _check(files)
    branch = Branch(api, repository, sleep=sleep, spread=spread)
    try:
        commit = branch.commit("Pictures of a report", branch.tree(branch.blobs(files)), ())
        entry = Entry(
            commit=commit,
            date=now.astimezone(UTC).replace(microsecond=0),
            size=sum(map(len, files.values())),
            pull_request=pull_request,
            key=slug(key),
        )
        branch.follow(
            lambda tip: assetplan.adding(tip, entry, now=now),
            lay=lambda tip: tip.tree if tip else branch.texts({"README.md": README}),
            gently=lambda tip: assetplan.adding(tip, entry, now=now, prune=False),
        )
    except ForgeError as error:
        raise _explained(error, repository) from error
    return commit


def ask(api: Api, repository: str) -> None:
    """Ask by the smallest request whether pictures may be stored, before any is drawn.

    There is no other way to know: GitHub tells nobody what a job's token may do.

    Raises:
        ForgeError: They may not.
    """
    branch = Branch(api, repository, sleep=time.sleep, spread=random.random)
    try:
        branch.blobs({"README.md": README.encode()})
    except ForgeError as error:
        raise _explained(error, repository) from error


def put_badge(
    api: Api,
    repository: str,
    *,
    key: str,
    files: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
    spread: Callable[[], float] = random.random,
) -> str:
    """Put a badge on the branch, unless it is there; its path comes back, for `url`.

    Three requests when nothing has changed, six otherwise.

    Args:
        api: The connection; its token needs `contents: write`.
        repository: `owner/name`.
        key: Of the report.
        files: Texts by suffix: `svg`, `json`.
        sleep: See `store`.
        spread: See `store`.

    Raises:
        ForgeError: GitHub refuses.
    """
    wanted = {badge_path(key, suffix): text for suffix, text in files.items()}
    branch = Branch(api, repository, sleep=sleep, spread=spread)

    def decide(tip: Tip | None) -> Plan | None:
        if tip is None:
            return Plan(((),), ())
        present = branch.listed(tip.tree)
        if all(present.get(path) == _blob_name(text) for path, text in wanted.items()):
            return None
        return Plan(((tip.sha,),), tip.entries)

    def lay(tip: Tip | None) -> str:
        texts = wanted if tip else {"README.md": README, **wanted}
        return branch.texts(texts, base=tip.tree if tip else None)

    try:
        branch.follow(decide, lay=lay)
    except ForgeError as error:
        raise _explained(error, repository) from error
    return badge_path(key)


def _check(files: Mapping[str, bytes]) -> None:
    if not files:
        raise AssayError("there are no pictures to store")
    for path, content in files.items():
        if not _PATH.fullmatch(path):
            raise AssayError(
                f"{path!r} is no path of a picture: letters, digits, hyphens, dots, underscores"
            )
        if len(content) > LARGEST:
            raise ForgeError(
                f"the picture {path} has {len(content):,} bytes; at most {LARGEST:,} are stored"
            )
    if (together := sum(map(len, files.values()))) > LARGEST_TOGETHER:
        raise ForgeError(
            f"the pictures have {together:,} bytes together; "
            f"at most {LARGEST_TOGETHER:,} are stored"
        )


def _blob_name(text: str) -> str:
    """The name that git gives to a file's content."""
    content = text.encode()
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _explained(error: ForgeError, repository: str) -> ForgeError:
    """The refusal, where it is about the branch or the repository rather than the request."""
    said = error.message.lower()
    if "repository is empty" in said:
        return ForgeError(
            f"{repository} has no commit yet: it can hold no pictures ({_said(error)})",
            hint="Push a first commit.",
        )
    if "archived" in said:
        return ForbiddenError(
            f"{repository} is archived: it takes no pictures ({_said(error)})",
            hint="Unarchive it in its settings.",
        )
    if any(words in said for words in _RULES):
        return ForbiddenError(
            f"a rule of {repository} protects the branch {BRANCH} ({_said(error)})",
            hint=f"Exclude `{BRANCH}` from the branch rules in the repository's settings, "
            "or set `plots: charts` to do without images.",
        )
    return error


def _said(error: ForgeError) -> str:
    """GitHub's own words in a message that ends with them."""
    found = re.search(r"\((\d{3}: .*)\)", error.message)
    return found[1] if found else error.message
