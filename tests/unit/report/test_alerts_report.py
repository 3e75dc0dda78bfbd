"""What people read of a watch: the issue, its comments, the terminal, the page, the pictures."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from assay.monitor.causes import Told
from assay.report import monitor, monitorcharts, monitorpage, monitorwords, svg
from assay.report.images import Image
from assay.report.markdown import length
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import alerts_sections as sections
from tests.alerts_sections import CASES, HOSTILE
from tests.golden import assert_golden
from tests.prometheus_section import measured, window

if TYPE_CHECKING:
    from assay.monitor import causes

IMAGE = Image(title="By window", alt="x", width=340, light="https://l", dark="https://d")
RUN = "https://github.com/acme/bikes/actions/runs/7"


@pytest.mark.parametrize("name", CASES)
def test_the_issue(name: str) -> None:
    found = CASES[name]()
    text = f"{monitor.title(found)}\n\n{monitor.markdown(found, images=[IMAGE], run_url=RUN)}"
    assert_golden(f"monitor/{name}.md", text)


@pytest.mark.parametrize("name", ["contract", "empty", "hostile"])
def test_the_page(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What draws is another's, and its pixels change with its version: the tests below draw.
    monkeypatch.setattr(svg, "available", lambda: False)
    monkeypatch.setattr(monitorpage, "__version__", "0.0.0")
    assert_golden(f"monitor/{name}.html", monitorpage.render(CASES[name]()))


@pytest.mark.parametrize("event", ["starts", "changes", "ends"])
@pytest.mark.parametrize("name", ["drift", "contract", "hostile"])
def test_comments(name: str, event: causes.News) -> None:
    found = CASES[name]()
    told = Told(since=found.newest.start - timedelta(days=3), issue=(), webhook=())
    text = monitor.comment(found, event, told)
    said = monitor.summary(found, event, told)
    assert "\n" not in said
    assert_golden(f"monitor/comments/{name}-{event}.md", f"{text}\n\n{said}\n")


class TestTitle:
    def test_it_names_model_environment_and_cause(self) -> None:
        title = monitor.title(sections.drift())
        assert title == "peak-hour in production: ROC AUC got worse; drift of temperature"

    def test_without_an_environment(self) -> None:
        found = sections.once().model_copy(update={"environment": None})
        assert monitor.title(found) == "peak-hour: drift of temperature"

    def test_many_columns_are_counted(self) -> None:
        asked = [
            sections.question(f"c{at}", about="feature", effect=0.3 + at / 100) for at in range(9)
        ]
        found = sections.moved(sections.odd(1), sections.odd(asked=asked))
        assert "drift of temperature, c8, c7 and 7 more" in monitor.title(found)


class TestMarkdown:
    def test_the_answer_comes_first(self) -> None:
        first = monitor.markdown(sections.drift()).partition("\n")[0]
        assert first.startswith("🔴 peak-hour v1.3.0 in `production`: ")
        for part in ("ROC AUC got worse", "since 2026-11-21", "p &lt; 0.001", "2 of the last 5"):
            assert part in first

    def test_labelled_and_estimated_are_told_apart(self) -> None:
        text = monitor.markdown(sections.drift())
        assert "| ROC AUC | by labels |" in text
        assert "| ROC AUC | estimated, without labels |" in text

    def test_what_is_too_long_loses_folds_before_the_verdict(self) -> None:
        found = sections.drift()
        whole = monitor.markdown(found, images=[IMAGE] * 4)
        for limit in range(length(whole), 1_000, -500):
            text = monitor.markdown(found, images=[IMAGE] * 4, limit=limit)
            assert length(text) <= limit
            assert text.startswith(monitor.headline(found))

    def test_what_to_do_fits_the_cause(self) -> None:
        assert "retrain --why performance" in monitor.markdown(sections.drift())
        assert "retrain --why drift" in monitor.markdown(sections.once())
        assert "retrain" not in monitor.markdown(sections.contract())
        assert "What to do" not in monitor.markdown(sections.section())

    def test_hours_are_told_where_windows_are_hours(self) -> None:
        hour = window().model_copy(update={"end": window().start + timedelta(hours=6)})
        found = sections.section([hour])
        assert monitorwords.span(found, hour) == "2026-11-23 00:00 to 06:00"

    @pytest.mark.parametrize(
        ("start", "days", "said"),
        [
            ("2026-11-23", 7, "2026-11-23 until 2026-11-30"),
            ("2026-11-01", 30, "2026-11"),
            ("2028-02-01", 29, "2028-02"),
            ("2026-11-01", 7, "2026-11-01 until 2026-11-08"),
        ],
    )
    def test_weeks_and_months(self, start: str, days: int, said: str) -> None:
        began = datetime.fromisoformat(f"{start}T00:00:00+00:00")
        one = window().model_copy(update={"start": began, "end": began + timedelta(days=days)})
        assert monitorwords.span(sections.section([one]), one) == said

    def test_a_slice_that_got_worse_is_named(self) -> None:
        asked = [sections.question("roc_auc", 0.01), sections.question("roc_auc (a (b)=1)", 0.2)]
        metrics = [measured(0.84), measured(0.6, slice="a (b)=1"), measured(0.8, slice="c=1")]
        found = sections.section([window(1, asked=asked), window(asked=asked, metrics=metrics)])
        assert monitor.title(found) == "peak-hour in production: ROC AUC on a (b)=1 got worse"
        rows = [row for row in monitor.markdown(found).splitlines() if "🔴 worse (p" in row]
        judged = "by labels | 0.8500 | 0.6000 | 0.2000 (0.1800 to 0.2200) | 0.05 | 1,800 |"
        assert rows == [
            f"| ROC AUC on `a (b)=1` | {judged} 🔴 worse (p &lt; 0.001) |",
            f"| `a (b)=1` | ROC AUC | {judged} 🔴 worse (p &lt; 0.001) |",
        ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


class TestHostile:
    @settings(max_examples=30)
    @given(TEXT | st.sampled_from([HOSTILE, "-->", "``` x", "| |", "<!channel>"]))
    def test_text_of_others_does_nothing(self, name: str) -> None:
        asked = [sections.question(name, about="feature", effect=0.4), sections.question(name)]
        newest = sections.odd(asked=asked).model_copy(update={"notes": (name,)})
        found = sections.moved(sections.odd(1), newest, environment=name)
        text = monitor.markdown(found)
        assert "<script" not in text
        assert "\n# " not in text
        rows = [line for line in text.splitlines() if line.endswith("(p &lt; 0.001) |")]
        assert {row.count(" | ") for row in rows} == {5, 7}
        assert "\n" not in monitor.title(found)

    def test_the_page_runs_nothing_of_it(self) -> None:
        page = monitorpage.render(sections.hostile())
        assert page.count("<script") == 1
        assert "javascript:x) @acme/team &lt;script&gt;" in page
        assert "49" not in re.sub(r"sha256-\S+|\d+\.\d+|#\w+", "", page.partition("<body>")[0])
        assert not re.search(r"(src|href)=", page.partition("<svg")[0])


class TestPictures:
    def test_what_matters_is_drawn(self) -> None:
        over, column = monitorcharts.of(sections.drift())
        assert (over.name, column.name) == ("windows", "column-0")
        panels = over.spec["vconcat"]
        assert [one["title"]["text"] for one in panels] == [
            "ROC AUC, worse by", "drift of temperature", "features together",
        ]  # fmt: skip
        _, moved, _ = panels
        shaded, bound, drawn = moved["layer"]
        assert [row["window"] for row in shaded["data"]["values"]] == ["2026-11-23"]
        assert bound["data"]["values"] == [{"bound": 0.1}]
        assert [row["drifts"] for row in drawn["data"]["values"]] == [
            "no drift", "no drift", "no drift", "drift", "no drift", "drift",
        ]  # fmt: skip
        shares = [row["share"] for row in column.spec["data"]["values"]]
        assert sum(shares) == pytest.approx(2)

    @pytest.mark.parametrize("name", ["drift", "hostile"])
    def test_they_can_be_drawn(self, name: str) -> None:
        charts = monitorcharts.of(CASES[name]())
        assert charts
        for chart in charts:
            assert "<script" not in svg.draw(chart)
            assert re.fullmatch("[a-z0-9-]+", chart.name)

    def test_one_window_has_no_timeline(self) -> None:
        (only,) = monitorcharts.of(sections.moved(sections.odd(), k=1, n=1))
        assert only.name == "column-0"

    def test_the_page_shows_them(self) -> None:
        page = monitorpage.render(sections.once())
        assert page.count("<figure>") == 2
        assert 'role="img"' in page
