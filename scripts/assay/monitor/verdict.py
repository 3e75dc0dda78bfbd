"""The one verdict on a window, and when verdicts in a row become an alarm.

Every question has the same form: how large is an effect, how large may it be, and how likely would
what was seen be if it were not larger. So feature, prediction and performance are judged alike, and
nothing says two things:

- drift: it is surely larger than allowed (`alpha`, held for all questions together by Holm)
- inconclusive: it looks larger, and there are too few rows to be sure; or too few to ask at all
- quiet: it does not look larger

More rows make the answer surer and the effect no larger, so a large window does not alarm for being
large. Of a window the gravest is said: `contract broken`, `drift`, `inconclusive`, `quiet`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.monitor.window import Breach
from assay.section import Fact
from assay.stats.holm import holm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.monitor.comparing import ColumnDrift

Outcome = Literal["quiet", "inconclusive", "drift", "contract broken"]
About = Literal["feature", "prediction", "features together", "performance", "estimate"]
ALPHA = 0.01
"""How often a window in which nothing drifts may be called drift."""
LEAST_ROWS = 500
_GRAVITY: dict[Outcome, int] = {"quiet": 0, "inconclusive": 1, "drift": 2, "contract broken": 3}


class Question(Fact):
    """Whether an effect is larger than it may be."""

    name: str
    """Of the column, or of the metric."""
    about: About
    effect: float
    """Without what chance adds; larger is worse."""
    low: float
    """Where the true effect lies."""
    high: float
    bound: float
    """What it may be: at the bound is quiet."""
    p_value: float
    """Of "the true effect is at most the bound"."""
    rows: int
    reference_rows: int


class Answer(Fact):
    """What a question was answered."""

    question: Question
    adjusted: float
    """The p-value, adjusted for all questions of the window."""
    outcome: Outcome
    why: str


class Judgement(Fact):
    """The verdict on a window."""

    outcome: Outcome
    why: tuple[str, ...]
    """One sentence for each thing that makes it so."""
    rows: int
    breaches: tuple[Breach, ...]
    answers: tuple[Answer, ...]
    """In the order that the questions came."""


def of_column(found: ColumnDrift) -> Question:
    """Whether a column drifts."""
    return Question(
        name=found.name,
        about=found.role,
        effect=found.drift.unbiased,
        low=found.drift.low,
        high=found.drift.high,
        bound=found.bound,
        p_value=found.p_value,
        rows=found.rows,
        reference_rows=found.reference_rows,
    )


def judge(
    questions: Sequence[Question],
    *,
    rows: int,
    breaches: Iterable[Breach] = (),
    unusable: str | None = None,
    doubts: Iterable[str] = (),
    alpha: float = ALPHA,
    least_rows: int = LEAST_ROWS,
) -> Judgement:
    """Judge a window.

    Args:
        questions: All that is asked of it.
        rows: In the window, each counted once.
        breaches: Columns that are not what the model was made for.
        unusable: Why the reference says nothing of this window, such as another model's.
        doubts: What else could not be told, a sentence each.
        alpha: See `ALPHA`.
        least_rows: With fewer, on either side, a question is not answered.
    """
    # In few rows a column may well be empty.
    counted = tuple(
        one for one in breaches if one.problem in ("gone", "type") or one.rows >= least_rows
    )
    corrected = holm([one.p_value for one in questions])
    answers = tuple(
        _answer(question, one.adjusted, alpha, least_rows)
        for question, one in zip(questions, corrected, strict=True)
    )
    said: list[tuple[Outcome, str]] = [("contract broken", _BROKEN[b.problem](b)) for b in counted]
    if unusable is not None:
        said.append(("inconclusive", unusable))
        answers = ()
    said += [("inconclusive", one) for one in doubts]
    if rows < least_rows:
        amount = "no row" if rows == 0 else "one row" if rows == 1 else f"only {rows:,} rows"
        said.append(("inconclusive", f"the window has {amount}; {least_rows:,} are needed"))
    else:  # what too few rows answer is no news beside that
        said += [(one.outcome, one.why) for one in answers]
    if not questions and not said:
        said.append(("inconclusive", "nothing could be compared"))
    gravest = max((outcome for outcome, _ in said), key=_GRAVITY.__getitem__, default="quiet")
    return Judgement(
        outcome=gravest,
        why=tuple(why for outcome, why in said if outcome == gravest and outcome != "quiet"),
        rows=rows,
        breaches=tuple(breaches),
        answers=answers,
    )


_BROKEN = {
    "gone": lambda one: f"the column {one.column} is gone",
    "type": lambda one: f"the column {one.column} is of another type",
    "empty": lambda one: f"the column {one.column} has no value in any of {one.rows:,} rows",
    "infinite": lambda one: f"the column {one.column} has {one.rows:,} infinite values",
}


def _answer(question: Question, adjusted: float, alpha: float, least_rows: int) -> Answer:
    def made(outcome: Outcome, why: str) -> Answer:
        return Answer(question=question, adjusted=adjusted, outcome=outcome, why=why)

    fewest = min(question.rows, question.reference_rows)
    if fewest < least_rows:
        side = "reference" if question.reference_rows == fewest else "window"
        return made("inconclusive", f"{question.name}: {fewest:,} rows in the {side} are too few")
    size = f"{question.name}: {question.effect:.3g}, and at most {question.bound:.3g} is allowed"
    if question.effect <= question.bound:
        return made("quiet", size)
    if adjusted < alpha:
        return made("drift", size)
    return made("inconclusive", f"{size}, but that is not sure (p = {adjusted:.2g})")


class State(Fact):
    """What verdicts in a row come to."""

    alarm: bool
    """Whether people are to be told, or still are."""
    newest: Outcome
    drifting: int
    """Of the windows that count, how many drift."""
    of: int
    """How many count: the last ones that were quiet or drifted."""


def settled(outcomes: Sequence[Outcome], *, k: int = 2, n: int = 5) -> State:
    """Whether there is an alarm after these windows.

    There is one where at least `k` of the last `n` windows drift. So it starts with a window that
    drifts and ends with a quiet one. Where labels are late, that window may be an older one: the
    newest, which has none yet, is quiet, and what they say of the others counts all the same.
    Inconclusive windows neither count nor change anything; a broken contract is an alarm at once,
    as long as it lasts.

    Args:
        outcomes: Of all windows that are known, the newest last; at least one.
        k: How many must drift.
        n: Of how many.
    """
    if not 1 <= k <= n:
        raise ValueError(f"{k} of {n} windows cannot drift")
    recent = [one == "drift" for one in outcomes if one in ("quiet", "drift")][-n:]
    newest = outcomes[-1]
    return State(
        alarm=sum(recent) >= k or newest == "contract broken",
        newest=newest,
        drifting=sum(recent),
        of=len(recent),
    )
