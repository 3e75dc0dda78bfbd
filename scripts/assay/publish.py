"""Showing a report where the host of the run shows reports.

Each place asks for a permission of its own. What is refused costs that place alone: the others are
served, the log says which permission is missing, and the verdict stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay import connection
from assay.errors import ForgeError, UsageError
from assay.forge import assets, checks, cml, statuses
from assay.forge.assetbranch import BRANCH
from assay.forge.comment import Report, Run, marker
from assay.illustrations import Illustrations, illustrate
from assay.report import badge, check, markdown, places
from assay.report.annotations import limited
from assay.section import Reason
from assay.stages import report as reporting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.ci import CiContext
    from assay.context import Context
    from assay.forge import Posted
    from assay.forge.github import GitHubForge
    from assay.stages.report import ReportFiles

PLOTS = ("images", "charts", "none")
PUBLISHERS = ("github", "cml")
COMMENT = "Comment"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Where a report is to be shown, as the workflow asks.

    Raises:
        UsageError: `plots` or `publisher` is a word that means nothing.
    """

    comment: bool = False
    plots: str = "images"
    """Of `PLOTS`."""
    check_run: bool = False
    commit_status: bool = False
    badge: bool = False
    publisher: str = "github"
    """Of `PUBLISHERS`."""

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("plots", self.plots, PLOTS),
            ("publisher", self.publisher, PUBLISHERS),
        ):
            if value not in allowed:
                raise UsageError(f"`{name}` is {value!r}.", hint=f"Allowed: {', '.join(allowed)}.")


def page_link(ci: CiContext, artifact: str) -> str | None:
    """Where people find the whole report: among the artifacts of a run.

    Their own addresses are known only after the step that reports has ended.
    """
    return f"{ci.run_url}#artifacts" if ci.host == "github" and ci.run_url and artifact else None


def show(context: Context, wanted: Wanted, *, link: str | None = None) -> ReportFiles:
    """Write the report, and show it in every place that is asked for.

    Args:
        context: The run.
        wanted: Where to show it.
        link: Where people find all of it.
    """
    publication = _written(context, wanted, link, Run.of(context.environ))
    if context.ci.host == "github" and not wanted.check_run:
        for reason in limited(publication.parameters()):
            context.console.annotate(reason)
    for place, publish in publication.places():
        _serve(context, place, publish)
    return publication.files


def post(context: Context, wanted: Wanted, *, run: Run, link: str | None = None) -> Posted:
    """Write the report of another run, and show it; a comment that cannot be posted is an error.

    Args:
        context: That run, as this one knows it.
        wanted: Where to show it.
        run: Its number.
        link: Where people find all of it.

    Raises:
        ForgeError: The comment cannot be posted. The other places are served before.
    """
    publication = _written(context, wanted, link, run)
    for place, publish in publication.places():
        if place != COMMENT:
            _serve(context, place, publish)
    posted = publication.comment()
    context.console.line(f"{COMMENT}: {_told(posted)}")
    return posted


def _serve(context: Context, place: str, publish: Callable[[], str]) -> None:
    """Show it in one place; what is refused there is a warning."""
    try:
        context.console.line(f"{place}: {publish()}")
    except ForgeError as error:
        _tell(context, place, error)


def _written(context: Context, wanted: Wanted, link: str | None, run: Run) -> _Publication:
    pictured = wanted.comment and wanted.plots == "images" and wanted.publisher == "github"
    drawn = illustrate(context) if pictured else Illustrations()
    files = reporting.run(
        context, html_link=link, images=drawn.images, charts=wanted.plots != "none"
    )
    return _Publication(context, wanted, files, drawn.note, link, run)


