"""What a person sees while stages run: groups, progress, annotations; in a terminal and in CI."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.progress import Progress

    from assay.section import Reason

# https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
_LEVELS = {"note": "notice", "warning": "warning", "error": "error"}


def printable(text: str) -> str:
    r"""`text` on one line, with control characters spelled out (`\n`, `\x1b`): safe to print."""
    if text.isprintable():  # nearly all is
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Console:
    """Writes for people; in GitHub Actions also workflow commands.

    Args:
        github: Whether the log is read by the GitHub Actions runner.
        out: Where everything goes; workflow commands are only read from standard output.
    """

    def __init__(self, *, github: bool = False, out: TextIO | None = None) -> None:
        self.github = github
        self.out = out or sys.stdout
        if isinstance(self.out, io.TextIOWrapper):
            # A log that cannot show a character must not end the run.
            self.out.reconfigure(errors="backslashreplace")
        self._fence = threading.Lock()
        self._inside = 0
        self._token = ""

    @property
    def interactive(self) -> bool:
        """Whether a person watches: progress bars make sense."""
        return not self.github and self.out.isatty()

    def line(self, text: str = "", *, style: str = "") -> None:
        """Print one line. `style` is a rich style and only shows in a terminal.

        In GitHub nothing in it is a workflow command, whatever names the text holds.
        """
        if self.github and not self._inside:
            text = "\n".join(_inert(part) for part in re.split(r"\r\n?|\n", text))
        if style and self.interactive:
            from rich.console import Console as Rich
            from rich.text import Text

            Rich(file=self.out, highlight=False).print(Text(text, style=style))
        else:
            self.raw(text)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """A part of the log that folds away in GitHub."""
        if self.github:
            self.raw(command("group", printable(title), {}))
        else:
            self.line(f"── {printable(title)}", style="bold")
        try:
            yield
        finally:
            if self.github:
                self.raw("::endgroup::")

    @contextmanager
    def untrusted(self) -> Iterator[None]:
        """Output of the user's programs: whatever it prints is no workflow command."""
        if not self.github:
            yield
            return
        # Two programs may print at the same time; the last to end lifts the fence.
        with self._fence:
            if self._inside == 0:
                self._token = os.urandom(16).hex()
                self.raw(f"::stop-commands::{self._token}")
            self._inside += 1
        try:
            yield
        finally:
            with self._fence:
                self._inside -= 1
                if self._inside == 0:
                    self.raw(f"::{self._token}::")

    def raw(self, text: str) -> None:
        """One line of a program's output; call it inside `untrusted`."""
        print(text, file=self.out, flush=True)

    def trace(self) -> None:
        """The traceback of the exception at hand. Its messages may be the user's, of any lines."""
        with self.untrusted():
            self.raw(traceback.format_exc().rstrip("\n"))

    def annotate(self, reason: Reason) -> None:
        """One annotation in GitHub, one line in a terminal."""
        message = (
            reason.message if reason.hint is None else f"{ended(reason.message)} {reason.hint}"
        )
        if self.github:
            where = {"file": reason.file, "line": reason.line}
            self.raw(command(_LEVELS[reason.severity], message, where))
            return
        style = {"note": "dim", "warning": "yellow", "error": "red"}[reason.severity]
        # Below the first line is what a program said; nothing there can pass for a line of ours.
        first, *said = reason.message.splitlines() or [""]
        hint = [reason.hint] if said and reason.hint else []
        shown = [_placed(reason, first if said else message), *(f"  {one}" for one in said), *hint]
        self.line(f"{reason.severity}: " + "\n".join(map(printable, shown)), style=style)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar for bytes; it stays silent where nobody watches."""
        from rich.console import Console as Rich
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TimeElapsedColumn(),
            # quiet: older Rich prints an empty line even for a bar that is disabled
            console=Rich(file=self.out, quiet=not self.interactive),
            disable=not self.interactive,
            transient=True,
        )
        with bar:
            yield bar


def command(name: str, message: str, properties: Mapping[str, object | None]) -> str:
    """A workflow command, escaped as the runner unescapes it."""
    given = ((key, value) for key, value in properties.items() if value is not None)
    listed = ",".join(f"{key}={_escape_property(str(value))}" for key, value in given)
    return f"::{name}{' ' if listed else ''}{listed}::{_escape_data(message)}"


def _placed(reason: Reason, message: str) -> str:
    """`file:line: message`; a message that begins with the name of the file only gets the line."""
    if reason.file is None:
        return message
    place = reason.file if reason.line is None else f"{reason.file}:{reason.line}"
    parts = reason.file.split("/")
    # The message names the file from the project's folder, the reason from the repository's.
    for name in ("/".join(parts[at:]) for at in range(len(parts))):
        if message.startswith((f"{name} ", f"{name}: ")):
            return place + message[len(name) :]
    return f"{place}: {message}"


def ended(sentence: str) -> str:
    """With a full stop, so that another sentence can follow; what a forge said has none."""
    return sentence if sentence.endswith((".", ":", "!", "?")) else f"{sentence}."


def _inert(line: str) -> str:
    """`line` as it is read by people, and not by the runner.

    The runner takes a line that starts with `::`, and `##[` anywhere in it, for a command.
    """
    line = line.replace("##[", "##\N{ZERO WIDTH SPACE}[")
    return f"\N{ZERO WIDTH SPACE}{line}" if line.lstrip().startswith("::") else line


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
