"""vl-convert in a process of its own: Vega-Lite in, SVG out; SVG in, pixels out; one line each.

A specification may come from a pull request, and one of a few words can take all memory or never
end. That must cost its own plot, not the comment; and the process that draws knows no token.
Starting the engine takes 0.3 s, so it is started early and kept.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "5.20"
"""Of Vega-Lite: the newest of version 5 that every vl-convert we allow has."""
PATIENCE = 30.0
"""Seconds that one drawing may take."""
MOST_ENDS = 3
"""After so many drawings that killed the engine or took too long, no more are tried: a pull
request that holds forty of them must not hold up its report for an hour."""

# Fonts are looked up below these; nothing else is needed.
_ENVIRONMENT = (
    "PATH",
    "HOME",
    "FONTCONFIG_PATH",
    "FONTCONFIG_FILE",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
)
_PROGRAM = f"""
import base64, json, sys
import vl_convert

def draw(spec):
    return vl_convert.vegalite_to_svg(spec, vl_version="{VERSION}", allowed_base_urls=[])

def paint(svg, scale):
    return base64.b64encode(vl_convert.svg_to_png(svg, scale=scale)).decode()

draw({{"mark": "point", "data": {{"values": []}}}})
for line in sys.stdin:
    try:
        asked = json.loads(line)
        made = draw(asked["spec"]) if "spec" in asked else paint(asked["svg"], asked["scale"])
        answer = {{"made": made}}
    except Exception as error:  # ValueError and, for some input, RuntimeError
        answer = {{"error": str(error)}}
    print(json.dumps(answer), flush=True)
"""


class EngineError(Exception):
    """A specification was not drawn; the message says why."""


class Engine:
    """One drawing process; started when it is needed, and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._reader = threading.Thread()
        self._lock = threading.Lock()
        self._ends = 0
        atexit.register(self.close)

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM],
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        self._answers = SimpleQueue()
        self._reader = threading.Thread(
            target=_read, args=(self._process, self._answers), daemon=True
        )
        self._reader.start()

    def draw(self, spec: Mapping[str, Any]) -> str:
        """A specification as SVG, as vl-convert draws it.

        Raises:
            EngineError: It cannot be drawn, kills the engine, or takes too long.
        """
        return self._made({"spec": spec})

    def paint(self, svg: str, scale: float) -> bytes:
        """A drawing as PNG. It must be sanitised: an image in it would be read from the disk.

        Args:
            svg: A whole document.
            scale: Pixels of the image for one of the drawing.

        Raises:
            EngineError: As of `draw`.
        """
        return base64.b64decode(self._made({"svg": svg, "scale": scale}))

    def _made(self, asked: Mapping[str, Any]) -> str:
        with self._lock:
            if self._ends >= MOST_ENDS:
                raise EngineError(f"{MOST_ENDS} others ended the engine that draws it")
            self.start()
            try:
                return self._ask(json.dumps(asked))
            except (OSError, Empty) as error:
                self.close()
                self._ends += 1
                why = f"it took over {PATIENCE:g} s" if isinstance(error, Empty) else _DIED
                raise EngineError(why) from error

    def _ask(self, line: str) -> str:
        assert self._process is not None  # noqa: S101 (for the type checker: `draw` started it)
        assert self._process.stdin is not None  # noqa: S101 (we asked for a pipe)
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        said = self._answers.get(timeout=PATIENCE)
        if not said:
            raise BrokenPipeError
        answer = json.loads(said)
        if "error" in answer:
            raise EngineError(str(answer["error"]))
        return str(answer["made"])

    def close(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):  # what it did not read
            process.stdin.close()
        self._reader.join()
        process.stdout.close()


_DIED = "the engine that draws it came to its end, as it does when memory runs out"


def _read(process: subprocess.Popen[str], answers: SimpleQueue[str]) -> None:
    """Pass answers on; an empty one at the end of the process."""
    assert process.stdout is not None  # noqa: S101 (we asked for a pipe)
    for line in process.stdout:
        answers.put(line)
    answers.put("")
