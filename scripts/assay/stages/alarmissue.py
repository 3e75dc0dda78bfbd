"""The issue about an alarm: opened, brought up to date, closed. There is never a second one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from assay import illustrations
from assay.errors import AssayError
from assay.forge import issues, standing
from assay.forge.assetplan import slug
from assay.illustrations import Illustrations
from assay.report import monitor

if TYPE_CHECKING:
    from contextlib import ExitStack

    from assay.context import Context
    from assay.forge.github import GitHubForge
    from assay.forge.standing import Standing
    from assay.forge.transport import Api
    from assay.monitor.causes import News, Told
    from assay.monitor.watched import MonitorSection

_STATES: dict[News | None, Literal["open", "closed"] | None] = {
    "starts": "open",
    "ends": "closed",
}
"""What the issue becomes. Else it stays what it is: whoever closed it has read it."""


@dataclass
class AlarmIssue:
    """The issue about one model in one environment.

    Args:
        context: The project.
        section: What was found.
        repository: `owner/name`.
        matter: What it is about.
    """

    context: Context
    section: MonitorSection
    repository: str
    matter: str
    known: Standing | None = None
    """As it stands; `None` where there is none."""
    _api: Api = field(init=False)

    def open(self, forge: GitHubForge, stack: ExitStack) -> None:
        """Look at GitHub how it stands; the connection is closed with `stack`.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        api = forge.api("the issue", permission=issues.PERMISSION)
        self._api = stack.enter_context(api)
        self.known = standing.look(self._api, self.repository, self.matter)

    @property
    def url(self) -> str | None:
        """Where people read it."""
        return self.known.issue.url if self.known else None

    def announce(self, event: News, after: Told) -> None:
        """Say what is new: open the issue, or add a comment. Done twice, it is said once.

        Args:
            event: What is new.
            after: What is told by this.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        if self.known is None:
            if event == "starts":
                self._create(after)
        elif event == "starts" or self.known.issue.open:
            text = monitor.comment(self.section, event, self.known.told)
            since = after.since or self.known.told.since
            issues.comment(
                self._api,
                self.repository,
                self.known.issue.number,
                event=f"{event} {since} {standing.mark(*(after.issue or ()))}",
                body=text,
                sleep=time.sleep,
            )

    def settle(self, event: News | None, after: Told) -> None:
        """Show how things are now; open or close the issue where that is due.

        Raises:
            ForgeError: GitHub refuses, or cannot be reached.
        """
        known = self.known
        if known is None:
            return
        was = known.told
        if event is None and was.issue is None and was.webhook == after.webhook:
            return  # there was no alarm, and there is none
        mark, state = self._mark(), _STATES.get(event)
        stands = state is None or (state == "open") == known.issue.open
        if stands and was == after and known.text == mark:
            return
        title = monitor.title(self.section) if self.section.state.alarm else known.issue.title
        issues.rewrite(
            self._api,
            self.repository,
            known.issue.number,
            matter=self.matter,
            title=title,
            body=self._body(after, shown=known.issue.body),
            state=state,
        )
        self.context.console.line(f"issue: {known.issue.url}")

    def _create(self, after: Told) -> None:
        made = standing.create(
            self._api,
            self.repository,
            matter=self.matter,
            title=monitor.title(self.section),
            body=self._body(after, shown=""),
            sleep=time.sleep,
        )
        self.known = standing.Standing(issue=made, told=after, text=self._mark())
        self.context.console.line(f"issue: {made.url}")

    def _mark(self) -> str:
        return standing.mark(monitor.markdown(self.section))

    def _body(self, after: Told, *, shown: str) -> str:
        pictures = self._pictures(shown)
        text = monitor.markdown(
            self.section,
            images=pictures.images,
            run_url=self.context.ci.run_url,
            limit=issues.spare(self.matter) - standing.HIDDEN,
        )
        return standing.body(text, told=after, text=self._mark(), note=pictures.note)

    def _pictures(self, shown: str) -> Illustrations:
        """What moved and when, as pictures; the tables say all of it, too."""
        from assay.report import monitorcharts, pictures

        if not self.section.state.alarm:
            return Illustrations()
        drawn = pictures.of_charts(monitorcharts.of(self.section))
        try:
            return illustrations.place(
                self.context,
                self._api,
                self.repository,
                drawn,
                key=slug(self.matter),
                shown=shown,
            )
        except AssayError as error:
            self.context.console.line(f"The issue has no pictures: {error.message}")
            return Illustrations()
