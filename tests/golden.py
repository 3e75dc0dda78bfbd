"""Golden files: what a person reads, as it is meant to be. `RENEW=1 pytest` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """Hold `text` against `tests/golden/<name>`; with RENEW=1 make it the new truth."""
    path = FOLDER / name
    if os.environ.get("RENEW"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    assert path.is_file(), f"{path} does not exist; write it with RENEW=1"
    expected = path.read_text(encoding="utf-8")
    assert text == expected, f"{path} is not what was rendered; RENEW=1 accepts the new text"
