"""What a rollout came to, and why: facts for the journal, the issue, the summary and the terminal.

Whoever reads only these knows what was compared with what, how large the difference was, how large
it might have been, and how sure that is.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay.rollout.targets.base import VersionId
from assay.section import Fact

Decision = Literal["passed", "failed", "inconclusive", "not judged"]
Ending = Literal[
    "promoted", "rolled back", "inconclusive", "error", "interrupted", "nothing to do", "resumed"
]
Verb = Literal["deploy", "rollback", "resume"]

EXIT_CODES: dict[Ending, int] = {
    "promoted": 0,
    "nothing to do": 0,
    "resumed": 0,
    "rolled back": 1,
    "error": 3,
    "inconclusive": 5,
    "interrupted": 130,
}
"""What `assay deploy` returns; a rollback that was asked for and done is 0."""


class Side(Fact):
    """What one version showed."""

    n: int
    """Requests or rows that it was measured on."""
    value: float | None = None
    """In the unit of the measure: a share, or seconds."""


class Bar(Fact):
    """One bin of a distribution, for a picture."""

    label: str
    stable: float
    """Share of its answers."""
    candidate: float


class Judgement(Fact):
    """One measure of one judgement."""

    measure: str
    """`errors`, `latency`, `latency_p99`, `predictions[column]`, `agreement`, `labelled`,
    `health`."""
    decision: Decision
    candidate: Side
    stable: Side | None = None
    effect: float | None = None
    """By how much the candidate is worse, in the unit of `limit`."""
    limit: float | None = None
    """Exactly at it passes."""
    p: float | None = None
    """Chance of such a difference between two versions that are alike."""
    sentence: str
    """All of it for people."""
    more: dict[str, float] = Field(default_factory=dict)
    """Beside that: quantiles in seconds, the chance to be slower."""
    bars: tuple[Bar, ...] = ()


class Verdict(Fact):
    """All measures at the end of an interval."""

    stage: str
    percent: int
    decision: Decision
    interval: int
    """Which one of its stage, from 1."""
    intervals: int
    """How many of the latest were judged together."""
    seconds: float
    """That these lasted."""
    compared: str
    """With what: for people."""
    judgements: tuple[Judgement, ...]

    @property
    def failed(self) -> tuple[Judgement, ...]:
        """The measures that failed."""
        return tuple(one for one in self.judgements if one.decision == "failed")

    @property
    def open(self) -> tuple[Judgement, ...]:
        """Those that gave no answer."""
        return tuple(one for one in self.judgements if one.decision == "inconclusive")

    @property
    def without_pictures(self) -> Verdict:
        """The same, but for the bars of its distributions."""
        plain = tuple(one.model_copy(update={"bars": ()}) for one in self.judgements)
        return self.model_copy(update={"judgements": plain})

    @property
    def sentence(self) -> str:
        """The reasons for the decision, or that there is nothing to complain of."""
        told = self.failed or self.open
        if told:
            return " ".join(one.sentence for one in told)
        judged = sum(one.decision == "passed" for one in self.judgements)
        measures = "measure" if judged == 1 else "measures"
        return f"{judged} {measures} passed over {self.seconds:.0f} s; compared {self.compared}."


class Outcome(Fact):
    """How a rollout ended."""

    verb: Verb
    ending: Ending
    rollout: str
    """Its id in the journal."""
    version: VersionId | None
    """The one that was to be deployed, or gone back to."""
    before: VersionId | None = None
    """The stable one when it began."""
    stable: VersionId | None = None
    """The stable one at the end, as far as the target could be asked."""
    asked: bool = True
    """Whether it could."""
    reason: str
    """In a sentence or two."""
    hint: str | None = None
    stage: str | None = None
    """Where it ended, if not at the end."""
    verdicts: tuple[Verdict, ...] = ()
    """All judgements, the oldest first."""
    notes: tuple[str, ...] = ()
    """What else people should know, as that nothing was judged."""
    began: float = 0.0
    """Seconds since 1970."""
    ended: float = 0.0

    @property
    def exit_code(self) -> int:
        """What the command returns."""
        done = self.verb == "rollback" and self.ending == "rolled back"
        return 0 if done else EXIT_CODES[self.ending]
