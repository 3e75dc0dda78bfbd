"""GitHub's deployments: which version an environment has, as the repository's page shows it.

https://docs.github.com/en/rest/deployments
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from assay.errors import ForgeError
from assay.forge.refusal import WRONG_API, LookAgainError
from assay.forge.transport import repeated
from assay.report.wording import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from assay.forge.transport import Api

PERMISSION = "deployments: write"
LONGEST = 140
"""Characters of a description."""
RECENT = 30
"""How many deployments back an earlier one is looked for that still counts as active."""
_OPEN = 5
"""How many deployments back one may be under way still."""

State = Literal["queued", "in_progress", "success", "failure", "error", "inactive"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A deployment that is about to begin."""

    ref: str
    """The tag of the version."""
    environment: str
    task: Literal["deploy", "rollback"]
    description: str
    run: str
    """What tells it from every other one."""
    facts: Mapping[str, str]
    """What programs may want to know: name, version, digest."""


class Deployments:
    """The deployments of one repository.

    Args:
        api: The connection; its token needs `deployments: write`.
        repository: `owner/name`.
        sleep: Waits before it looks again whether a request, whose answer got lost, happened.
    """

    def __init__(self, api: Api, repository: str, *, sleep: Callable[[float], None]) -> None:
        self._api = api
        self._root = f"/repos/{repository}/deployments"
        self._sleep = sleep

    def create(self, wanted: Wanted) -> int:
        """A deployment of a version; its number.

        GitHub would merge the default branch into what is deployed, and ask for statuses of which
        one is the job that deploys: both are switched off.

        Raises:
            RejectedError: There is no such tag.
            ForgeError: GitHub refuses, or cannot be reached.
        """
        document = {
            "ref": wanted.ref,
            "environment": wanted.environment,
            "task": wanted.task,
            "description": short(wanted.description, LONGEST),
            "payload": {**wanted.facts, "run": wanted.run},
            "auto_merge": False,
            "required_contexts": [],
        }

        def once() -> int:
            try:
                return _number(self._api.request("POST", self._root, document))
            except LookAgainError:
                for number, run in self._ours(wanted.environment):
                    if run == wanted.run:
                        return number
                raise

        return repeated(once, sleep=self._sleep)

    def tell(
        self,
        number: int,
        state: State,
        description: str,
        *,
        log_url: str | None = None,
        environment_url: str | None = None,
    ) -> None:
        """Say how far a deployment is. Twice is as good as once.

        Args:
            number: Of the deployment.
            state: Of `State`.
            description: In a sentence; what is longer than `LONGEST` is cut.
            log_url: Where to read along.
            environment_url: Where users meet the version.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        document = {"state": state, "description": short(description, LONGEST)}
        if log_url:
            document["log_url"] = log_url
        if environment_url:
            document["environment_url"] = environment_url
        path = f"{self._root}/{number}/statuses"
        repeated(lambda: self._api.request("POST", path, document), sleep=self._sleep)

    def retire(self, environment: str, *, but: int, description: str) -> None:
        """Say of our deployment that was active before that it is not any more.

        GitHub does that by itself, except where users are: in an environment called `production`.

        Args:
            environment: Where.
            but: The one that is active now.
            description: Why.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        for number, _ in self._ours(environment):
            if number == but:
                continue
            state = self._state(number)
            if state == "success":
                self.tell(number, "inactive", description)
            if state in {"success", "inactive"}:
                return  # who became active retired all before

    def end_open(self, environment: str, description: str) -> None:
        """Say of our deployments that are under way that they ended: whoever made them is dead.

        Args:
            environment: Where.
            description: Why.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        for number, _ in islice(self._ours(environment), _OPEN):
            if self._state(number) in {"pending", "queued", "in_progress"}:
                self.tell(number, "error", description)

    def _ours(self, environment: str) -> Iterator[tuple[int, str]]:
        """Number and run of the newest deployments that we made, the newest first.

        GitHub makes some of its own, for jobs with an environment.
        """
        listed = self._api.pages(f"{self._root}?environment={quote(environment, safe='')}")
        for item in islice(listed, RECENT):
            match item:
                case {"id": int(number), "payload": {"run": str(run), "digest": str()}}:
                    yield number, run

    def _state(self, number: int) -> str:
        listed = self._api.request("GET", f"{self._root}/{number}/statuses?per_page=1")
        match listed:
            case [{"state": str(state)}]:
                return state
            case []:
                return "pending"
        raise ForgeError("GitHub sent no statuses of a deployment", hint=WRONG_API)


def _number(data: object) -> int:
    match data:
        case {"id": int(number)}:
            return number
    raise ForgeError("GitHub sent no deployment", hint=WRONG_API)
