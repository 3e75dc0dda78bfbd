"""What people read, as it is meant to be. `RENEW=1 pytest tests/unit/report` writes it anew."""

import pytest
from assay.provenance import Provenance
from assay.record import RunRecord
from assay.report import html, markdown, terminal
from assay.report.images import Image
from assay.report.mermaid import Chart

from tests import contract_records, evidence_records, package_records, records
from tests.golden import assert_golden

FILES = {"Full report": ".assay/report.html", "Comment": ".assay/report.md"}


HOSTILE = "</code>`|*_<img src=x onerror=alert(1)>\n@team"


def from_a_fork() -> RunRecord:
    """One of several models, published by a trusted run that found a contradiction."""
    record = evidence_records.sure()
    provenance = Provenance(
        run_url="https://github.com/acme/bikes/actions/runs/2",
        verified=("the pull request", "the commit `4f1c0de`", "the verdict, from its numbers"),
        reported=("every metric", "the data", "the tests"),
        differences=("It says `passed`, and its own numbers say failed.",),
    )
    return record.model_copy(update={"title": "Churn model", "provenance": provenance})


IMAGES = tuple(
    Image(
        title=title,
        alt=f"{title}: this change is above base.",
        width=640,
        light=f"https://github.com/acme/bikes/raw/{records.HEAD}/{number}.png",
        dark=f"https://github.com/acme/bikes/raw/{records.HEAD}/{number}-dark.png",
    )
    for number, title in enumerate(("ROC curve", "Calibration"))
)
CHARTS = (
    Chart(
        title="ROC curve",
        alt="This change is above base.",
        text="xychart-beta\n    line [0, 0.8, 1]\n    line [0, 0.7, 1]",
    ),
)
ALL = {
    **records.ALL,
    **package_records.ALL,
    "broken-contract": contract_records.broken,
    "fork": from_a_fork,
    "sure": evidence_records.sure,
    "sure-hostile": lambda: evidence_records.sure(HOSTILE),
}


@pytest.mark.parametrize("name", ALL)
def test_comment(name: str) -> None:
    link = "https://github.com/acme/bikes/actions/runs/1/artifacts/2"
    assert_golden(f"report/{name}.md", markdown.render(ALL[name](), html_link=link))


def test_comment_with_plots() -> None:
    assert_golden("report/images.md", markdown.render(from_a_fork(), images=IMAGES, charts=CHARTS))
    assert_golden("report/charts.md", markdown.render(records.good(), charts=CHARTS))


@pytest.mark.parametrize("name", ALL)
def test_terminal(name: str) -> None:
    text = terminal.text(ALL[name](), files=FILES)
    assert max(map(len, text.splitlines())) <= 80
    assert_golden(f"report/{name}.txt", text)


@pytest.mark.parametrize(
    "name",
    [
        "good",
        "failed-checks",
        "broken-contract",
        "errored-checkout",
        "hostile",
        "fork",
        "sure",
        "sure-hostile",
        "disagreeing",
    ],
)
def test_page_without_plots(name: str) -> None:
    page = html.render(ALL[name](), plots={"A plot": "<svg></svg>"})
    style = page[page.index("<style>") : page.index("</style>")]
    assert_golden(f"report/{name}.html", page.replace(style, "<style>"))
