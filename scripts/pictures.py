"""`make pictures`: what the documentation shows, from the last `make demo`.

The comment is rendered as GitHub does, light, dark and on a phone, with its plots as images, and
beside what CML would say; the page is itself. The notes of a release are of the example's packages,
the rollout is one on this machine, with nginx and wrk, and the alert is the first of `make year`.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import alert_picture  # noqa: E402
import peer_report  # noqa: E402
import release_notes  # noqa: E402
import rollout_picture  # noqa: E402
from assay import record as records  # noqa: E402 (the line above makes what follows importable)
from assay.report import escape, markdown, pictures  # noqa: E402
from assay.report.images import Image  # noqa: E402

from tests import rendering  # noqa: E402

DEMO = ROOT / "build" / "demo"
IMAGES = ROOT / "docs" / "images"
FOLD = (
    "document.querySelectorAll('details').forEach((fold) => {"
    " fold.open = fold.querySelector('summary').textContent.startsWith('%s'); })"
)


def main() -> int:
    """Write the pictures; 1 where there is nothing to show, or nothing to show it with."""
    comment = DEMO / "comment.md"
    if not comment.is_file():
        print("There is no demo yet: run `make demo` first.")
        return 1
    try:
        _take(comment.read_text(encoding="utf-8"))
    except rendering.UnavailableError as error:
        print(f"No pictures: {error}.")
        return 1
    return 0


def _take(comment: str) -> None:
    peer, peer_images = _peer()
    pictured, pictured_images = _with_images()
    looks = {
        "comment": _look(comment),
        "comment-dark": _look(comment, theme="dark"),
        "comment-phone": _look(comment, width=rendering.PHONE),
        "comment-plots": _look(pictured, pictured_images, opened="Plots"),
        "comment-cml": _look(peer, peer_images),
        "report": rendering.Look(
            html=(DEMO / "report.html").read_text(encoding="utf-8"), width=1_080, tallest=1_990
        ),
        "release": _release(),
        "alert": _alert(),
    }
    looks = {name: replace(look, screenshot=IMAGES / f"{name}.png") for name, look in looks.items()}
    for name, seen in zip(looks, rendering.look(list(looks.values())), strict=True):
        for problem in seen.problems:
            print(f"{name}: {problem}")
        path = IMAGES / f"{name}.png"
        _say(path)
    rollout = IMAGES / "rollout.png"
    rollout.write_bytes(rollout_picture.png())
    _say(rollout)


def _say(path: Path) -> None:
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def _look(
    text: str,
    images: dict[str, bytes] | None = None,
    *,
    theme: rendering.Theme = "light",
    width: int = rendering.DESKTOP,
    opened: str = "nothing",
) -> rendering.Look:
    html = rendering.page(text, theme=theme, images=images or {})
    return rendering.Look(html=html, width=width, theme=theme, scripts=[FOLD % opened])


def _release() -> rendering.Look:
    with tempfile.TemporaryDirectory() as folder:
        text = release_notes.text(Path(folder, "example"))
    return rendering.Look(html=rendering.page(text, did="released peak-hour@v1.1.0"))


def _alert() -> rendering.Look:
    title, text, images = alert_picture.issue()
    html = rendering.page(f"# {escape.markdown(title)}\n\n{text}", images=images, did="opened this")
    return rendering.Look(html=html)


def _peer() -> tuple[str, dict[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        return peer_report.report(DEMO / "repository/author", Path(folder, "clone"))


def _with_images() -> tuple[str, dict[str, bytes]]:
    """The comment as a job with `contents: write` posts it, and its images by address."""
    record = records.load(DEMO / "github/artifacts/assay-report/record.json")
    drawn = pictures.of(record, {})
    content: dict[str, bytes] = {}
    images = []
    for one in drawn:
        url = f"https://github.com/acme/bikes/raw/assay-assets/{one.name}"
        content |= {f"{url}-light.png": one.light, f"{url}-dark.png": one.dark}
        images.append(
            Image(
                title=one.title,
                alt=one.alt,
                width=one.width,
                light=f"{url}-light.png",
                dark=f"{url}-dark.png",
            )
        )
    return markdown.render(record, images=images), content


if __name__ == "__main__":
    sys.exit(main())
