"""A pytest plugin that writes down which test is running, for when the interpreter dies in one.

It is loaded into the user's own pytest run, so it imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

VARIABLE = "ASSAY_RUNNING_TEST"
"""The file to write to: JSON with `rootdir`, and `test` while one runs."""


class Watch:
    """Knows the file; one is registered for each run."""

    def __init__(self, file: Path, rootdir: str) -> None:
        self.file = file
        self.rootdir = rootdir
        self._write(None)

    def _write(self, test: str | None) -> None:
        try:
            self.file.write_text(json.dumps({"rootdir": self.rootdir, "test": test}))
        except OSError:
            return  # knowing the test is a help, not worth failing for

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Called by pytest before a test's set-up."""
        self._write(nodeid)

    def pytest_runtest_logfinish(self) -> None:
        """Called by pytest after a test's tear-down."""
        self._write(None)


def pytest_configure(config: Any) -> None:
    """Called by pytest when it starts; workers of pytest-xdist are watched by pytest-xdist."""
    file = os.environ.get(VARIABLE)
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Watch(Path(file), str(config.rootpath)), "assay-testwatch")
