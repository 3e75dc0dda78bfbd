"""The HTML page in a real browser: nothing is refused, everything is seen, nothing overflows."""

from __future__ import annotations

import functools
import html as entities
import json
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from assay.report import figures, html

from tests import package_records, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDTHS = (390, 1_100)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
)
# Measures the page inside of frames, one as wide as a phone; the page itself runs no script.
WATCHER = """<!doctype html><body>%s<pre id="found"></pre><script>
const measured = (frame) => {
  const page = frame.contentDocument;
  const root = page.documentElement;
  page.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  const plots = [...page.querySelectorAll("figure svg")].map((svg) => {
    const box = svg.getBoundingClientRect();
    return { width: box.width, height: box.height, name: svg.getAttribute("aria-labelledby"),
             shapes: svg.querySelectorAll("path, rect, text").length };
  });
  const style = page.defaultView.getComputedStyle(page.body);
  const curve = page.querySelector('figure path[stroke^="var"]');
  return {
    width: frame.width, scroll: root.scrollWidth, client: root.clientWidth, plots,
    background: style.backgroundColor, size: style.fontSize,
    stroke: curve && page.defaultView.getComputedStyle(curve).stroke,
    scripts: page.querySelectorAll("script, [onload], [onclick], [onerror]").length,
    images: [...page.images].map((image) => image.naturalWidth),
  };
};
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(measured);
  document.querySelector("#found").textContent = JSON.stringify(found);
});
</script>"""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000"
    "01f15c4890000000a49444154789c63000100000500010d0a2db40000000049454e44ae426082"
)


class Server(ThreadingHTTPServer):
    """Serves a folder, and remembers what was asked for."""

    paths: list[str]


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        self.server.paths.append(self.path)  # type: ignore[attr-defined]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "site").mkdir()
    handler = functools.partial(Handler, directory=str(tmp_path / "site"))
    with Server(("127.0.0.1", 0), handler) as found:
        found.paths = []
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@dataclass(frozen=True)
class Opened:
    """What Chromium made of a page."""

    frames: list[dict[str, Any]]
    console: list[str]
    requests: set[str]


def opened(server: Server, folder: Path, page: str, *flags: str) -> Opened:
    chromium = shutil.which("chromium")
    assert chromium
    frames = (f'<iframe src="page.html" width="{width}" height="900"></iframe>' for width in WIDTHS)
    (folder / "site/page.html").write_text(page, encoding="utf-8")
    (folder / "site/watch.html").write_text(WATCHER % "".join(frames), encoding="utf-8")
    profile = folder / "profile"
    url = f"http://127.0.0.1:{server.server_port}/watch.html"
    command = [chromium, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    shutil.rmtree(profile, ignore_errors=True)
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, done.stderr
    # The browser asks for an icon by itself; nothing else may be missing or refused.
    return Opened(
        frames=json.loads(entities.unescape(match[1])),
        console=[
            line for line in done.stderr.splitlines() if "CONSOLE" in line and "favicon" not in line
        ],
        requests={path for path in server.paths if "favicon" not in path},
    )


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", ["good", "hostile", "regression-task", "disagreeing"])
def test_the_page_is_whole_and_loads_nothing(server: Server, tmp_path: Path, name: str) -> None:
    record = {**records.ALL, **package_records.ALL}[name]()
    plots = figures.of(record, {})
    found = opened(server, tmp_path, html.render(record, plots=plots))
    assert found.console == []
    assert found.requests == {"/watch.html", "/page.html"}
    for frame, width in zip(found.frames, WIDTHS, strict=True):
        assert frame["scripts"] == 0
        assert frame["size"] == "16px", "the style sheet was refused"
        assert frame["scroll"] <= frame["client"], f"wider than a window of {width}"
        assert len(frame["plots"]) == len(plots)
        for plot in frame["plots"]:
            assert 200 < plot["width"] <= width
            assert plot["height"] > 100
            assert plot["shapes"] > 10
            assert plot["name"]


@pytest.mark.needs("chromium")
def test_what_gets_into_the_page_nevertheless_is_refused(server: Server, tmp_path: Path) -> None:
    intruder = "<script>document.title = 'x'</script><img src='/tracker.png'>"
    found = opened(server, tmp_path, html.render(records.good(), plots={"Plot": intruder}))
    assert len([line for line in found.console if "Content Security Policy" in line]) >= 2
    assert found.requests == {"/watch.html", "/page.html"}


@pytest.mark.needs("chromium")
def test_plots_follow_the_theme_of_the_reader(server: Server, tmp_path: Path) -> None:
    record = records.good()
    page = html.render(record, plots=figures.of(record, {}))
    light, dark = (
        opened(server, tmp_path, page, f"--blink-settings=preferredColorScheme={scheme}").frames[0]
        for scheme in (1, 0)
    )
    assert light["background"] != dark["background"]
    assert light["stroke"] != dark["stroke"]
    assert light["stroke"].startswith("rgb")


@pytest.mark.needs("chromium")
def test_an_image_in_the_page_is_shown(server: Server, tmp_path: Path) -> None:
    from assay.plots import DeclaredPlot

    record = records.good()
    assert record.evaluate is not None
    plot = DeclaredPlot(name="p.png", kind="image", file="p.png", revision="head")
    evaluate = record.evaluate.model_copy(update={"plots": (plot,), "head": None})
    record = record.with_section("evaluate", evaluate)
    page = html.render(record, plots=figures.of(record, {"p.png": PNG}))
    found = opened(server, tmp_path, page)
    assert found.console == []
    assert [frame["images"] for frame in found.frames] == [[1], [1]]
