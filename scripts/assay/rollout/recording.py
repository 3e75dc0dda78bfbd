"""Saying at GitHub what became of a rollout: the one place that does.

A rollout, and above all a rollback, must not depend on it: what GitHub refuses, or does not answer,
is a warning. Who is in a stage comes first, for that is what others go by.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

from assay.errors import AssayError
from assay.forge import assets, deployments, issues
from assay.forge.assetplan import slug
from assay.forge.deployments import Deployments, Wanted
from assay.forge.issues import Issue
from assay.release import gto, tagging
from assay.release.lookup import Lookup
from assay.release.tagname import TagName
from assay.report import pictures, rollout, rolloutcharts
from assay.report.rollout import Told
from assay.rollout import stagetag
from assay.rollout.stagetag import AtGitHub, InClone

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.context import Context
    from assay.forge.deployments import State
    from assay.forge.github import GitHubForge
    from assay.report.images import Image
    from assay.rollout.outcome import Ending, Outcome
    from assay.rollout.targets.base import VersionId

Answer = TypeVar("Answer")
_STATES: dict[Ending, State] = {
    "promoted": "success",
    "nothing to do": "success",
    "error": "error",
    "interrupted": "error",
}
"""What a deployment came to; every other ending is a failure of it."""
_SILENT = ("promoted", "nothing to do")
"""Endings of which nobody has to be told."""


@dataclass
class Recording:
    """What is said of one environment.

    Args:
        context: The project.
        environment: Its name.
        url: Where users meet it.
    """

    context: Context
    environment: str
    url: str | None
    warnings: list[str] = field(default_factory=list)
    """What could not be said."""
    _deployment: int | None = None

    def __post_init__(self) -> None:
        self._forge, self._repository = tagging.forge_of(self.context)

    def begin(self, version: VersionId, tag: str, *, run: str) -> None:
        """A deployment begins.

        Args:
            version: What is deployed.
            tag: That registered it.
            run: The rollout.
        """
        self._deployment = self._created(version, tag, "deploy", run)
        self._tell("in_progress", f"{version} is on its way, step by step.")

    def broke(self, error: BaseException) -> None:
        """A rollout that was to begin ended without an outcome."""
        reason = error.message if isinstance(error, AssayError) else type(error).__name__
        self._tell("error", f"It did not begin: {reason}")

    def end(self, outcome: Outcome) -> Told:
        """A rollout, a rollback or its resumption has ended."""
        if self._forge is None and outcome.ending != "nothing to do":
            self.warnings.append(
                "GitHub shows nothing of this: there is no token (GITHUB_TOKEN), or origin is "
                "somewhere else."
            )
        self._attempt("The stage", partial(self._stage, outcome))
        title = rollout.title(self._told(outcome))
        if outcome.verb != "deploy" and outcome.ending != "nothing to do":
            # Of whoever was killed, or is refused from now on.
            self._deployments("The deployment", lambda d: d.end_open(self.environment, title))
        if outcome.verb == "rollback" and outcome.ending == "rolled back" and outcome.version:
            # By hand: the older version is deployed anew.
            tag = _tag(self.context, outcome.version)
            self._deployment = self._created(outcome.version, tag, "rollback", outcome.rollout)
            self._tell("success", title)
        else:
            self._tell(_STATES.get(outcome.ending, "failure"), title)
        if outcome.ending in _SILENT or outcome.verb == "rollback":
            self._retire(f"{outcome.stable} is there now.")
        if outcome.ending not in _SILENT:
            self._attempt("An issue", partial(self._issue, outcome))
        return self._told(outcome)

    def _told(self, outcome: Outcome) -> Told:
        return Told(
            outcome=outcome,
            environment=self.environment,
            url=self.url,
            run_url=self.context.ci.run_url,
            warnings=tuple(self.warnings),
        )

    def _attempt(self, what: str, action: Callable[[], Answer]) -> Answer | None:
        try:
            return action()
        except AssayError as error:
            hint = f" {error.hint}" if error.hint else ""
            said = f"{what} could not be recorded: {error.message.rstrip('.')}.{hint}"
            self.warnings.append(said)
            return None

    def _deployments(self, what: str, action: Callable[[Deployments], Answer]) -> Answer | None:
        if (forge := self._forge) is None:
            return None

        def ask() -> Answer:
            subject = f"`{self.environment}`"
            with forge.api(subject, permission=deployments.PERMISSION) as api:
                return action(Deployments(api, self._repository, sleep=time.sleep))

        return self._attempt(what, ask)

    def _created(
        self, version: VersionId, tag: str, task: Literal["deploy", "rollback"], run: str
    ) -> int | None:
        wanted = Wanted(
            ref=tag,
            environment=self.environment,
            task=task,
            description=f"{version.name} {version.version}",
            run=run,
            facts=version.model_dump(),
        )
        return self._deployments("The deployment", lambda known: known.create(wanted))

    def _tell(self, state: State, text: str) -> None:
        if (number := self._deployment) is None:
            return
        self._deployments(
            "The state of the deployment",
            lambda known: known.tell(
                number,
                state,
                text,
                log_url=self.context.ci.run_url,
                environment_url=self.url if state == "success" else None,
            ),
        )

    def _retire(self, text: str) -> None:
        if (number := self._deployment) is not None:
            self._deployments(
                "The end of the deployment before",
                lambda known: known.retire(self.environment, but=number, description=text),
            )

    def _stage(self, outcome: Outcome) -> None:
        """The tag that says who is in the stage, where the tags do not say it."""
        subject = outcome.stable or outcome.version
        if subject is None:
            return
        if not outcome.asked or (outcome.stable is None and outcome.before):
            self.warnings.append(
                f"Who is in `{self.environment}` now is not known, so no tag says it: look at "
                f"`assay rollout status --env {self.environment}`."
            )
            return
        write = partial(
            stagetag.record,
            name=subject.name,
            stage=self.environment,
            version=outcome.stable.version if outcome.stable else None,
            message=rollout.title(self._told(outcome)),
        )
        git = self.context.workspace.git
        if self._forge is None:
            made = write(InClone(git, time.time))
        else:
            with self._forge.api("the tags") as api:
                lookup = Lookup(api, self._repository, sleep=time.sleep)
                who = _tagger(self.context)
                made = write(
                    AtGitHub(api, self._repository, lookup, git, who, time.sleep, time.time)
                )
        if made is not None:
            self.context.console.line(f"tagged {made}")

    def _issue(self, outcome: Outcome) -> None:
        """For people: what happened, with the evidence."""
        subject = outcome.before if outcome.verb == "rollback" else outcome.version
        if self._forge is None:
            return
        images, told = self._images(self._forge, outcome), self._told(outcome)
        matter, event = f"{self.environment}/{subject}", outcome.rollout
        issue = Issue(
            title=rollout.title(told),
            body=rollout.markdown(told, images=images, limit=issues.room(matter, event)),
            matter=matter,
            event=event,
        )
        with self._forge.api("an issue", permission=issues.PERMISSION) as api:
            url = issues.publish(api, self._repository, issue, sleep=time.sleep)
        self.context.console.line(f"issue: {url}")

    def _images(self, forge: GitHubForge, outcome: Outcome) -> tuple[Image, ...]:
        """Charts of what failed, where an issue can show them; without them it says all, too."""
        drawn = pictures.of_charts(rolloutcharts.of(outcome))
        if not drawn:
            return ()
        files = {path: content for one in drawn for path, content in one.files.items()}
        try:
            with forge.api("pictures") as api:
                commit = assets.store(
                    api,
                    self._repository,
                    files=files,
                    key=slug(f"rollout {outcome.rollout}"),
                    pull_request=None,
                    now=datetime.now(UTC),
                )
        except AssayError as error:
            self.context.console.line(f"The issue has no pictures: {error.message}")
            return ()
        url = partial(assets.url, self.context.ci.server_url, self._repository, commit)
        return tuple(one.published(url) for one in drawn)


def _tag(context: Context, version: VersionId) -> str:
    """The tag that registered a version, by this clone; GTO may have given it a counter."""
    with contextlib.suppress(AssayError):
        found = gto.read(context.workspace.git).artifact(version.name).find(version.version)
        if found is not None:
            return found.tag
    return str(TagName(version.name, "register", version.version))


def _tagger(context: Context) -> tuple[str, str]:
    """Who started this, with the address that GitHub gives everybody; on a laptop, git's user."""
    actor = context.environ.get("GITHUB_ACTOR")
    if not actor:
        git = context.workspace.git
        name, mail = git.text("config", "user.name"), git.text("config", "user.email")
        if name and mail:
            return name, mail
        actor = "github-actions[bot]"
    number = context.environ.get("GITHUB_ACTOR_ID") or "41898282"
    return actor, f"{number}+{actor}@users.noreply.github.com"
