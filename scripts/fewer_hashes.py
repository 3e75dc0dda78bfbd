"""Leaves the hashes out of an export that no job of ours asks for: `make lock` runs it.

    uv export ... | python scripts/fewer_hashes.py uv.lock

A hash is 32 bytes that nothing compresses, and every job downloads all of them. What goes are
wheels for older Pythons, other interpreters, other systems than Linux and macOS, and processors
and C libraries that runners do not have; sdists stay, so that whoever has one can still build.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_WHEEL = re.compile(r'url = "[^"]*/([^/"]+)\.whl", hash = "sha256:([0-9a-f]{64})"')
_PYTHON = re.compile(r"cp31[1-9]|py3|py2\.py3")
_PLATFORM = re.compile(r"any|(?:many)?linux.*_(?:x86_64|aarch64)|macosx_.*")
_LINE = re.compile(r" \\\n    --hash=sha256:([0-9a-f]{64})")


def needed(wheel: str) -> bool:
    """Whether a runner may install a wheel, by its name without `.whl`.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    python, abi, platform = wheel.split("-")[-3:]
    if abi.endswith("t"):  # a Python without its lock, which no action asks for
        return False
    known = abi == "abi3" or any(_PYTHON.fullmatch(part) for part in python.split("."))
    return known and any(_PLATFORM.fullmatch(part) for part in platform.split("."))


def fewer(export: str, lock: str) -> str:
    """An export without the hashes of wheels that nobody needs."""
    wheels = _WHEEL.findall(lock)
    gone = {digest for name, digest in wheels if not needed(name)}
    kept = {digest for name, digest in wheels if needed(name)}

    def hashed(found: re.Match[str]) -> str:
        return "" if found[1] in gone - kept else found[0]

    return _LINE.sub(hashed, export)


if __name__ == "__main__":
    sys.stdout.write(fewer(sys.stdin.read(), Path(sys.argv[1]).read_text(encoding="utf-8")))
