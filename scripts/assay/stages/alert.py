"""Telling people what a watch found: the issue, the webhook, Prometheus, the page, the summary.

An alarm is told once, once more for each cause that joins, and once when it is over. What was told
is remembered in the issue itself; where there is none, in a file of `.assay/`. Nothing that goes
wrong here changes the verdict: it is a warning.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.errors import AssayError
from assay.forge.comment import encodable
from assay.monitor import causes, notice, publishing, webhook
from assay.monitor.causes import Told
from assay.notwritten import not_written
from assay.release import tagging
from assay.report import monitor, monitorpage
from assay.section import Fact, Reason
from assay.stages.alarmissue import AlarmIssue
from assay.workspace import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.configmonitor import AlertsSpec
    from assay.context import Context
    from assay.monitor.watched import MonitorSection

FILE = "told.json"
"""In `.assay/`: what was told, for who has no issue that remembers it."""


class Memory(Fact):
    """What was told, by what it was about."""

    told: dict[str, Told]


def tell(context: Context, section: MonitorSection, spec: AlertsSpec) -> tuple[Reason, ...]:
    """Tell everybody who is to know; returns a warning for each that could not be told.

    Args:
        context: The project; of its environment `GITHUB_STEP_SUMMARY` is used, and the variables
            that `spec` names.
        section: What was found.
        spec: Who is told, and how.
    """
    teller = _Teller(context, section, spec)
    with ExitStack() as stack:
        teller.listeners(stack)
    teller.page()
    teller.summary()
    teller.prometheus()
    return tuple(teller.warnings)


@dataclass
class _Teller:
    context: Context
    section: MonitorSection
    spec: AlertsSpec
    warnings: list[Reason] = field(default_factory=list)

    @property
    def matter(self) -> str:
        """What tells this alarm from those of other models and environments."""
        return f"monitor {self.section.model} {self.section.environment or ''}"

    def listeners(self, stack: ExitStack) -> None:
        """Those who are told once: the issue, and the webhook, which links to it."""
        issue = self._issue(stack) if self.spec.issue else None
        told = self._told(issue)
        if told.window is not None and self.section.newest.end < told.window:
            self.context.console.line("Nobody is told: people know of a newer window.")
            return
        event, heard = causes.news(told.issue, self.section)
        if issue is not None and event is not None:
            announced = partial(issue.announce, event, self._after(told, issue=heard))
            if not self._did("The issue", announced):
                issue, heard = None, told.issue
        url = issue.url if issue is not None else None
        after = self._after(told, issue=heard, webhook=self._webhook(told, url))
        if issue is not None:
            self._did("The issue", partial(issue.settle, event, after))
        self._remember(after)

    def _webhook(self, told: Told, issue: str | None) -> tuple[str, ...] | None:
        """Tell the webhook what is new; what it knows then."""
        event, heard = causes.news(told.webhook, self.section)
        if self.spec.webhook is None:
            return None
        if event is None:
            return heard
        found = notice.of(
            self.section,
            event,
            told,
            summary=monitor.summary(self.section, event, told),
            issue=issue,
            run=self.context.ci.run_url,
        )
        sent = partial(
            webhook.tell,
            found,
            self.spec.webhook,
            self.context.environ,
            form=self.spec.format,
            sleep=time.sleep,
        )
        return heard if self._did("The webhook was not told", sent) else told.webhook

    def _issue(self, stack: ExitStack) -> AlarmIssue | None:
        """The issue, as it stands at GitHub; `None` where that cannot be asked."""
        # Who looks at a window on a laptop tells nobody else of it.
        local = self.context.ci.host == "local"
        forge, repository = (None, "") if local else tagging.forge_of(self.context)
        if forge is None:
            why = "this is no job of a workflow" if local else "there is no token (GITHUB_TOKEN)"
            if causes.alarming(self.section):
                self.context.console.line(f"Nobody is told at GitHub: {why}.")
            return None
        issue = AlarmIssue(self.context, self.section, repository, self.matter)
        opened = partial(issue.open, forge, stack)
        return issue if self._did("The issue", opened) else None

    def _told(self, issue: AlarmIssue | None) -> Told:
        """What was told, as the issue remembers it, else this machine; a new runner derives it."""
        if issue is not None and issue.known is not None:
            return issue.known.told
        try:
            content = (self.context.workspace.state / FILE).read_bytes()
            kept = Memory.model_validate_json(content).told[self.matter]
        except (OSError, ValidationError, KeyError):
            new = self.context.ci.host != "local" and issue is None
            return causes.before(self.section) if new else Told()
        return kept if issue is None else kept.model_copy(update={"issue": None})

    def _after(self, told: Told, **heard: tuple[str, ...] | None) -> Told:
        """What is known afterwards, and since when the alarm lasts."""
        known = told.model_copy(update={**heard, "window": self.section.newest.end})
        over = known.issue is None and known.webhook is None
        since = None if over else told.since or causes.since(self.section)
        return known.model_copy(update={"since": since})

    def _remember(self, told: Told) -> None:
        text = Memory(told={self.matter: told}).model_dump_json()
        file = self.context.workspace.state / FILE
        self._did("What was told", partial(write_atomically, file, text))

    def page(self) -> None:
        """Every column of the window, beside `monitor.json`."""
        file = self.context.workspace.state / monitorpage.FILE
        text = encodable(monitorpage.render(self.section))
        self._did("The page", partial(write_atomically, file, text))

    def summary(self) -> None:
        """The step summary of GitHub Actions."""
        if path := self.context.environ.get("GITHUB_STEP_SUMMARY"):
            self._did(
                "The step summary", partial(_append, Path(path), monitor.markdown(self.section))
            )

    def prometheus(self) -> None:
        """The figures, for who watches them."""
        if (wanted := self.spec.prometheus) is not None:
            context = self.context
            folder = context.workspace.root
            found = publishing.publish(self.section, wanted, context.environ, folder=folder)
            self.warnings += found

    def _did(self, what: str, action: Callable[[], object]) -> bool:
        """Do something, or warn that it could not be done."""
        try:
            action()
        except AssayError as error:
            self.warnings.append(Reason.of(error, severity="warning", prefix=f"{what}: "))
            return False
        return True


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise not_written(path, error) from error
