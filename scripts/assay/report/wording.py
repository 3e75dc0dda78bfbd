"""How numbers and changes read: digits, units, words. Standard library and the catalogue only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.changes import Change
    from assay.evidence import Evidence
    from assay.section import Status
    from assay.verdict import Outcome

MISSING = "none"
"""A dash can be read as a minus, and a screen reader skips it."""

OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "pass": ("✅", "Passed"),
    "warn": ("⚠️", "Passed with warnings"),
    "fail": ("❌", "Failed"),
    "inconclusive": ("❔", "Inconclusive"),
    "no gate": ("⚪", "Not judged"),
    "error": ("🛑", "Could not finish"),
}
"""An icon and the words it stands for; the icon is never shown without them."""

STATUSES: dict[str, tuple[str, str]] = {
    "pass": ("✅", "passed"),
    "warn": ("⚠️", "warning"),
    "fail": ("❌", "failed"),
    "skipped": ("⏭️", "skipped"),
    "error": ("🛑", "error"),
    "not run": ("⏭️", "not run"),
}

_MOST_DECIMALS = 6
_CHANGES = {"no evidence": "no evidence of change", "not judged": "too few rows to tell"}
# Of many slices some have intervals without a zero, and that is no evidence yet.
_OF_SLICES = {**_CHANGES, "no evidence": "may be chance"}


def metric_title(name: str) -> str:
    """What people call a metric: `Mean absolute error` for `mae`; an unknown name as it is."""
    from assay.stats import catalogue  # which a server that starts need not wait for

    canonical = catalogue.canonical(name)
    metric = catalogue.find(canonical) if canonical else None
    return metric.title if metric else name


def decimals(*values: float | None, difference: float | None = None) -> int:
    """Decimals that show these numbers in four digits, and at least two of their difference."""
    largest = max((abs(v) for v in values if v is not None), default=0.0)
    magnitude = math.floor(math.log10(largest)) if largest else -1
    # Shares keep four decimals, so that they stand below each other as people compare them.
    places = 3 - magnitude if magnitude >= -1 else max(4, 2 - magnitude)
    if difference:
        places = max(places, 1 - math.floor(math.log10(abs(difference))))
    return min(max(places, 0), _MOST_DECIMALS)


def number(value: float | None, places: int | None = None) -> str:
    """A number with thousands separators; very large and very small ones as powers of ten."""
    if value is None:
        return MISSING
    if value != 0 and not 1e-6 <= abs(value) < 1e12:
        return f"{value:.3g}"
    text = f"{value:,.{decimals(value) if places is None else places}f}"
    return _without_negative_zero(text)


def signed(value: float | None, places: int | None = None) -> str:
    """A difference with its sign: `+0.012`, `−3`; nothing where there is none."""  # noqa: RUF002
    if value is None:
        return ""
    if value == 0:
        return ""
    text = number(abs(value), decimals(value, difference=value) if places is None else places)
    return f"{'+' if value > 0 else '−'}{text}"  # noqa: RUF001 (a minus sign is what is meant)


def pair(base: float | None, head: float | None) -> tuple[str, str, str]:
    """Base, head and their difference, with the same number of decimals."""
    difference = None if base is None or head is None else head - base
    places = decimals(base, head, difference=difference)
    return number(base, places), number(head, places), signed(difference, places)


def percent(confidence: float) -> str:
    """`95 %`."""
    return f"{100 * confidence:g} %"


def interval(evidence: Evidence) -> str:
    """`+0.0040 to +0.0390`, with the decimals of the difference."""
    places = decimals(evidence.base, evidence.head, difference=evidence.difference)
    return " to ".join(signed(end, places) or "0" for end in (evidence.low, evidence.high))


def bound(value: float) -> str:
    """A limit as the user wrote it: no digits are added to it, and none taken away."""
    return f"{value:,.12g}"


def change_words(change: Change, difference: float | None, *, of_slice: bool = False) -> str:
    """The arrow says where the number went, the word whether that is good."""
    if change in ("added", "removed"):
        return {"added": "new", "removed": "gone"}[change]
    if difference is None:
        return ""  # neither has a value
    if change == "equal" or not difference:
        return "unchanged"
    arrow = "↑" if difference > 0 else "↓"
    return f"{arrow} {(_OF_SLICES if of_slice else _CHANGES).get(change, change)}"


def size(count: int | None) -> str:
    """Bytes, in the decimal units that disks and networks are sold in."""
    if count is None:
        return MISSING
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(amount) < 999.5:
            return (
                f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return f"{amount:,.1f} TB"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds is None:
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(amount: int, one: str, many: str | None = None) -> str:
    """`1 file`, `1,200 files`."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def share(value: float | None) -> str:
    """A part of a whole in percent; a tiny part is never rounded to none, nor nearly all to all."""
    if value is None:
        return ""
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.1f} %"


def status_words(status: Status | str) -> str:
    """A status as icon and word."""
    return " ".join(STATUSES[str(status)])


def listed(names: list[str], *, most: int = 4) -> str:
    """`a, b and c`; `a, b and 7 more`."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1:,} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def short(text: str, most: int) -> str:
    """At most `most` characters; the cut is visible."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _without_negative_zero(text: str) -> str:
    negative = text.startswith("-")
    if negative and not any(digit in text for digit in "123456789"):
        return text[1:]
    return text.replace("-", "−") if negative else text  # noqa: RUF001 (as in `signed`)
