"""A user's program, asked by JSON on its standard input; docs/targets.md is the contract."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from assay.console import printable
from assay.process import close_to_children, user_environment
from assay.rollout.targets.base import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LINES = 20
"""Of what a program said last, in a message."""
_MOST = 10_000_000
"""Bytes of an answer."""
_GRACE = 5.0
"""Seconds that a program has to end after SIGTERM."""


class ProgramFailedError(TargetError):
    """A program ended with an error, did not end, or gave no answer that is one."""


def environment(environ: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """What a program gets: no token and no key of ours, but those that `assay.yaml` names."""
    kept = {name: environ[name] for name in secrets if name in environ}
    return {**user_environment(environ), **kept}


def ask(
    argv: Sequence[str],
    question: Mapping[str, Any],
    *,
    folder: Path,
    env: Mapping[str, str],
    timeout: float,
    hidden: Sequence[str] = (),
    hold: Sequence[int] = (),
) -> dict[str, Any]:
    """Ask a program and return the JSON object that it answers; no answer at all is an empty one.

    No shell is between. What the program says on standard error goes into the message where it
    fails.

    Args:
        argv: The program and its arguments.
        question: What it reads; `call` says what is wanted.
        folder: Where it runs.
        env: Its environment.
        timeout: Seconds that it has.
        hidden: Texts that no message shows.
        hold: Open files, as of a lock, that stay open until it ends, even if we are killed. It
            moves traffic then: a Ctrl-C waits for its end.

    Raises:
        ProgramFailedError: See there.
    """
    name, call = argv[0], question["call"]
    close_to_children()
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(hold),
            start_new_session=True,  # Ctrl-C is for us: what moves traffic is not to be cut off
        )
    except OSError as error:
        raise ProgramFailedError(
            f"The program `{name}` for `{call}` cannot be started: {error.strerror}.",
            hint="Name it in `assay.yaml` as a path from the project's folder on, executable.",
        ) from error
    try:
        out, said = process.communicate(json.dumps(question).encode() + b"\n", timeout=timeout)
    except subprocess.TimeoutExpired:
        _, said = _end(process)
        raise ProgramFailedError(
            f"`{name}` for `{call}` did not end within {timeout:g} s and was ended."
            f"{_tail(said, hidden)}",
            hint="`timeout` of the target says how long it may take.",
        ) from None
    except BaseException:
        if hold:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=timeout)
        _end(process)
        raise
    if process.returncode != 0:
        raise ProgramFailedError(
            f"`{name}` for `{call}` ended with {_code(process.returncode)}.{_tail(said, hidden)}"
        )
    return _answer(out, name, call, hidden)


def _code(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _end(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End a program and all that it started, if it has not ended; what it said."""
    if process.returncode is not None:
        return b"", b""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        try:
            return process.communicate(timeout=_GRACE)
        except subprocess.TimeoutExpired:
            continue
    return b"", b""  # something that left its group holds the pipes


def _answer(out: bytes, name: str, call: str, hidden: Sequence[str]) -> dict[str, Any]:
    if not out.strip():
        return {}
    try:
        found = json.loads(out) if len(out) <= _MOST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        shown = _shown(out, hidden)[:200]
        raise ProgramFailedError(
            f"`{name}` for `{call}` printed what is no JSON object: {shown!r}.",
            hint="Standard output is for the answer alone; print messages to standard error.",
        )
    return found


def _tail(said: bytes, hidden: Sequence[str]) -> str:
    lines = [printable(line) for line in _shown(said, hidden).splitlines()[-_LINES:]]
    return " It said: " + " / ".join(lines) if any(lines) else ""


def _shown(data: bytes, hidden: Sequence[str]) -> str:
    text = data.decode(errors="replace").strip()
    for secret in hidden:
        text = text.replace(secret, "***") if secret else text
    return text
