"""What a watch could have found, each way that people are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.monitor.ranking import ranked
from assay.monitor.verdict import Question
from assay.monitor.window import Breach

from tests import prometheus_section as made
from tests.prometheus_section import measured, section, window

if TYPE_CHECKING:
    from assay.monitor.watched import MonitorSection, Window

HOSTILE = "](javascript:x) @acme/team <script>alert(1)</script> | `a` \n# b #12 --> {{ 7*7 }}"


def question(name: str = "roc_auc", effect: float = 0.15, **changed: Any) -> Question:
    """A metric that got worse by so much, surely where that is more than 0.05."""
    facts: dict[str, Any] = {
        "name": name,
        "about": "performance",
        "effect": effect,
        "low": effect - 0.02,
        "high": effect + 0.02,
        "bound": 0.05,
        "p_value": 1e-9 if effect > 0.05 else 0.9,
        "rows": 1800,
        "reference_rows": 4000,
    }
    return Question(**facts | changed)


def moved(*windows: Window, moved: float = 1.5, **changed: Any) -> MonitorSection:
    """These windows, the newest of which moved `temperature`."""
    columns = made.columns(moved)
    known = ranked(columns, {"temperature": 3.0, "season": 1.0})
    return section(windows, **{"columns": columns, "ranked": known} | changed)


def odd(back: int = 0, **changed: Any) -> Window:
    """A window on which `temperature` moved."""
    return window(back, moved=1.5, **changed)


def drift() -> MonitorSection:
    """An alarm about everything that there can be one about, as far as the contract holds."""
    asked = [
        question(),
        question("log_loss", 0.02),
        question("roc_auc", 0.06, about="estimate", p_value=0.2),
        question("all features", 0.31, about="features together", bound=0.05),
    ]
    metrics = [
        measured(0.7),
        measured(0.51, metric="log_loss", reference=0.49),
        measured(0.79, estimated=True, rows=2000),
        measured(0.44, metric="brier"),
        measured(0.6, slice="season=winter", rows=700),
        measured(0.82, slice="season=summer", rows=1100),
    ]
    newest = odd(asked=asked, metrics=metrics).model_copy(
        update={"notes": ("`logs/b.parquet` is half written, and was not read.",)}
    )
    old = [window(6), window(5), window(4, rows=0), window(3), odd(2), window(1)]
    return moved(*old, newest)


def contract() -> MonitorSection:
    """A column is gone, another of another type; that a third is empty in few rows is no matter."""
    breaches = [
        Breach(column="humidity", problem="gone", rows=2000),
        Breach(column="windspeed", problem="type", rows=2000),
        Breach(column="rare", problem="empty", rows=3),
    ]
    return moved(window(1), odd(breaches=breaches))


def lasting() -> MonitorSection:
    """The newest window is quiet, and the alarm is not over."""
    return moved(window(4), odd(3), odd(2), window(1), window(), moved=0.0)


def once() -> MonitorSection:
    """The newest window drifts, which is no alarm yet."""
    return moved(window(1), odd())


def empty() -> MonitorSection:
    """Nobody asked the model anything."""
    return section([window(1), window(rows=0)], columns=(), ranked=())


def hostile() -> MonitorSection:
    """Everything that others name is called what should do harm."""
    column = made.columns(1.5)[0].model_copy(update={"name": HOSTILE, "new": (HOSTILE,)})
    columns = (column, made.columns(1.5)[2].model_copy(update={"bins": (HOSTILE, "b", "c", "d")}))
    breach = Breach(column=HOSTILE, problem="gone", rows=2000)
    asked = [
        question(HOSTILE),
        question(HOSTILE, about="feature", effect=0.4),
        question(HOSTILE, about="prediction", effect=0.3),
    ]
    metrics = [measured(metric=HOSTILE), measured(slice=HOSTILE)]
    newest = odd(breaches=[breach], asked=asked, metrics=metrics)
    judged = newest.judgement.model_copy(update={"why": (HOSTILE,)})
    newest = newest.model_copy(update={"notes": (HOSTILE,), "judgement": judged})
    return section(
        [odd(1), newest],
        columns=columns,
        ranked=ranked(columns, {}),
        model=HOSTILE,
        version=HOSTILE,
        environment=HOSTILE,
        source=HOSTILE,
        reference=HOSTILE,
        digest=HOSTILE,
    )


CASES = {
    "drift": drift,
    "contract": contract,
    "lasting": lasting,
    "once": once,
    "empty": empty,
    "quiet": section,
    "hostile": hostile,
}
