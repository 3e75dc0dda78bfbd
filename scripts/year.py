"""`make year`: a year of the example in production, from the release to the retrained model.

The model of 2011 is asked about every hour of 2012. Each month `assay monitor` looks at its log and
the labels; an alarm is an issue, `assay retrain` opens a pull request, the check comments on it, a
person merges it, and the new model is asked from then on. Git and DVC's remote are real, GitHub is
a server on this machine, and nothing is written outside of `build/year/`.
"""

from __future__ import annotations

import calendar
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown
from rich.rule import Rule

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from demo import folded  # noqa: E402 (the line above makes it importable)

from tests.fakes.github_api import GitHubApi, State  # noqa: E402
from tests.monitor_year import Company, Version, YearError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.monitor.watched import MonitorSection

    from tests.fakes.github_api import Comment, Pull

FOLDER = ROOT / "build/year"
MONTHS = tuple(f"2012-{month:02}" for month in range(1, 13))
WIDTH = 80
HEADER = "   2012       rows   Brier  tested  ROC AUC  features  window"
_COLORS = {"quiet": "green", "inconclusive": "yellow", "drift": "red"}


def main() -> int:
    """Play the year; 0 if it ends with a merged pull request and a quiet monitor."""
    console = Console(width=WIDTH)
    console.print("[bold]The model of 2011 meets the year 2012[/]\n")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    started = time.monotonic()
    try:
        with GitHubApi(State()) as api:
            company = Company(FOLDER, api)
            said = play(company, MONTHS, console)
    except (YearError, OSError, RuntimeError) as error:
        console.print(f"\n[bold red]The year failed.[/] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    _show(console, said)
    console.print(f"[dim]{time.monotonic() - started:.0f} s in all[/]", highlight=False)
    return 0


def play(
    company: Company, months: Sequence[str], console: Console, *, brief: bool = False
) -> Comment:
    """Let a company live through months, and say what happens.

    Args:
        company: As it is founded.
        months: As `2012-01`.
        console: Where it is said.
        brief: Whether to look at no month before the second, and to check nothing twice: for tests.

    Returns:
        What the check said of the retrained model.

    Raises:
        YearError: No model was retrained and merged, or the last month is not quiet.
    """
    comment, section = None, None
    version = company.release("v1.0.0")
    _line(console, "v1.0.0", "trained on January to August 2011, released and deployed")
    console.print(HEADER, style="dim", highlight=False)
    for month in months:
        company.answer(month, version)
        company.count(month)
        if brief and month == months[0]:
            continue
        before = [issue.state for _, issue in company.issues]
        section = company.monitor(month, version)
        _month(console, month, section)
        _issues(console, company, before)
        if section.state.alarm and comment is None:
            comment, version = _retrained(console, company, brief=brief)
    if comment is None or section is None:
        raise YearError("Nothing was retrained.")
    open_ = [number for number, issue in company.issues if issue.state == "open"]
    if section.newest.judgement.outcome != "quiet" or section.state.alarm or open_:
        raise YearError("The year does not end with a quiet monitor.")
    return comment


def _month(console: Console, month: str, section: MonitorSection) -> None:
    judgement = section.newest.judgement
    measured = {one.metric: one for one in section.newest.metrics if one.slice is None}
    brier, auc = measured["brier"], measured["roc_auc"]
    drifting = [
        one.question.name
        for one in judgement.answers
        if one.question.about == "feature" and one.outcome != "quiet"
    ]
    name = calendar.month_name[int(month[-2:])]
    color = _COLORS.get(judgement.outcome, "red")
    said = f"[{color}]{judgement.outcome}[/]"
    end = "  [bold red]ALARM[/]" if section.state.alarm else ""
    console.print(
        f"   {name:<10}{judgement.rows:>5}{brier.value:>8.3f}{brier.reference or 0:>8.3f}"
        f"{auc.value:>9.3f}  {', '.join(drifting) or 'quiet':<10}{said}{end}",
        highlight=False,
    )


def _issues(console: Console, company: Company, before: Sequence[str]) -> None:
    """What happened to issues."""
    for place, (number, issue) in enumerate(company.issues):
        was = before[place] if place < len(before) else None
        what = "opened" if was is None else "updated" if issue.state == "open" else "closed"
        if was != "closed":
            _line(console, f"issue #{number}", f"{what}: {issue.title}")


def _retrained(console: Console, company: Company, *, brief: bool) -> tuple[Comment, Version]:
    """From the alarm to the version that answers next."""
    company.retrain()
    number, pull = _opened(company)
    _line(console, f"pull #{number}", f"opened: {pull.title}")
    comment = company.check(number)
    for line in _headline(comment.body):
        _line(console, "its check", line)
    version = company.release("v1.1.0", is_checked=True) if brief else None
    company.merge(number)
    version = version or company.release("v1.1.0")
    _line(console, "v1.1.0", "merged, released, and answers from the next month on")
    return comment, version


def _opened(company: Company) -> tuple[int, Pull]:
    found = [(number, pull) for number, pull in company.pulls if pull.state == "open"]
    if len(found) != 1:
        raise YearError(f"{len(found)} pull requests are open, and not one.")
    return found[0]


def _headline(body: str) -> list[str]:
    """The verdict of a comment, without its marks."""
    lines = [re.sub(r"[*`]|<[^>]*>", "", line) for line in body.splitlines()]
    return [line.lstrip("# ") for line in lines if line.startswith("#")][:1]


def _line(console: Console, what: str, how: str) -> None:
    console.print(f"   [bold]{what:<10}[/] {how}", highlight=False, soft_wrap=False)


def _show(console: Console, comment: Comment) -> None:
    path = FOLDER / "comment.md"
    path.write_text(comment.body, encoding="utf-8")
    console.print("\nWhat the check said of the retrained model:")
    console.print(Rule(style="dim"))
    console.print(Markdown(folded(comment.body)))
    console.print(Rule(style="dim"))
    for what, place in (
        ("The comment", path),
        ("The page of December", FOLDER / "checkout/.assay/monitor.html"),
        ("The repository", FOLDER / "checkout"),
    ):
        if place.exists():
            console.print(f"{what:<22}{place.relative_to(ROOT)}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
