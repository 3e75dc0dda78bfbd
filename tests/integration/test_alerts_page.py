"""The page of a window in Chromium: it sorts, fits a phone, loads nothing, and keeps every rule."""

from __future__ import annotations

import pytest
from assay.report import monitorpage

from tests import alerts_sections as sections
from tests import rendering
from tests.integration import test_page_accessible as accessible

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.needs("node"),
    pytest.mark.needs("npm"),
    pytest.mark.usefixtures("npm_packages"),
]
NAMES = "[...document.querySelectorAll('#columns tbody th')].map((cell) => cell.textContent)"
CLICK = "document.querySelectorAll('#columns thead button')[%d].click()"
CHOOSE = """{ const select = document.getElementById('sorting'); select.value = '%s';
select.dispatchEvent(new Event('change')); }"""
FITS = "document.documentElement.scrollWidth <= innerWidth"
FOREIGN = "document.querySelectorAll('script, a, img, iframe').length"


SORTED: list[tuple[tuple[str, ...], list[str]]] = [
    ((), ["temperature", "label", "season"]),
    ((CLICK % 0,), ["label", "season", "temperature"]),
    ((CLICK % 0, CLICK % 0), ["temperature", "season", "label"]),
    ((CLICK % 6,), ["temperature", "label", "season"]),
    ((CLICK % 6, CLICK % 6), ["season", "label", "temperature"]),
    # What has no value comes last, whichever way.
    ((CLICK % 9,), ["season", "temperature", "label"]),
    ((CLICK % 9, CLICK % 9), ["season", "temperature", "label"]),
    ((CLICK % 0, CHOOSE % ""), ["temperature", "label", "season"]),
    ((CHOOSE % 0,), ["label", "season", "temperature"]),
]


def test_it_sorts_fits_a_phone_keeps_every_rule_and_runs_nothing_of_others() -> None:
    page = monitorpage.render(sections.drift())
    hostile = monitorpage.render(sections.hostile())
    looks = [rendering.Look(html=page, scripts=(*scripts, NAMES)) for scripts, _ in SORTED]
    looks += [
        rendering.Look(html=one, width=rendering.PHONE, scripts=(FITS,)) for one in (page, hostile)
    ]
    looks.append(rendering.Look(html=hostile, scripts=(FOREIGN,)))
    looks += [
        rendering.Look(html=page, theme=theme, width=width, scripts=accessible.scripts())
        for theme, width in accessible.VIEWS
    ]
    # One start of the browser for all: it takes longer than they do.
    *seen, small, small_hostile, foreign, light, dark = rendering.look(looks)
    for (scripts, names), one in zip(SORTED, seen, strict=True):
        assert one.problems == ()
        assert one.value == names, scripts
    assert (small.value, small_hostile.value, foreign.value) == (True, True, 1)
    assert foreign.problems == ()
    for one in (light, dark):
        assert one.value["violations"] == []
        assert one.value["passed"] > 10
