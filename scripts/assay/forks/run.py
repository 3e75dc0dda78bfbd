"""comment: post the report of a run that was not allowed to post it itself."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import hearing
from assay.config import Config
from assay.connection import connect
from assay.context import Context
from assay.errors import AssayError, ConfigError, UsageError
from assay.forge.comment import Run
from assay.forks import (
    UntrustedError,
    account,
    artifact,
    hostile,
    identity,
    quoted,
    rules,
    source,
)
from assay.forks.identity import Given
from assay.report import outputs
from assay.section import Reason
from assay.verdict import decide
from assay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.ci import CiContext
    from assay.console import Console
    from assay.forge import Posted
    from assay.forge.transport import Api
    from assay.forks.source import UntrustedRun
    from assay.record import RunRecord

WHICH = ("forks", "all")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The inputs of the action."""

    run: str = ""
    """The number of the untrusted run; empty: of the event."""
    artifact: str = "assay-report"
    pull_requests: str = "forks"
    """`forks`: those whose own run may not post; `all`."""
    given: Given = field(default_factory=Given)


@dataclass(frozen=True)
class Here:
    """This trusted run."""

    ci: CiContext
    environ: Mapping[str, str]
    """Holds the token."""
    console: Console
    show: Callable[[Context, Run], Posted]
    """Writes the report of a context, and posts it on the pull request of its record, as what a
    run found: the untrusted one, whose number says which report is the newer."""

    @property
    def repository(self) -> str:
        """`owner/name`.

        Raises:
            UsageError: This is no run of GitHub's.
        """
        if self.ci.host != "github" or self.ci.repository is None:
            raise UsageError("Only a run of GitHub Actions can post for another one.")
        return self.ci.repository


@dataclass(frozen=True)
class Found:
    """What an untrusted run left, before anything in it is believed."""

    record: RunRecord
    said: tuple[str, ...] = ()
    """What was left out of it."""
    problem: UntrustedError | None = None
    """Why there is no record that could be used."""


def run(here: Here, event: Mapping[str, Any], options: Options) -> tuple[Posted, ...]:
    """Post the report of the run that the event is about, on each pull request that it is of.

    Args:
        here: Where this takes place.
        event: GitHub's `workflow_run`; it only says which run. What that was is asked for.
        options: What to post, and as what.

    Returns:
        The comments; none where there is nothing to post, and the log says why.

    Raises:
        ForgeError: GitHub cannot be reached or refuses.
        UsageError: An input is wrong, or the run has not ended.
    """
    if options.pull_requests not in WHICH:
        allowed = f"Allowed: {', '.join(WHICH)}."
        raise UsageError(f"`pull-requests` is {options.pull_requests!r}.", hint=allowed)
    repository, number = here.repository, source.run_id(options.run, event)
    with connect(here.ci, here.environ).api(f"run {number}") as api:
        untrusted = source.find(api, repository, number)
        why = _no_need(untrusted, everything=options.pull_requests == "all")
        pulls = source.Pulls(()) if why else source.pulls(api, repository, untrusted)
        if not pulls.found:
            here.console.line(f"Nothing is posted for {untrusted.url}: {why or _no_pull(pulls)}.")
            return ()
        found = read(api, repository, untrusted, options.artifact)
        trusted = [
            identity.Identity(ci=identity.ci_of(here.ci, untrusted, pull), given=options.given)
            for pull in pulls.found
        ]
        records = [_record(api, untrusted, one, found, _several(pulls)) for one in trusted]
    if found.problem is not None:
        here.console.annotate(Reason.of(found.problem, severity="warning"))
    contexts = [_heard(here, record, found.record) for record in records]
    # Check runs and statuses are the commit's, and it may be the head of a second pull request,
    # into a branch of few rules: what stops one of them is said last, and stays.
    contexts.sort(key=lambda context: decide(context.record).exit_code != 0)
    return tuple(_post(here, untrusted, context) for context in contexts)


def _no_need(run: UntrustedRun, *, everything: bool) -> str:
    if run.event != "pull_request":
        return f"it was started by `{run.event}`, and not by a pull request"
    if not run.read_only and not everything:
        return "it was of a branch of this repository, and posts its report itself"
    return source.WITHOUT_REPORT.get(run.conclusion, "")


def _no_pull(pulls: source.Pulls) -> str:
    if pulls.moved_to:
        return f"the pull request is at {pulls.moved_to[:7]} by now, which has a run of its own"
    return "no open pull request is at its commit"


