"""A badge for a README: `model | F1 0.7571 · passed`. Flat, as others are; drawn without a service.

Its text is the product's words for the outcome, so colour only repeats them. White on each colour
has a contrast of at least 4.5, which WCAG 2 asks for (success criterion 1.4.3).
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import escape

from assay.console import printable
from assay.report import wording

if TYPE_CHECKING:
    from assay.record import RunRecord
    from assay.verdict import Outcome, Verdict

LABEL = "model"
"""Of a report without a title."""
_LONGEST = 40
"""Characters of a label, or of a metric's name."""
_LABEL_COLOR = "#444c56"
_COLORS: dict[Outcome, str] = {
    "pass": "#1a7f37",
    "warn": "#8a6100",
    "fail": "#cf222e",
    "inconclusive": "#8250df",
    "no gate": "#57606a",
    "error": "#a40e26",
}
_FONT = "Verdana,Geneva,DejaVu Sans,sans-serif"
_SIZE = 11
_HEIGHT = 20
_PADDING = 7
# Widths of Verdana in thousandths of its size, for groups of letters that are about as wide.
_WIDTHS = {
    width: frozenset(letters)
    for width, letters in (
        (300, "iljI|'!"),
        (390, ".,:;·ftr()[]{}/\\ -"),
        (540, 'csvxyzkJ"*'),
        (700, "ABCDEFGHKLNOPQRSTUVXYZ&=+<>#~%"),
        (960, "mwMW@…"),
    )
}
_USUAL, _WIDE = 625, 1100


@dataclass(frozen=True)
class Badge:
    """What a badge says."""

    label: str
    message: str
    outcome: Outcome


def of(record: RunRecord, verdict: Verdict) -> Badge:
    """The badge of a run: a metric with a gate, and the outcome in words."""
    _, word = wording.OUTCOMES[verdict.outcome]
    label = wording.short(printable(record.title.strip() or LABEL), _LONGEST)
    decisive = "" if verdict.outcome == "error" else _metric(record, verdict)
    message = f"{decisive} · {word.lower()}" if decisive else word.lower()
    return Badge(label=label, message=message, outcome=verdict.outcome)


def svg(badge: Badge) -> str:
    """The badge as a picture, in one line for small changes in git.

    Texts are stretched to the widths that were estimated, so that they fit with any font.
    """
    left, right = _width(badge.label), _width(badge.message)
    split, whole = left + 2 * _PADDING, left + right + 4 * _PADDING
    title = escape(f"{badge.label}: {badge.message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{_HEIGHT}" '
        f'viewBox="0 0 {whole} {_HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        # Paths, not a clipped rectangle: that needs an id, and a page may show several badges.
        f'<path fill="{_LABEL_COLOR}" d="M3 0H{split}V{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"/>'
        f'<path fill="{_COLORS[badge.outcome]}" d="M{split} 0H{whole - 3}a3 3 0 0 1 3 3V17'
        f'a3 3 0 0 1-3 3H{split}z"/>'
        f'<g fill="#fff" font-family="{_FONT}" font-size="{_SIZE}" aria-hidden="true">'
        f"{_text(badge.label, _PADDING, left)}{_text(badge.message, split + _PADDING, right)}"
        "</g></svg>\n"
    )


def endpoint(badge: Badge) -> dict[str, object]:
    """The badge for shields.io to draw, which can look at public repositories only.

    https://shields.io/badges/endpoint-badge
    """
    return {
        "schemaVersion": 1,
        "label": badge.label,
        "message": badge.message,
        "color": _COLORS[badge.outcome].removeprefix("#"),
        "labelColor": _LABEL_COLOR.removeprefix("#"),
        # Nobody can then show a failure in another colour.
        "isError": badge.outcome in ("fail", "error"),
    }


def files(badge: Badge) -> dict[str, str]:
    """Both forms, as `forge.assets.put_badge` takes them."""
    return {"svg": svg(badge), "json": json.dumps(endpoint(badge), indent=2) + "\n"}


def _metric(record: RunRecord, verdict: Verdict) -> str:
    """`F1 0.7571`: of the gate that decided, else of the first gate, else what matters first."""
    compare = record.compare
    if compare is None:
        return ""
    values = {change.name: change.head for change in compare.metrics}
    gates = sorted(compare.gates, key=lambda gate: gate.name != verdict.decided_by)
    names = [*(gate.metric for gate in gates), *values]
    name = next((name for name in names if values.get(name) is not None), None)
    if name is None:
        return ""
    title = wording.short(printable(wording.metric_title(name)), _LONGEST)
    return f"{title} {wording.number(values[name])}"


def _text(text: str, x: int, width: int) -> str:
    return (
        f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text>"
    )


def _width(text: str) -> int:
    """Pixels that a text takes, about."""
    return max(1, round(sum(map(_thousandths, text)) * _SIZE / 1000))


def _thousandths(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    return next((width for width, letters in _WIDTHS.items() if letter in letters), _USUAL)
