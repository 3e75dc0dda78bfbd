"""Rollouts, the only loop with effects: forward step by step, and back from wherever they stop.

Each step writes what it means to do, does it, and writes that it is done. The one moment that
counts is `promote`: before it, whoever finds the rollout unfinished goes back to the stable
version; after it, the stable version is the new one, and going to it is going forward. A rollback
says with its first event where it goes, and whoever finds it unfinished goes there too. So there is
one way to finish any rollout (`settling.settle`), and going it twice changes nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assay.console import ended
from assay.errors import AssayError
from assay.rollout import journal, settling
from assay.rollout.conduct import TTL
from assay.rollout.health import Health
from assay.rollout.history import begun, goal_of, previous
from assay.rollout.judging import POLL, StageFailedError, Watch
from assay.rollout.outcome import Outcome, Verdict
from assay.rollout.targets.base import (
    BusyError,
    FencedError,
    StartError,
    UnreachableError,
    VersionId,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.rollout.conduct import Conduct
    from assay.rollout.outcome import Ending, Verb
    from assay.rollout.plan import Plan
    from assay.rollout.targets.base import State

UNFINISHED = (
    "Its watchdog goes back to the stable version by itself, where it has one; "
    "`assay rollout resume` does it from here."
)
FIRST = "Nothing was judged: there was no version to compare with."
AGAIN = "Nothing was judged: this version is the stable one already, and is only put in order."


@dataclass
class _Story:
    """What an outcome is made of, as it becomes known."""

    conduct: Conduct
    verb: Verb
    version: VersionId | None = None
    before: VersionId | None = None
    stage: str | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: float = 0.0

    def end(self, ending: Ending, reason: str, hint: str | None = None) -> Outcome:
        """The outcome."""
        stable, asked = None, False
        with contextlib.suppress(AssayError):
            stable, asked = self.conduct.target.state().stable, True
        return Outcome(
            verb=self.verb,
            ending=ending,
            rollout=self.conduct.rollout,
            version=self.version,
            before=self.before,
            stable=stable,
            asked=asked,
            reason=reason,
            hint=hint,
            stage=self.stage,
            verdicts=tuple(self.verdicts),
            notes=tuple(self.notes),
            began=self.began,
            ended=self.conduct.clock.now(),
        )


def roll(conduct: Conduct, bundle: Path, version: VersionId, plan: Plan) -> Outcome:
    """Bring a version to users, or back to where it was.

    Raises:
        BusyError: Somebody else's rollout is under way; nothing was done.
    """
    story = _Story(conduct, "deploy", version, began=conduct.clock.now())
    with _lease(conduct):
        _finish_earlier(conduct, story)
        state = conduct.state()
        story.before = state.stable
        if version.same(state.stable) and _is_settled(state):
            return story.end("nothing to do", f"{version} is deployed already.")
        facts = {"verb": "deploy", "version": version.model_dump()}
        conduct.say("begin", f"{version} is being deployed.", **facts)
        try:
            _place(conduct, bundle, version)
            _forward(story, version, plan, state.stable)
        except (StageFailedError, AssayError) as error:
            return _stopped(story, error)
        except KeyboardInterrupt:
            return _back(story, "interrupted", "The rollout was interrupted.")
        except Exception as error:
            _back(story, "error", f"A defect of Assay's ended the rollout: {error!r}.")
            raise
        return story.end("promoted", f"{version} answers all requests.")


def resume(conduct: Conduct) -> Outcome:
    """Finish the rollout that somebody left unfinished.

    Waits as long as a lease lasts: whoever was killed holds it still, and who lives renews it.

    Raises:
        BusyError: It is under way.
    """
    story = _Story(conduct, "resume", began=conduct.clock.now())
    with _lease(conduct, wait=TTL + POLL):
        if _finish_earlier(conduct, story):
            return story.end("resumed", story.notes[-1])
        stable = conduct.state().stable
        return story.end("nothing to do", f"{stable or 'No version'} is the stable one.")


def rollback(conduct: Conduct, to: str | None = None) -> Outcome:
    """Go back at once, whatever is under way: no gate, no build, no download.

    Args:
        conduct: Its owner takes the lease by force; another rollout is refused from then on.
        to: A version that is on the target, or the beginning of its digest. By default the stable
            one while a rollout is under way, else the one before it.

    Raises:
        MissingVersionError: `to` is not on the target.
        UsageError: There is no version to go back to.
    """
    story = _Story(conduct, "rollback", began=conduct.clock.now())
    with _lease(conduct, force=True):
        state, events = conduct.state(), conduct.events()
        story.before = state.stable
        goal = story.version = goal_of(state, to, events)
        if (other := journal.unfinished(events)) is not None:
            text = f"The rollout was ended by a rollback: {conduct.owner}."
            replace(conduct, rollout=other).try_to_say("end", text, ending="rolled back")
        elif goal.same(state.stable) and _is_settled(state):
            return story.end("nothing to do", f"{goal} answers all requests already.")
        facts = {"verb": "rollback", "version": goal.model_dump()}
        conduct.try_to_say("begin", f"All requests go back to {goal}.", **facts)
        try:
            if (problem := settling.arrive(conduct, goal, state)) is not None:
                conduct.try_to_say("end", settling.now(state.stable), ending="error")
                text = settling.instead(goal, state.stable, problem)
                return story.end("error", text, problem.hint)
        except FencedError as error:
            return _fenced(story, error)
        except AssayError as error:
            return _half(story, goal, error)
        conduct.try_to_say("end", f"{goal} answers all requests.", ending="rolled back")
        return story.end("rolled back", f"{goal} answers all requests.")


def _half(story: _Story, goal: VersionId, error: AssayError) -> Outcome:
    """A rollback that did not get to its end: what users have is what matters."""
    if not settling.answers_all(story.conduct.state(), goal):
        raise error
    text = f"{goal} answers all requests, but not all else could be done: {error.message}"
    return story.end("error", text, error.hint or UNFINISHED)


@contextlib.contextmanager
def _lease(conduct: Conduct, *, force: bool = False, wait: float = 0.0) -> Iterator[None]:
    clock, target = conduct.clock, conduct.target
    end, told = clock.monotonic() + wait, False
    while True:
        try:
            conduct.ask(lambda: target.acquire(conduct.owner, TTL, force=force))
            break
        except BusyError as error:
            if clock.monotonic() >= end:
                raise
            if not told:
                conduct.note(f"Waiting until the lease ends: {error.message}")
                told = True
            clock.sleep(POLL)
    try:
        yield
    finally:
        with contextlib.suppress(AssayError):
            target.release(conduct.owner)


def _is_settled(state: State) -> bool:
    """Whether one version answers everybody, and no other one runs."""
    alone = state.stable is not None and settling.answers_all(state, state.stable)
    return alone and state.rollout is None and len(state.running) == 1


def _place(conduct: Conduct, bundle: Path, version: VersionId) -> None:
    place = conduct.target.place
    what = f"The bundle of {version} is brought to the target."
    conduct.do("place", what, lambda: place(bundle, version))


def _forward(story: _Story, version: VersionId, plan: Plan, stable: VersionId | None) -> None:
    conduct = story.conduct
    start = conduct.target.start
    if stable is not None and not version.same(stable):
        conduct.ask(lambda: start(stable))
    conduct.do("start", f"{version} is started.", lambda: start(version))
    health = Health(str(version))
    if stable is None or version.same(stable):
        _alone(story, version, health, FIRST if stable is None else AGAIN)
    else:
        watch = Watch(conduct, plan, stable, version, health, verdicts=story.verdicts)
        if plan.analysis is None:
            story.notes.append("Nothing was compared: `analysis` is off.")
        for stage in plan.stages:
            story.stage = stage.name
            watch.run(stage)
    conduct.promoted(version, previous(conduct.state(), version))
    settling.settle(conduct, version, conduct.state())
    story.stage = None
    conduct.try_to_say("end", f"{version} answers all requests.", ending="promoted")


def _alone(story: _Story, version: VersionId, health: Health, note: str) -> None:
    """Look twice whether a version lives that there is nothing to compare with."""
    conduct = story.conduct
    story.notes.append(note)
    conduct.say("note", note)
    answered = 0
    while answered < 2:
        seen = conduct.ask(conduct.target.observe).of(version)
        wrong = health.look(seen)
        if wrong is not None:
            raise StartError(wrong)
        answered += seen is not None and seen.snapshot is not None
        conduct.clock.sleep(POLL)


def _stopped(story: _Story, error: StageFailedError | AssayError) -> Outcome:
    """What to do after a step that did not succeed."""
    if isinstance(error, FencedError):
        return _fenced(story, error)
    if isinstance(error, AssayError):
        ending: Ending = "rolled back" if isinstance(error, StartError) else "error"
        return _back(story, ending, error.message, error.hint)
    failed = error.verdict.decision == "failed"
    return _back(story, "rolled back" if failed else "inconclusive", error.verdict.sentence)


def _back(story: _Story, ending: Ending, reason: str, hint: str | None = None) -> Outcome:
    """All users to the version that is stable; then the rest."""
    conduct = story.conduct
    try:
        state = conduct.state()
        conduct.try_to_say("intent", f"Going back: {settling.now(state.stable)}", step="back")
        settling.settle(conduct, state.stable, state)
        conduct.try_to_say("end", reason, ending=ending)
    except FencedError as error:
        return _fenced(story, error)
    except AssayError as error:
        hint = None if isinstance(error, UnreachableError) else error.hint
        text = f"{ended(reason)} Going back did not succeed: {error.message}"
        return story.end("error", text, f"{hint} {UNFINISHED}" if hint else UNFINISHED)
    if story.version is not None and story.version.same(state.stable):
        text = f"{ended(reason)} {story.version} was stable by then, and stays."
        return story.end(ending, text, hint)
    return story.end(ending, reason, hint)


def _fenced(story: _Story, error: FencedError) -> Outcome:
    """Somebody else decides now: touch nothing."""
    text = f"Somebody else took over the target, and ended this rollout: {error.message}"
    return story.end("error", text, error.hint or "`assay rollout status` shows who it was.")


def _finish_earlier(conduct: Conduct, story: _Story) -> bool:
    """Finish what is unfinished in the journal; whether anything was."""
    events = conduct.events()
    rollout = journal.unfinished(events)
    if rollout is None:
        return False
    (verb, version), state = begun(events, rollout), conduct.state()
    story.version = story.version or version
    if story.verb == "resume":
        own = journal.of(events, rollout)
        judged = (event.facts["verdict"] for event in own if event.kind == "judged")
        story.verdicts = [Verdict.model_validate(one) for one in judged]
    name = f"The rollout of {version}" if version else "A rollout"
    text = f"{name} was left unfinished: "
    if verb == "rollback" and version is not None:
        problem = settling.arrive(conduct, version, state)
        there = settling.now(version)
        text += there if problem is None else settling.instead(version, state.stable, problem)
    else:
        settling.settle(conduct, state.stable, state)
        text += settling.now(state.stable)
    event = journal.Event(
        kind="end",
        rollout=rollout,
        time=conduct.clock.now(),
        what=text,
        facts={"ending": "resumed", "by": conduct.owner},
    )
    conduct.ask(lambda: conduct.target.append(event))
    conduct.tell(event)
    story.notes.append(text)
    return True
