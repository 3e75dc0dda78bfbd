"""One stage of a rollout: traffic moves, both versions are watched, and their intervals judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.rollout import analysis, windows
from assay.rollout.outcome import Judgement, Side, Verdict
from assay.rollout.targets.base import Routing

if TYPE_CHECKING:
    from assay.rollout.conduct import Conduct
    from assay.rollout.health import Health
    from assay.rollout.outcome import Decision
    from assay.rollout.plan import Plan, Stage
    from assay.rollout.snapshot import Snapshot
    from assay.rollout.targets.base import Observation, VersionId
    from assay.rollout.windows import Interval, Window

POLL = 1.0
"""Seconds between two looks whether the candidate lives."""


class StageFailedError(Exception):
    """A stage did not pass; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.sentence)
        self.verdict = verdict


@dataclass
class Watch:
    """Both versions while traffic moves from one to the other."""

    conduct: Conduct
    plan: Plan
    stable: VersionId
    candidate: VersionId
    health: Health
    verdicts: list[Verdict] = field(default_factory=list)
    earlier: Window | None = None
    """What stable did in the stage before."""

    def run(self, stage: Stage) -> None:
        """Go through a stage until it passed.

        Raises:
            StageFailedError: It failed, or its patience ended without an answer.
        """
        self._route(stage)
        begun = self.conduct.clock.monotonic()
        before = self._look(stage)
        intervals: list[Interval] = []
        unanswered = 0
        while True:
            after = self._wait(stage)
            found = self._between(before, after)
            before = after
            if found is not None:
                intervals.append(found)
            verdict = self._verdict(stage, intervals, whole=found is not None)
            over = self.conduct.clock.monotonic() - begun >= stage.seconds
            if verdict.decision == "failed":
                raise StageFailedError(verdict)
            if verdict.decision == "passed" and over:
                break
            unanswered = unanswered + 1 if verdict.decision != "passed" and over else 0
            if unanswered >= self.plan.patience:
                raise StageFailedError(verdict)
        self.earlier = windows.together([one.stable for one in intervals if one.stable])

    def _route(self, stage: Stage) -> None:
        if stage.baseline:
            text = f"{self.stable} is measured before all traffic moves at once."
            self.conduct.say("note", text, stage=stage.name)
            return
        routing = Routing(
            stable=self.stable,
            candidate=self.candidate,
            percent=stage.percent,
            shadow=stage.shadow,
        )
        what = f"{self.candidate} answers {stage.percent} % of the requests."
        if stage.shadow:
            what = f"{self.candidate} gets copies of the requests; nobody sees its answers."
        route = self.conduct.target.route
        self.conduct.do("route", what, lambda: route(routing), stage=stage.name)

    def _look(self, stage: Stage) -> Observation:
        """Observe, and fail at once where the candidate does not live."""
        observation = self.conduct.ask(self.conduct.target.observe)
        wrong = self.health.look(observation.of(self.candidate))
        if wrong is not None:
            self._told(_dead(stage, wrong))
        return observation

    def _told(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        # A journal lasts for years: the picture of what is alike is not kept in it.
        kept = verdict if verdict.decision != "passed" else verdict.without_pictures
        self.conduct.try_to_say("judged", verdict.sentence, verdict=kept.model_dump(mode="json"))
        if verdict.decision == "failed":
            raise StageFailedError(verdict)

    def _wait(self, stage: Stage) -> Observation:
        """Look on until the interval is over; what was seen last."""
        clock = self.conduct.clock
        end = clock.monotonic() + self.plan.interval
        while True:
            clock.sleep(max(0.0, min(POLL, end - clock.monotonic())))
            observation = self._look(stage)
            if clock.monotonic() >= end:
                return observation

    def _between(self, before: Observation, after: Observation) -> Interval | None:
        candidate = self._window(self.candidate, before, after)
        stable = self._window(self.stable, before, after)
        if candidate is None:
            return None
        if stable is None:
            self.conduct.say(
                "note", f"{self.stable} was restarted or gave no answer: this interval is left out."
            )
        return windows.Interval(candidate, stable)

    def _window(self, version: VersionId, before: Observation, after: Observation) -> Window | None:
        first, last = _snapshot(before, version), _snapshot(after, version)
        if first is None or last is None:
            return None
        return windows.difference(first, last, self.plan.interval)

    def _verdict(self, stage: Stage, intervals: list[Interval], *, whole: bool) -> Verdict:
        if not whole:
            verdict = _silent(stage)
        elif stage.baseline:
            verdict = self._baseline(stage, intervals)
        else:
            verdict = analysis.judge(intervals, stage, self.plan.analysis, earlier=self.earlier)
        self._told(verdict)
        return verdict

    def _baseline(self, stage: Stage, intervals: list[Interval]) -> Verdict:
        spec = self.plan.analysis
        n = sum(one.stable.requests for one in intervals if one.stable is not None)
        enough = spec is None or n >= spec.samples
        text = f"{self.stable} answered {n} requests, which are kept to compare with."
        if not enough and spec is not None:
            text = f"{self.stable} answered {n} of the {spec.samples} requests that a comparison "
            text += "needs. For a place without traffic: `analysis: false`."
        return _single(stage, "samples", "passed" if enough else "inconclusive", n, text)


def _snapshot(observation: Observation, version: VersionId) -> Snapshot | None:
    seen = observation.of(version)
    return seen.snapshot if seen is not None else None


def _dead(stage: Stage, why: str) -> Verdict:
    return _single(stage, "health", "failed", 0, why)


def _silent(stage: Stage) -> Verdict:
    text = "The candidate's counters could not be read for a whole interval."
    return _single(stage, "health", "inconclusive", 0, text)


def _single(stage: Stage, measure: str, decision: Decision, n: int, text: str) -> Verdict:
    one = Judgement(measure=measure, decision=decision, candidate=Side(n=n), sentence=text)
    return Verdict(
        stage=stage.name,
        percent=stage.percent,
        decision=decision,
        interval=0,
        intervals=0,
        seconds=0.0,
        compared="with nothing",
        judgements=(one,),
    )
