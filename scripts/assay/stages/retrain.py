"""retrain: a candidate trained on newer data, and the pull request that it comes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from assay.console import printable
from assay.errors import ForgeError, RepositoryError, UsageError
from assay.forge.comment import MAX_BODY
from assay.forge.github import ACTIONS_BOT
from assay.forge.proposals import Wanted
from assay.monitor import watched
from assay.monitor.watched import MonitorSection
from assay.report import retrain as report
from assay.retrain import changes, decision, marks, merging, outcome, training
from assay.retrain import desk as desks
from assay.retrain.outcome import Outcome

if TYPE_CHECKING:
    from assay.context import Context
    from assay.retrain.branch import Found, Pushed
    from assay.retrain.decision import Attempt, Decision, Why
    from assay.retrain.desk import Desk


@dataclass(frozen=True)
class Wish:
    """What a person or a workflow asked for."""

    why: Why | None = None
    """`None`: whatever the alarm is about."""
    merge_only: bool = False
    """Only look whether the open pull request can be merged."""
    dry_run: bool = False
    """Say whether it would be trained, and do nothing."""


def run(context: Context, wish: Wish) -> Outcome:
    """Decide, train, and open the pull request.

    Raises:
        UsageError: What is configured or checked out does not allow it.
        OutsideError: GitHub, origin or the DVC remote cannot be reached, or refuse.
    """
    return decide(context, wish) or train(context) or propose(context)


def decide(context: Context, wish: Wish) -> Outcome | None:
    """Whether to train anew; what it came to where the answer is no, else nothing.

    Before, an open pull request is merged that may be.

    Raises:
        UsageError: What is configured or checked out does not allow it.
        OutsideError: GitHub or origin cannot be reached, or refuse.
    """
    outcome.clear(context.workspace)
    found = _monitored(context)
    with desks.opened(context) as desk:
        merged = None if wish.dry_run else _merged(desk)
        if merged is not None and (merged.ending == "merged" or wish.merge_only):
            return merged
        if wish.merge_only:
            why = "There is no open pull request that could be merged, or `retrain.merge` is never."
            return Outcome(ending="not now", reason=why)
        spec, now = context.config.retrain, datetime.now(UTC)
        decided = decision.decide(wish.why, spec, found, desk.history, now)
        outcome.save(context.workspace, decided)
        if not wish.dry_run:
            _tell(desk, decided)
        if not decided.retrain or wish.dry_run:
            return _without_training(desk, decided, merged)
        _check_out(context, desk.branch.found)
    context.console.line(f"Retraining: {printable(decided.reason)}")
    for note in decided.notes:
        context.console.line(f"note: {printable(note)}")
    return None


def _check_out(context: Context, found: Found) -> None:
    """Refuse to begin anywhere but at the newest commit of the default branch."""
    git = context.workspace.git
    if git.is_dirty():
        raise RepositoryError(
            "Tracked files differ from the commit, and would get into the retraining.",
            hint="Commit them first, or put them away: `git stash`.",
        )
    if git.head() != found.base:
        raise RepositoryError(
            f"What is checked out is not the newest commit of `{found.default}`, where a "
            "retraining begins.",
            hint=f"`git switch {found.default} && git pull`; in a workflow, run it on that branch.",
        )


def _without_training(desk: Desk, decided: Decision, merged: Outcome | None) -> Outcome:
    current = desk.current
    ending = "would retrain" if decided.outcome == "retrain" else decided.outcome
    return Outcome(
        ending=ending,
        reason=decided.reason,
        notes=(*decided.notes, *((merged.reason,) if merged is not None else ())),
        hint=report.AGAIN if decided.outcome == "given up" else None,
        number=current.number if current else None,
        url=current.url if current else None,
        decision=decided,
    )


def _tell(desk: Desk, decided: Decision) -> None:
    """Say once that retraining does not help; and note that the alarm is over."""
    for attempt in desk.history:
        if attempt.number == decided.last:
            desk.say(attempt, f"🛑 {decided.reason}", report.AGAIN)
            desk.remember(attempt, stopped=True)
        if attempt.number in decided.over:
            desk.remember(attempt, stopped=False)


def _merged(desk: Desk) -> Outcome | None:
    """Merge the open pull request, or say why not; nothing where that is not asked for."""
    current = desk.current
    if current is None or desk.context.config.retrain.merge == "never":
        return None
    try:
        against = _against(desk, current)
    except ForgeError as error:  # the candidate can be judged by a person all the same
        against = [f"{error.message.rstrip('.')}. {error.hint or ''}".strip().rstrip(".")]
    where = {"number": current.number, "url": current.url}
    if against:
        reason = f"#{current.number} was not merged by itself: {'; '.join(against)}."
        return Outcome(ending="not now", reason=reason, **where)
    reason = f"#{current.number} is merged: every gate says superior. Release it to have it used."
    return Outcome(ending="merged", reason=reason, **where)


def _against(desk: Desk, current: Attempt) -> list[str]:
    """Merge, or say what speaks against it."""
    proposed = next(one.head for one in desk.listed if one.number == current.number)
    workflow = desk.context.config.release.checked_by
    record, why = merging.look(desk.api, desk.repository, workflow, proposed)
    facts = merging.Facts(
        head=desk.branch.found.head,
        base=desk.branch.found.base,
        proposed=proposed,
        ours=current.seen,
        people=desk.branch.people(),
        record=record,
        failing=desk.proposals.failing(proposed),
        refused_by=desk.proposals.refused_by(current.number),
        why_none=why,
    )
    against = list(merging.objections(facts))
    if not against:
        title = f"Merge pull request #{current.number}: every gate says superior"
        desk.proposals.merge(current.number, sha=proposed, title=title)
    return against


def train(context: Context) -> Outcome | None:
    """Bring the data in, and train; what it came to where no candidate comes of it, else nothing.

    It runs the project's code, and needs no token.

    Raises:
        UsageError: There is no pipeline, or no remote.
        OutsideError: The data cannot be brought, pulled or pushed.
    """
    decided = outcome.load(context.workspace, decision.Decision)
    trained = training.run(context)
    outcome.save(context.workspace, trained)
    if trained.ending == "failed":
        why = training.why_failed(trained)
        return Outcome(
            ending="failed",
            reason=f"{why.message} No pull request was opened or changed.",
            hint=why.hint,
            decision=decided,
            trained=trained,
        )
    if trained.ending == "nothing new":
        return Outcome(
            ending="nothing new",
            reason="dvc.lock is as before: there was nothing new to learn from.",
            decision=decided,
            trained=trained,
        )
    return None


def propose(context: Context) -> Outcome:
    """Put what was trained on the branch, and open the pull request or bring it up to date.

    Raises:
        UsageError: The steps before did not run, or something else is checked out now.
        OutsideError: GitHub or origin cannot be reached, or refuse.
    """
    workspace = context.workspace
    decided = outcome.load(workspace, decision.Decision)
    trained = outcome.load(workspace, outcome.Trained)
    if trained.commit != workspace.git.head() or trained.ending != "trained":
        raise UsageError("What was trained is of another commit than what is checked out.")
    paths, left_out = changes.to_commit(workspace)
    found = _monitored(context)
    with desks.opened(context) as desk:
        finished = frozenset(one.head for one in desk.listed if one.state == "merged")
        story = report.Story(
            model=context.config.report.title or (found.model if found else workspace.root.name),
            decision=decided,
            trained=trained,
            found=found,
            left_out=left_out,
            run_url=context.ci.run_url,
        )
        pushed = desk.branch.commit(paths, report.message(story), finished=finished)
        if pushed.ending == "left":
            return _left(desk, story, pushed)
        return _published(desk, replace(story, people=pushed.people), pushed)


def _published(desk: Desk, story: report.Story, pushed: Pushed) -> Outcome:
    before, now = desk.current, datetime.now(UTC)
    attempt = marks.next_attempt(before, story.decision, seen=pushed.sha, now=now)
    head = marks.line(attempt)

    def text(story: report.Story) -> str:
        return f"{head}\n{report.body(story, limit=MAX_BODY - len(head) - 1)}"

    wanted = Wanted(
        title=report.title(story),
        body=text(story),
        head=desk.branch.name,
        base=desk.branch.found.default,
        labels=desk.context.config.retrain.labels,
    )
    made = desk.proposals.publish(wanted)
    notes = []
    if made.author == ACTIONS_BOT:
        desk.proposals.change(made.number, body=text(replace(story, starts_checks=False)))
        notes.append(report.NO_CHECKS)
    if pushed.people:
        notes.append("Commits of people are on the branch, and stay there.")
    same = before is not None and pushed.ending == "unchanged"
    ending: outcome.Ending = "unchanged" if same else "updated" if before else "opened"
    return Outcome(
        ending=ending,
        reason=_WHAT[ending],
        notes=(*story.decision.notes, *notes),
        number=made.number,
        url=made.url,
        decision=story.decision,
        trained=story.trained,
    )


_WHAT = {
    "opened": "The candidate is a pull request, and its checks say whether it is better.",
    "updated": "The open pull request has a newer candidate now.",
    "unchanged": "The open pull request has this very candidate already.",
}


def _left(desk: Desk, story: report.Story, pushed: Pushed) -> Outcome:
    """Somebody works on the branch: they are told once, for what they have there."""
    before = desk.current
    why = f"{pushed.why} What was trained now is not on it."
    hint = (
        f"Merge or close that work, and delete the branch: `git push origin :{desk.branch.name}`."
    )
    if before is not None:
        if before.seen != pushed.sha:
            desk.say(before, why, hint)
        runs = (*before.trainings, datetime.now(UTC))[-marks.MOST_RUNS :]
        desk.remember(before, runs=runs, seen=pushed.sha)
    return Outcome(
        ending="left to people",
        reason=why,
        hint=hint,
        number=before.number if before else None,
        url=before.url if before else None,
        decision=story.decision,
        trained=story.trained,
    )


def _monitored(context: Context) -> MonitorSection | None:
    """What the monitor left, if it ran here."""
    path = context.workspace.state / watched.FILE
    try:
        return MonitorSection.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{path} is not a document of this version of `assay monitor`.",
            hint="Run `assay monitor` again, or delete the file.",
        ) from error