def _several(pulls: source.Pulls) -> tuple[str, ...]:
    if len(pulls.found) < 2:
        return ()
    numbers = ", ".join(f"`#{pull.number}`" for pull in pulls.found)
    text = (
        f"This commit is the head of several pull requests ({numbers}), and GitHub does not say "
        "for which of them the run was. Each gets this report, judged by the rules of its base."
    )
    return (text,)


def read(api: Api, repository: str, run: UntrustedRun, name: str) -> Found:
    """The record that a run uploaded, if there is one that can be used.

    Raises:
        ForgeError: GitHub cannot be asked.
    """
    found = artifact.find(api, repository, run.id, name)
    if found is None:
        problem = UntrustedError(
            f"The check ended ({run.conclusion or 'unknown'}) and left no report.",
            hint=f"Read its log: {run.url}",
        )
        return Found(hostile.nothing(run.started), problem=problem)
    try:
        content = artifact.download(api, repository, found)
        record, cuts = hostile.parse(artifact.record(content))
        identity.check_commit(record, run)
    except UntrustedError as error:
        return Found(hostile.nothing(run.started), problem=error)
    except AssayError:
        raise
    except Exception as error:  # noqa: BLE001 (an archive may be made to break what reads it)
        problem = UntrustedError(f"The record cannot be read: {quoted(type(error).__name__)}.")
        return Found(hostile.nothing(run.started), problem=problem)
    return Found(record, cuts)


def _record(
    api: Api,
    run: UntrustedRun,
    trusted: identity.Identity,
    found: Found,
    said: tuple[str, ...],
) -> RunRecord:
    """The record as it is published on one pull request."""
    certain = identity.certain(found.record, run, trusted)
    if found.problem is not None:
        return account.unusable(certain, run, found.problem)
    ci, path = trusted.ci, trusted.given.rules
    try:
        base = rules.fetch(api, ci.repository or "", path, ci.base_sha or "")
    except ConfigError as error:
        message = f"The rules of base cannot be read, so nothing is judged: {error.message}"
        without = certain.model_copy(update={"config": Config()})
        return account.unusable(without, run, UntrustedError(message, hint=error.hint))
    if base is not None and not certain.title:
        certain = certain.model_copy(update={"title": base.report.title})
    said = (*said, *found.said, *identity.differences(found.record, trusted))
    try:
        return account.judged(certain, base, path, run, said)
    except Exception as error:  # noqa: BLE001 (numbers that no run gives may lead anywhere)
        return _beyond_us(certain, run, "judged", error)


def _beyond_us(record: RunRecord, run: UntrustedRun, what: str, error: Exception) -> RunRecord:
    """Nothing but that the record is none that can be worked with: it may be made for that."""
    problem = UntrustedError(f"The record cannot be {what}: {quoted(type(error).__name__)}.")
    kept = ("created", "ci", "project", "head", "comment_key", "title")
    bare = hostile.nothing(run.started)
    bare = bare.model_copy(update={name: getattr(record, name) for name in kept})
    return account.unusable(bare, run, problem)


def _heard(here: Here, record: RunRecord, claimed: RunRecord) -> Context:
    """What a report is made in, with what people said in its record."""
    # A new folder, and not the work tree: on a runner of one's own that may hold anything.
    scratch = tempfile.mkdtemp(prefix="assay-comment-", dir=here.environ.get("RUNNER_TEMP"))
    context = Context(
        config=record.config,
        workspace=Workspace(Path(scratch), here.environ),
        # The record is of a fork; this run is not, so that what it cannot post is an error.
        ci=record.ci.model_copy(update={"from_fork": False}),
        record=record,
        console=here.console,
        clock=time.monotonic,
        environ=here.environ,
    )
    context = hearing.hear(
        context, key=record.comment_key, title=record.title, provenance=record.provenance
    )
    return context.with_record(account.with_words(context.record, claimed))


def _post(here: Here, run: UntrustedRun, context: Context) -> Posted:
    found = context.record.provenance
    for difference in found.differences if found else ():
        here.console.annotate(Reason(message=difference, severity="warning"))
    found_by = Run(id=run.id, attempt=run.attempt)
    try:
        posted = here.show(context, found_by)
    except AssayError:
        raise
    except Exception as error:  # noqa: BLE001 (a record must not keep us from saying so)
        here.console.trace()
        without = _beyond_us(context.record, run, "drawn", error)
        posted = here.show(context.with_record(without), found_by)
    if path := here.environ.get("GITHUB_OUTPUT"):
        told = {"pull-request": str(context.ci.pull_request), "comment-url": posted.url}
        outputs.write(Path(path), told)
    return posted
