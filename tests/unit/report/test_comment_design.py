"""What the comment shows and in which order: heading, bars, plots, whose word it is, budgets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from assay.gates import SignificanceTest
from assay.provenance import Provenance
from assay.report import comparison, escape, heading, html, markdown, summary, terminal
from assay.report.images import Image
from assay.report.mermaid import Chart
from assay.verdict import decide

from tests import evidence_records, records

if TYPE_CHECKING:
    from assay.record import RunRecord


def with_(record: RunRecord, stage: str, **update: Any) -> RunRecord:
    section = record.section(stage)
    assert section is not None
    return record.with_section(stage, section.model_copy(update=update))


def head_of(record: RunRecord) -> heading.Heading:
    return heading.of(record, decide(record))


def image(**given: Any) -> Image:
    whole = {"title": "ROC", "alt": "It rose.", "width": 640}
    urls = {"light": "https://github.com/l.png", "dark": "https://github.com/d.png"}
    return Image(**{**whole, **urls, **given})


CHART = Chart(title="ROC", alt="It rose.", text="xychart-beta")


class TestHeading:
    def test_one_slice_that_got_worse_is_named(self) -> None:
        record = records.good()
        assert record.compare is not None
        one = with_(record, "compare", slices=record.compare.slices[:3])
        assert head_of(one).text == (
            "F1 0.6512 → 0.6634 (+0.0122, better), but worse on workingday = 0."
        )

    def test_no_slice_that_got_worse(self) -> None:
        record = with_(records.good(), "compare", slices=())
        assert head_of(record).text == "F1 0.6512 → 0.6634 (+0.0122, better)."

    def test_nothing_changed(self) -> None:
        same = (records.change("f1", 0.5, 0.5, configured=True),)
        record = with_(records.good(), "compare", metrics=same, slices=())
        assert head_of(record).text == "F1 is unchanged at 0.5000."

    def test_the_chance_is_said_below(self) -> None:
        found = head_of(evidence_records.sure())
        assert found.text == "F1 on workingday = 0 fell by 0.0578, more than chance explains."
        assert found.more == "p = 0.00045, corrected for 3 tests."

    def test_parentheses_that_are_no_chance_stay(self) -> None:
        record = evidence_records.sure()
        assert record.compare is not None
        gate = record.compare.gates[-1]
        test = SignificanceTest(null=0.0, p_value=0.1, adjusted=0.1, alpha=0.05)
        message = "own_metric fell (a lot), nobody knows why"
        gate = gate.model_copy(update={"message": message, "test": test, "metric": "own_metric"})
        found = head_of(with_(record, "compare", gates=(gate,)))
        assert (found.text, found.more) == (f"{message}.", "")

    def test_a_long_one_is_said_in_full_below(self) -> None:
        record = records.errored_checkout()
        assert record.checkout is not None
        reason = record.checkout.reasons[0].model_copy(update={"message": f"It {'is ' * 120}now."})
        text = markdown.render(with_(record, "checkout", reasons=(reason,)))
        first, _, rest = text.partition("\n")
        assert len(first) < 300
        assert first.endswith("…")
        assert "is is is now." in rest

    def test_the_model_has_a_name(self) -> None:
        record = records.good().model_copy(update={"title": "Churn @team"})
        assert markdown.render(record).startswith("### ✅ Passed · Churn @\u200bteam: F1 0.6512")
        assert "<title>Passed · Churn @team: acme/bikes" in html.render(record)
        assert "Passed · Churn @team: F1" in terminal.text(record)


class TestTables:
    def test_a_phone_shows_three_columns(self) -> None:
        text = markdown.render(evidence_records.sure(), charts=(CHART,))
        for row in re.findall(r"^\|:?--.*$", text.partition("<details>")[0], re.MULTILINE):
            assert row.count("|") <= 4

    def test_bars_are_hidden_from_screen_readers(self) -> None:
        text = markdown.render(evidence_records.sure())
        shown = re.sub(r'<(code|sub) aria-hidden="true">.*?</\1>', "", text)
        assert "●" in text
        assert not set("●┼├┤━┿") & set(shown)
        page = html.render(evidence_records.sure())
        assert not set("●┼├┤━┿") & set(
            re.sub(r'<span class="bar" aria-hidden="true">.*?<', "<", page)
        )

    def test_without_intervals_there_are_no_bars(self) -> None:
        assert "aria-hidden" not in markdown.render(records.good())


class TestPlots:
    def test_images_for_dark_and_light(self) -> None:
        text = markdown.render(records.good(), images=(image(),), charts=(CHART,))
        assert (
            '<picture><source media="(prefers-color-scheme: dark)"'
            ' srcset="https://github.com/d.png"><img alt="It rose." width="640"'
            ' src="https://github.com/l.png"></picture>'
        ) in text
        assert "mermaid" not in text

    def test_text_of_an_image_stays_in_its_attribute(self) -> None:
        odd = image(alt='"><script>\n\n@team', light='https://x.y/"onerror=a b')
        assert escape.picture(odd) == (
            '<picture><source media="(prefers-color-scheme: dark)"'
            ' srcset="https://github.com/d.png">'
            '<img alt="&#34;&gt;&lt;script&gt;\\n\\n@team" width="640"'
            ' src="https://x.y/%22onerror=a%20b"></picture>'
        )

    @pytest.mark.parametrize("url", ["javascript:alert()", "", "\nhttps://e.vil", "https://[e"])
    def test_charts_where_images_have_no_address(self, url: str) -> None:
        text = markdown.render(records.good(), images=(image(light=url),), charts=(CHART,))
        assert "```mermaid\nxychart-beta\n```\n\nIt rose.\n" in text
        assert "<picture>" not in text

    def test_a_chart_stays_in_its_fence(self) -> None:
        text = escape.fence("a\n```\n</details>\r````\x00", "mermaid")
        assert text == "`````mermaid\na\n```\n</details>\n````\\x00\n`````"

    def test_none(self) -> None:
        assert "Plots" not in markdown.render(records.good())


class TestProvenance:
    WORD = Provenance(
        run_url="https://github.com/a/b/actions/runs/2",
        verified=("the commit `4f1c0de`",),
        reported=("every metric",),
        differences=tuple(f"`a|b` {number} @team" for number in range(12)),
    )

    def text(self, **update: object) -> str:
        told = self.WORD.model_copy(update=update)
        return markdown.render(records.good().model_copy(update={"provenance": told}))

    def test_differences_come_first(self) -> None:
        text = self.text()
        assert text.index("### ") < text.index("> [!CAUTION]") < text.index("| Metric |")
        assert "> - <code>a&#124;b</code> 0 @\u200bteam" in text
        assert "> - …and 2 more" in text
        assert "> **Checked anew:** the commit `4f1c0de`" in text
        assert "> **Only reported:** every metric" in text
        assert "([log of that run](https://github.com/a/b/actions/runs/2))" in text

    def test_without_differences_it_is_a_note(self) -> None:
        text = self.text(differences=(), run_url="javascript:x")
        assert "> [!NOTE]" in text
        assert "contradicts" not in text
        assert "javascript" not in text

    def test_a_fork_is_said_once(self) -> None:
        record = records.errored_checkout().model_copy(update={"provenance": self.WORD})
        assert "made by a fork's code" not in markdown.render(record)

    def test_it_is_the_last_to_go(self) -> None:
        assert markdown.LEAST_IMPORTANT_FIRST[-1] == "provenance"
        record = records.hostile().model_copy(update={"provenance": self.WORD})
        text = markdown.render(record, limit=1_400)
        assert "problems" in text.rpartition("_Left out")[2]
        assert "[!CAUTION]" in text

    def test_the_page_and_the_terminal_say_it_too(self) -> None:
        record = records.good().model_copy(update={"provenance": self.WORD})
        assert "It contradicts what was checked:" in html.render(record)
        assert "It contradicts what was checked: " in terminal.text(record)


class TestBudget:
    def test_the_note_says_where_the_rest_is(self) -> None:
        text = markdown.render(records.good(), limit=2_000, html_link="https://x.y/z")
        assert text.rstrip().endswith("All of it is in [the full report](https://x.y/z)._")
        text = markdown.render(records.good(), limit=2_000)
        assert text.rstrip().endswith("All of it is in the full report, `report.html`._")

    def test_every_part_has_its_place(self) -> None:
        from assay.report import templating

        source = (templating.FOLDER / markdown.TEMPLATE).read_text(encoding="utf-8")
        assert set(re.findall(r'part\("([^"]+)"\)', source)) == set(markdown.LEAST_IMPORTANT_FIRST)

    def test_the_summary_has_more_rows(self) -> None:
        many = tuple(records.change(f"metric_{i}", 0.5, 0.6) for i in range(150))
        record = with_(records.good(), "compare", metrics=many)
        assert "| `metric_149` |" in summary.render(record, charts=(CHART,))
        assert "…and 122 more, in the full report." in markdown.render(record)


def test_of_what_nobody_sees_no_row_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    original = comparison.title

    def title(name: str) -> escape.Phrase:
        made.append(name)
        return original(name)

    monkeypatch.setattr(comparison, "title", title)
    metrics = tuple(records.change(f"metric_{i}", 0.5, 0.6) for i in range(1_000))
    markdown.render(with_(records.good(), "compare", metrics=metrics))
    assert len(made) < 60
