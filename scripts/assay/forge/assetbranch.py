"""The branch that keeps pictures and badges, by GitHub's git data API.

https://docs.github.com/en/rest/git
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from assay.errors import ForgeError
from assay.forge import assetplan
from assay.forge.assetplan import Plan, Tip
from assay.forge.refusal import WRONG_API, LookAgainError, MissingError
from assay.forge.transport import repeated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.forge.transport import Api

Decide = Callable[[Tip | None], Plan | None]

BRANCH = "assay-assets"
TRIES = 8
"""How often the branch is looked at again because another run was faster; half a minute or so."""
LONGEST_PAUSE = 8.0
"""Seconds, half more or less by chance."""

_FILE = "100644"
_OUTRUN = (
    "not a fast forward",
    "reference already exists",
    "reference does not exist",
    "reference cannot be updated",
    "(409: ",
)
"""What GitHub says when the branch is no longer what we read."""
_log = logging.getLogger(__name__)


class OutrunError(Exception):
    """The branch is no longer what the plan was made for."""


class Branch:
    """Requests about the branch."""

    def __init__(
        self,
        api: Api,
        repository: str,
        *,
        sleep: Callable[[float], None],
        spread: Callable[[], float],
    ) -> None:
        self._api = api
        self._git = f"/repos/{repository}/git"
        self._sleep = sleep
        self._spread = spread

    def follow(
        self, decide: Decide, *, lay: Callable[[Tip | None], str], gently: Decide | None = None
    ) -> None:
        """Move the branch as decided, as often as another run was faster.

        Args:
            decide: What to do with the tip.
            lay: Makes the tree of the next tip.
            gently: What to do instead once GitHub refused to force the branch.

        Raises:
            ForgeError: GitHub refuses, or others are faster every time.
        """
        for attempt in range(TRIES):
            if attempt:
                self._pause(attempt)
            tip = self.read()
            plan = decide(tip)
            if plan is None:
                return
            try:
                self.apply(plan, tip, lay(tip))
            except OutrunError:
                continue
            except ForgeError as error:
                if not plan.force or gently is None:
                    raise
                # Many repositories forbid to force any branch. Then nothing is dropped.
                _log.info("the branch %s cannot be pruned: %s", BRANCH, error.message)
                decide = gently
                continue
            return
        raise ForgeError(
            f"the branch {BRANCH} kept moving while it was written to, {TRIES} times",
            hint="Many jobs store pictures at this moment: run this one again.",
        )

    def apply(self, plan: Plan, tip: Tip | None, tree: str) -> None:
        """Make the next tip, and have the branch point to it.

        Raises:
            OutrunError: It points elsewhere by now than it did.
        """
        previous: tuple[str, ...] = ()
        for parents in plan.parents:
            message = assetplan.message(plan.entries)
            previous = (self.commit(message, tree, (*previous, *parents)),)
        (sha,) = previous
        if plan.force and self._sha() != (tip.sha if tip else None):
            raise OutrunError
        try:
            if tip is None:
                ref = {"ref": f"refs/heads/{BRANCH}", "sha": sha}
                self._api.request("POST", f"{self._git}/refs", ref)
            else:
                path = f"{self._git}/refs/heads/{BRANCH}"
                self._api.request("PATCH", path, {"sha": sha, "force": plan.force})
        except LookAgainError:  # it may have happened: then there is nothing left to do
            raise OutrunError from None
        except ForgeError as error:
            if any(said in error.message.lower() for said in _OUTRUN):
                raise OutrunError from None
            raise

    def read(self) -> Tip | None:
        """The branch, if there is one."""
        sha = self._sha()
        if sha is None:
            return None
        match self._api.request("GET", f"{self._git}/commits/{sha}"):
            case {"tree": {"sha": str(tree)}, "message": str(message)}:
                return Tip(sha, tree, assetplan.entries(message))
        raise ForgeError(f"GitHub sent no commit for {sha}", hint=WRONG_API)

    def listed(self, tree: str) -> dict[str, str]:
        """The names of all that is below a tree, by path."""
        match self._api.request("GET", f"{self._git}/trees/{tree}?recursive=1"):
            case {"tree": list(lines)}:
                return {
                    line["path"]: _name(line)
                    for line in lines
                    if isinstance(line, dict) and isinstance(line.get("path"), str)
                }
        raise ForgeError(f"GitHub sent no tree for {tree}", hint=WRONG_API)

    def blobs(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store the files, equal ones once; the names of the blobs come back, by path."""
        names: dict[bytes, str] = {}
        for content in files.values():
            if content not in names:
                text = base64.b64encode(content).decode("ascii")
                names[content] = self._make("blobs", {"content": text, "encoding": "base64"})
        return {path: names[content] for path, content in files.items()}

    def tree(self, blobs: Mapping[str, str]) -> str:
        """Store a tree of blobs."""
        lines = [_line(path, sha=name) for path, name in blobs.items()]
        return self._make("trees", {"tree": lines})

    def texts(self, texts: Mapping[str, str], *, base: str | None = None) -> str:
        """Store a tree of texts, and of what else is in another one; that needs no blobs."""
        lines = [_line(path, content=text) for path, text in texts.items()]
        return self._make("trees", {"tree": lines} | ({"base_tree": base} if base else {}))

    def commit(self, message: str, tree: str, parents: Sequence[str]) -> str:
        """Store a commit.

        No author is given: GitHub then takes the token's own and signs what a job's token makes,
        as a repository's rules may ask for.
        https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
        """
        return self._make("commits", {"message": message, "tree": tree, "parents": list(parents)})

    def _make(self, kind: str, data: Mapping[str, object]) -> str:
        """Store an object; its name comes back.

        It may be sent again when the answer is lost: what nothing leads to harms nobody.
        """
        path = f"{self._git}/{kind}"
        once = partial(self._api.request, "POST", path, data)
        return _name(repeated(once, sleep=self._sleep, spread=self._spread))

    def _sha(self) -> str | None:
        try:
            answer = self._api.request("GET", f"{self._git}/ref/heads/{BRANCH}")
        except MissingError:
            return None
        match answer:
            case {"object": dict(target)}:
                return _name(target)
        raise ForgeError(f"GitHub does not say where {BRANCH} is", hint=WRONG_API)

    def _pause(self, attempt: int) -> None:
        self._sleep(min(0.25 * 2**attempt, LONGEST_PAUSE) * (0.5 + self._spread()))


def _line(path: str, **what: str) -> dict[str, str]:
    return {"path": path, "mode": _FILE, "type": "blob", **what}


def _name(answer: object) -> str:
    match answer:
        case {"sha": str(sha)} if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha):
            return sha
    raise ForgeError("GitHub does not say what an object is called", hint=WRONG_API)
