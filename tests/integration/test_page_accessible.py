"""The HTML page by axe-core's rules, light and dark: no violation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from assay.report import figures, html
from assay.serving import docspage, openapi
from assay.serving.settings import ServeSettings

from tests import records, rendering, serving_bundles
from tests.golden import FOLDER
from tests.rendering import packages

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.needs("node"),
    pytest.mark.needs("npm"),
    pytest.mark.usefixtures("npm_packages"),
]
UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
RUN = """axe.run(document).then(({ violations, passes }) => ({
  passed: passes.length,
  violations: violations.flatMap(({ id, nodes }) => nodes.map(({ target, html }) =>
    `${id}: ${target.join(" ")}: ${html.slice(0, 120)}`)),
}))"""
# Narrow and light, wide and dark: what scrolls is found on a phone, colours in both.
VIEWS: tuple[tuple[rendering.Theme, int], ...] = (("light", rendering.PHONE), ("dark", 1_100))


def scripts() -> tuple[str, ...]:
    """What looks at a page by axe-core's rules."""
    program = packages.folder() / "node_modules/axe-core/axe.min.js"
    return UNFOLD, program.read_text(encoding="utf-8"), RUN


def judged(pages: list[str]) -> list[dict[str, Any]]:
    """What axe-core says of each page in each view. It is put in beside the page, not into it."""
    looks = [
        rendering.Look(html=page, theme=theme, width=width, scripts=scripts())
        for page in pages
        for theme, width in VIEWS
    ]
    return [seen.value for seen in rendering.look(looks)]


def test_axe_sees_what_is_wrong() -> None:
    grey = "color: #777; background: #888"
    page = f'<!doctype html><html><title>x</title><img><p style="{grey}">Grey on grey.</p>'
    for value in judged([page]):
        rules = {violation.split(":")[0] for violation in value["violations"]}
        assert {"image-alt", "html-has-lang", "color-contrast"} <= rules


def test_every_page_keeps_every_rule(tmp_path: Path) -> None:
    golden = sorted((FOLDER / "report").glob("*.html"))
    pages = {path.stem: path.read_text(encoding="utf-8") for path in golden}
    for name in ("good", "regression-task", "multiclass"):
        record = records.ALL[name]()
        plots = figures.of(record, {})
        assert plots
        pages[f"{name} with plots"] = html.render(record, plots=plots)
    model = serving_bundles.loaded(tmp_path)
    pages["server"] = docspage.index(model).decode()
    pages["server's docs"] = docspage.docs(model, openapi.document(model, ServeSettings())).decode()
    found = judged(list(pages.values()))
    for (name, view), value in zip(itertools.product(pages, VIEWS), found, strict=True):
        assert value["violations"] == [], f"{name}, {view}"
        assert value["passed"] > 10, f"{name}, {view}"
