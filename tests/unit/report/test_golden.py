"""What people read, as it is meant to be. `RENEW=1 pytest tests/unit/report` writes it anew."""

import pytest
from assay.report import html, markdown, terminal

from tests import records
from tests.golden import assert_golden

FILES = {"Full report": ".assay/report.html", "Comment": ".assay/report.md"}


@pytest.mark.parametrize("name", records.ALL)
def test_comment(name: str) -> None:
    link = "https://github.com/acme/bikes/actions/runs/1/artifacts/2"
    assert_golden(f"report/{name}.md", markdown.render(records.ALL[name](), html_link=link))


@pytest.mark.parametrize("name", records.ALL)
def test_terminal(name: str) -> None:
    text = terminal.text(records.ALL[name](), files=FILES)
    assert max(map(len, text.splitlines())) <= 80
    assert_golden(f"report/{name}.txt", text)


@pytest.mark.parametrize("name", ["good", "failed-checks", "errored-checkout", "hostile"])
def test_page_without_plots(name: str) -> None:
    page = html.render(records.ALL[name](), plots={"A plot": "<svg></svg>"})
    style = page[page.index("<style>") : page.index("</style>")]
    assert_golden(f"report/{name}.html", page.replace(style, "<style>"))
