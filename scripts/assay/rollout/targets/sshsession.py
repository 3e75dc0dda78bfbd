"""A session of the agent on another machine: OpenSSH's client, and lines of JSON.

The client knows the user's own settings, keys and hosts. Nothing secret is in its arguments, and
nothing is ever typed in. Where the connection drops, it is made again, and the question asked
again: the agent carries through what it has begun, and doing it twice changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, cast

from assay.rollout.host.session import FORMAT, KINDS
from assay.rollout.targets.base import TargetError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.errors import AssayError

PAUSES = (0.2, 1.0)
"""Seconds before each further try; whoever asks may ask again (`conduct.Conduct.ask`)."""
CONFIG = "ASSAY_SSH_CONFIG"
"""Names a file as `~/.ssh/config`, which is used in its place."""
LARGEST = 200_000_000
"""Bytes of an answer, in which a journal of years has room."""
_LINES = 8
_MISSING = 127
"""Exit code of a shell that does not find a program."""
_FINAL = ("Permission denied", "Host key verification failed", "Bad configuration option")
"""What asking again does not help with."""
_CHECKS = (
    "BatchMode=yes",  # ask nobody for a password
    "ConnectTimeout=10",
    "ServerAliveInterval=5",  # a connection that is dead is noticed in 15 s
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",  # the host needs nobody's keys
)


class _DroppedError(Exception):
    """The connection ended."""


class _Client:
    """A client that runs, and the pipes to it."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        try:
            # Ctrl-C is for the deployer, which goes back to stable over this connection.
            self.popen = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            raise TargetError(
                f"`{command[0]}` cannot be run: {error.strerror}.",
                hint="Install OpenSSH's client: `sudo apt install openssh-client`.",
            ) from error
        self.to: IO[bytes] = cast("IO[bytes]", self.popen.stdin)
        self.back: IO[bytes] = cast("IO[bytes]", self.popen.stdout)
        self.said: deque[str] = deque(maxlen=_LINES)
        """The end of what it printed beside answers."""
        self.listener = Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        with cast("IO[bytes]", self.popen.stderr) as pipe:
            for line in pipe:
                self.said.append(line.decode(errors="replace").rstrip())

    def runs(self) -> bool:
        return self.popen.poll() is None

    def close(self) -> int:
        """End it; returns its exit code."""
        for pipe in (self.to, self.back):
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            self.popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.listener.join(timeout=5)
        return self.popen.wait()


@dataclass
class Session:
    """Questions to one machine; a connection is made when it is needed."""

    host: str
    port: int = 22
    assay: str = "assay"
    program: str = "ssh"
    pauses: tuple[float, ...] = PAUSES
    _client: _Client | None = None

    def ask(self, question: dict[str, Any], archive: Path | None = None) -> Any:
        """The answer to one question.

        Raises:
            UnreachableError: There is no connection, after several tries.
            AssayError: What the agent said.
        """
        for pause in (*self.pauses, None):
            try:
                return self._asked(question, archive)
            except _DroppedError:
                problem = self._problem()
                if pause is None or not isinstance(problem, UnreachableError):
                    raise problem from None
                if any(text in problem.message for text in _FINAL):
                    raise problem from None
                time.sleep(pause)
        raise AssertionError

    def close(self) -> int | None:
        """End the connection; returns the exit code of the client."""
        client, self._client = self._client, None
        return None if client is None else client.close()

    def _asked(self, question: dict[str, Any], archive: Path | None) -> Any:
        client = self._connected()
        size = None if archive is None else archive.stat().st_size
        asked = {"format": FORMAT, **question, "size": size}
        try:
            client.to.write(json.dumps(asked).encode() + b"\n")
            if archive is not None:
                _send(archive, client.to)
            client.to.flush()
            line = client.back.readline(LARGEST)
        except OSError:
            line = b""
        if not line.endswith(b"\n") and len(line) < LARGEST:
            raise _DroppedError
        return _result(line, self.host)

    def _connected(self) -> _Client:
        if self._client is None or not self._client.runs():
            self.close()
            self._client = _Client(self.command())
        return self._client

    def command(self) -> list[str]:
        """The arguments of the client."""
        config = os.environ.get(CONFIG)
        words = [self.program, *(("-F", config) if config else ()), "-T", "-p", str(self.port)]
        for check in _CHECKS:
            words += ["-o", check]
        return [*words, "--", self.host, f"{shlex.quote(self.assay)} host session"]

    def _problem(self) -> AssayError:
        """Why the connection ended, after it did."""
        client = self._client
        code = self.close()
        said = "\n".join(client.said) if client is not None else ""
        if code == _MISSING:
            return TargetError(
                f"{self.host} has no program `{self.assay}`: {said}",
                hint='Install it there (`pip install "assay[deploy]"`), and name its path as '
                "`target.assay` in assay.yaml.",
            )
        return UnreachableError(
            f"{self.host} gives no answer over SSH: {said or 'the connection ended'}",
            hint=f"Try `ssh -o BatchMode=yes -p {self.port} {shlex.quote(self.host)} true`.",
        )


def _send(archive: Path, pipe: IO[bytes]) -> None:
    with archive.open("rb") as file:
        while piece := file.read(1 << 20):
            pipe.write(piece)


def _result(line: bytes, host: str) -> Any:
    found = _object(line)
    if found.get("format") == FORMAT and "result" in found:
        return found["result"]
    error = found.get("error")
    if found.get("format") == FORMAT and isinstance(error, dict):
        kind = KINDS.get(str(error.get("kind")), TargetError)
        hint = error.get("hint")
        raise kind(str(error.get("message")), hint=None if hint is None else str(hint))
    raise TargetError(
        f"{host} answers what is not understood: {line[:200]!r}",
        hint="Does a profile of its shell print something? Is Assay there of another version?",
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def packed(bundle: Path) -> Iterator[Path]:
    """A bundle as one file."""
    if bundle.is_file():
        yield bundle
        return
    from assay.packaging import archive
    from assay.packaging import bundle as bundles

    with tempfile.TemporaryDirectory(prefix="assay-") as scratch:
        yield archive.pack(bundles.read(bundle), Path(scratch, archive.NAME))
