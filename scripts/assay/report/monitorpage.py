"""The window as one self-contained HTML page: every column, every statistic, sortable. Pure.

The browser runs the one script that is in it, which its policy knows by a hash, and loads nothing.
Without the script the columns stand in the order of what matters.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from assay import __version__
from assay.monitor import causes as reasons
from assay.report import escape, monitor, monitorcharts, monitorwords, svg, templating
from assay.report import monitortables as tables
from assay.report.monitorwords import OUTCOMES
from assay.report.wording import number, percent, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.monitor.comparing import ColumnDrift, Estimate
    from assay.monitor.verdict import Answer
    from assay.monitor.watched import MonitorSection

FILE = "monitor.html"
TEMPLATE = "monitor.html.j2"
MOST_ROWS = 1_000
"""Of one table."""
_TONES = {"🛑": "fail", "🔴": "fail", "⚠️": "warn", "❔": "inconclusive", "✅": "pass"}
_WORDS = {"🛑": "Contract broken", "🔴": "Drift", "⚠️": "Drift, no alarm yet", "❔": "Inconclusive",
          "✅": "Quiet"}  # fmt: skip
_SCRIPT = """
const table = document.getElementById("columns");
if (table) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const select = document.getElementById("sorting");
  const key = (row, at) => row.cells[at].dataset.value;
  const sort = (at, down) => {
    const numbers = heads[at].classList.contains("n");
    const compare = (a, b) => numbers ? a - b : a.localeCompare(b);
    const rows = [...body.rows].sort((one, other) => {
      const a = key(one, at), b = key(other, at);
      if (a === "" || b === "") return (a === "") - (b === "");
      return down ? compare(b, a) : compare(a, b);
    });
    body.append(...rows);
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[at].setAttribute("aria-sort", down ? "descending" : "ascending");
    select.value = at;
  };
  const given = [...body.rows];
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(at, head.classList.contains("n")
      ? head.getAttribute("aria-sort") !== "descending"
      : head.getAttribute("aria-sort") === "ascending"));
    head.replaceChildren(button);
  });
  select.addEventListener("change", () => {
    if (select.value !== "") {
      const at = Number(select.value);
      return sort(at, heads[at].classList.contains("n"));
    }
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    body.append(...given);
  });
  select.parentElement.parentElement.hidden = false;
}
"""
_HEAD = (
    ("Column", False),
    ("verdict", False),
    ("matters", True),
    ("importance", True),
    ("drift", True),
    ("allowed", True),
    ("PSI", True),
    ("KS", True),
    ("W1", True),
    ("chi²", True),
    ("V", True),
    ("missing", True),
    ("unseen", True),
    ("out of range", True),
    ("new values", False),
    ("rows", True),
    ("tested on", True),
)
"""Of the table of columns: what it is called, and whether it holds numbers."""


@dataclass(frozen=True)
class Cell:
    """A value as people read it, and as it is sorted."""

    text: object = ""
    value: float | str = ""
    around: str = ""
    """Its interval."""


def render(found: MonitorSection) -> str:
    """The page.

    Args:
        found: What was found.
    """
    told = monitorwords.headline(found)
    window = reasons.told_window(found)
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    return templating.render(
        TEMPLATE,
        policy=Markup(f"'sha256-{digest}'"),  # noqa: S704 (of our own script)
        script=Markup(_SCRIPT),  # noqa: S704 (ours)
        word=_WORDS[told.icon],
        tone=_TONES[told.icon],
        who=monitorwords.model(found),
        headline=told.what,
        sure=told.sure,
        standing=monitor.standing(found),
        facts=_facts(found),
        notes=monitor.notes(found),
        contract=tables.contract(found),
        metrics=tables.metrics(window),
        slices=tables.slices(window),
        figures=list(_figures(found)),
        span=monitorwords.span(found, found.newest),
        head=_HEAD,
        columns=_columns(found),
        windows=tables.windows(found),
        rows=MOST_ROWS,
        version=__version__,
    )


def _facts(found: MonitorSection) -> str:
    return (
        f"bundle {found.digest[:12]} · rows from {found.source} · reference {found.reference} · an "
        f"alarm at {found.k} of {found.n} windows · intervals of {percent(found.confidence)} · "
        "p-values are adjusted for all questions of a window, and "
        f"{monitorwords.confidence(found)} is the limit"
    )


def _figures(found: MonitorSection) -> Iterator[tuple[str, Markup]]:
    charts = monitorcharts.of(found)
    if charts and not svg.available():
        yield "Pictures", Markup('<p class="missing">{}</p>').format(svg.MISSING)
        return
    for chart in charts:
        try:
            yield chart.title, Markup(svg.draw(chart))  # noqa: S704 (sanitised)
        except svg.PlotError as error:
            text = f"This plot cannot be shown: {error}."
            yield chart.title, Markup('<p class="missing">{}</p>').format(text)


def _columns(found: MonitorSection) -> list[tuple[Cell, ...]]:
    """Every column, those first that drift, then by what they do to the model."""
    answers = {one.question.name: one for one in tables.ranked(found, found.newest)}
    places = {name: at for at, name in enumerate(answers)}
    ordered = sorted(found.columns, key=lambda one: places.get(one.name, len(places)))
    weights = {one.name: (one.importance, one.weight) for one in found.ranked}
    return [
        _row(one, answers.get(one.name), *weights.get(one.name, (None, None))) for one in ordered
    ]


def _row(
    one: ColumnDrift, answer: Answer | None, importance: float | None, weight: float | None
) -> tuple[Cell, ...]:
    kind = "prediction" if one.role == "prediction" else share(importance)
    icon, words = OUTCOMES[answer.outcome] if answer else ("", "not judged")
    sure = monitorwords.chance(answer.adjusted) if answer else ""
    chi2 = Cell()
    if one.chi2 is not None:
        chance = monitorwords.chance(one.chi2_p_value) if one.chi2_p_value is not None else ""
        chi2 = Cell(number(one.chi2), one.chi2, chance)
    return (
        Cell(escape.Code(one.name), one.name),
        Cell(f"{icon} {words}".strip(), words, sure),
        Cell("" if weight is None else number(weight), "" if weight is None else weight),
        Cell(kind, "" if importance is None else importance),
        _estimate(one.drift, unbiased=True),
        Cell(number(one.bound, 3), one.bound),
        _estimate(one.psi),
        _estimate(one.kolmogorov_smirnov),
        _estimate(one.wasserstein),
        chi2,
        _estimate(one.cramers_v),
        _estimate(one.missing),
        _estimate(one.unseen),
        _estimate(one.out_of_range),
        Cell(_named(one.new), ", ".join(one.new)),
        Cell(f"{one.rows:,}", one.rows),
        Cell(f"{one.reference_rows:,}", one.reference_rows),
    )


def _estimate(one: Estimate | None, *, unbiased: bool = False) -> Cell:
    """A statistic and its interval; what decides is shown without what chance adds."""
    if one is None:
        return Cell()
    value = one.unbiased if unbiased else one.value
    low, high = number(one.low, 3), number(one.high, 3)
    return Cell(number(value, 3), value, f"{low} to {high}")


def _named(values: tuple[str, ...], most: int = 5) -> escape.Phrase:
    shown = [escape.Code(one) for one in values[:most]]
    parted = [piece for one in shown for piece in (", ", one)][1:]
    more = [f" and {len(values) - most:,} more"] if len(values) > most else []
    return (*parted, *more)