@dataclass(frozen=True)
class _Publication:
    """A report that is written, and can be shown."""

    context: Context
    wanted: Wanted
    files: ReportFiles
    note: str
    """See `Illustrations`."""
    link: str | None
    run: Run

    @property
    def repository(self) -> str:
        return self.context.ci.repository or ""

    def places(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """What to show where, the most important first."""
        ci, wanted = self.context.ci, self.wanted
        on_github = ci.host == "github" and ci.repository is not None
        if wanted.comment and not (on_github and ci.pull_request):
            where = f"The {ci.event} event belongs to no pull request" if on_github else _ELSEWHERE
            self.context.console.line(f"{where}: nothing to post. See {self.files.markdown}.")
        elif wanted.comment:
            yield COMMENT, lambda: _told(self.comment())
        if on_github and wanted.check_run:
            yield "Check run", self.check_run
        if on_github and wanted.commit_status:
            yield "Commit status", self.commit_status
        if on_github and wanted.badge and _is_default(ci):
            yield "Badge", self.badge

    def comment(self) -> Posted:
        ci, record = self.context.ci, self.context.record
        if ci.pull_request is None:
            raise UsageError(f"The {ci.event} event belongs to no pull request.")
        body = self.files.markdown.read_text(encoding="utf-8")
        report = Report(
            body=f"{self.note}\n{body}" if self.note else body,
            marker=marker(record.comment_key),
            sha=record.pushed,
            run=self.run,
        )
        if self.wanted.publisher == "github":
            return self._forge().upsert_comment(pull_request=ci.pull_request, report=report)
        return cml.publish(
            report,
            server_url=ci.server_url,
            repository=self.repository,
            pull_request=ci.pull_request,
            token=connection.token(self.context.environ).get_secret_value(),
            environ=self.context.environ,
        )

    def check_run(self) -> str:
        record, verdict = self.context.record, self.files.verdict
        text = self.files.markdown.read_text(encoding="utf-8")

        def report(limit: int) -> str:
            if markdown.length(text) <= limit:
                return text
            return markdown.render(record, verdict=verdict, limit=limit, html_link=self.link)

        reasons = places.of(record, self.context.workspace.read)
        run = check.of(record, verdict, reasons=reasons, report=report, details_url=self.link)
        sha = self._commit()
        with self._forge().api(f"commit {sha[:7]}", permission=checks.PERMISSION) as api:
            return checks.publish(api, self.repository, run, sha)

    def commit_status(self) -> str:
        status = check.status(self.context.record, self.files.verdict, target_url=self.link)
        sha = self._commit()
        with self._forge().api(f"commit {sha[:7]}", permission=statuses.PERMISSION) as api:
            statuses.publish(api, self.repository, status, sha)
        return f"{status.context} is {status.state}"

    def badge(self) -> str:
        record = self.context.record
        files = badge.files(badge.of(record, self.files.verdict))
        with self._forge().api("the badge") as api:
            path = assets.put_badge(api, self.repository, key=record.comment_key, files=files)
        return assets.url(self.context.ci.server_url, self.repository, BRANCH, path)

    def parameters(self) -> tuple[Reason, ...]:
        """Notices on the parameters behind what got worse, with files from the root of git."""
        record = self.context.record
        return tuple(
            reason.model_copy(update={"file": f"{record.project}{reason.file}"})
            for reason in places.parameters(record, self.context.workspace.read)
        )

    def _forge(self) -> GitHubForge:
        return connection.connect(self.context.ci, self.context.environ)

    def _commit(self) -> str:
        if (sha := self.context.record.pushed) is None:
            raise ForgeError(
                "the run does not say which commit it is about",
                hint="Run it on a commit: `actions/checkout` before it.",
            )
        return sha


_ELSEWHERE = "This is no run of GitHub Actions"


def _told(posted: Posted) -> str:
    return f"{posted.action}, {posted.url}"


def _is_default(ci: CiContext) -> bool:
    return ci.pull_request is None and ci.head_ref is not None and ci.head_ref == ci.default_branch


def _tell(context: Context, place: str, error: ForgeError) -> None:
    if context.ci.from_fork:
        # Expected: a fork's token is read-only.
        message = f"{place}: not from a fork's run. The report is in the summary of the job."
        hint = "A second workflow can post it: see docs/forks.md."
        context.console.annotate(Reason(message=message, hint=hint, severity="note"))
        return
    message = f"{place} not posted: {error.message}"
    context.console.annotate(Reason(message=message, hint=error.hint, severity="warning"))
