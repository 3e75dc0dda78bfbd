"""What people read, as it is meant to be. `RENEW=1 pytest tests/unit/report` writes it anew."""

import pytest
from assay.report import html, markdown, terminal

from tests import evidence_records, records
from tests.golden import assert_golden

FILES = {"Full report": ".assay/report.html", "Comment": ".assay/report.md"}


HOSTILE = "</code>`|*_<img src=x onerror=alert(1)>\n@team"
ALL = {
    **records.ALL,
    "sure": evidence_records.sure,
    "sure-hostile": lambda: evidence_records.sure(HOSTILE),
}


@pytest.mark.parametrize("name", ALL)
def test_comment(name: str) -> None:
    link = "https://github.com/acme/bikes/actions/runs/1/artifacts/2"
    assert_golden(f"report/{name}.md", markdown.render(ALL[name](), html_link=link))


@pytest.mark.parametrize("name", ALL)
def test_terminal(name: str) -> None:
    text = terminal.text(ALL[name](), files=FILES)
    assert max(map(len, text.splitlines())) <= 80
    assert_golden(f"report/{name}.txt", text)


@pytest.mark.parametrize(
    "name", ["good", "failed-checks", "errored-checkout", "hostile", "sure", "sure-hostile"]
)
def test_page_without_plots(name: str) -> None:
    page = html.render(ALL[name](), plots={"A plot": "<svg></svg>"})
    style = page[page.index("<style>") : page.index("</style>")]
    assert_golden(f"report/{name}.html", page.replace(style, "<style>"))
