"""A bundle in the server that production runs, before it is released: does it start, and answer?

The real command is started on a unix socket, and asked rows like those that the model was tested
on, through every protocol. What they say of a row has to be the same number, digit for digit.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.console import printable
from assay.errors import AssayError
from assay.packaging import usage
from assay.packaging.profile import Numbers, Profile
from assay.process import user_environment
from assay.serving.protocols.v2 import DATATYPES
from assay.serving.protocols.v2binary import HEADER, from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.packaging.facts import InputSpec, Signature

Row = dict[str, Any]
Answers = list[dict[str, Any]]
"""By row, what each output says; of classes a list."""
_TOGETHER = 100
"""Rows of one request."""
_SHOWN = 20
"""Lines of the server's that are shown where it ends."""


class TrialError(AssayError):
    """The server does not start, or does not answer as it should: the bundle is no good."""

    exit_code = 1


@dataclass(frozen=True)
class Trial:
    """What was found."""

    ready: float
    """Seconds from the start to the first sign of being ready."""
    rows: int
    """That were asked, of each protocol."""


class Server:
    """The server's process, on a unix socket.

    Args:
        command: Starts it; `--uds SOCKET` is put behind.
        folder: For the socket and what it prints.
        deadline: By `time.monotonic`.
    """

    def __init__(self, command: Sequence[str], folder: Path, deadline: float) -> None:
        self.socket = folder / "trial.sock"
        self._said = folder / "said"
        self._deadline = deadline
        with self._said.open("wb") as file:
            self._process = subprocess.Popen(
                [*command, "--uds", str(self.socket)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ready(self) -> None:
        """Wait until it wants requests.

        Raises:
            TrialError: It ends before, or it takes too long.
        """
        while True:
            if (code := self._process.poll()) is not None:
                raise TrialError(
                    f"The server ends before it is ready, with exit code {code}.\n{self.said()}"
                )
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/health/ready")[0] == 200:
                    return
            if time.monotonic() > self._deadline:
                raise TrialError(
                    f"The server is not ready in time.\n{self.said()}",
                    hint="Give it more as --timeout, if the model takes so long to load.",
                )
            time.sleep(0.02)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """(status, body, headers) of an answer.

        Raises:
            OSError: There is none in time.
        """
        connection = _Connection(self.socket, max(self._deadline - time.monotonic(), 0.05))
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            lower = {name.lower(): text for name, text in answer.headers.items()}
            return answer.status, answer.read(), lower

    def said(self) -> str:
        """The last lines that it printed."""
        lines = self._said.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(map(printable, lines[-_SHOWN:]))

    def end(self) -> int | None:
        """Ask it to end; `None` where it had to be killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None


def _environment() -> dict[str, str]:
    """Without what would make this another server than the one that is tried."""
    return {
        name: text
        for name, text in user_environment(os.environ).items()
        if not name.startswith("ASSAY_SERVE_") and name != "ASSAY_VERIFICATION_KEY"
    }


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def run(
    bundle: Path,
    signature: Signature,
    profile: Profile | None,
    *,
    name: str,
    root: Path,
    rows: int,
    timeout: float,
    trust: Sequence[str] = ("--unsigned",),
) -> Trial:
    """Start the server with a bundle, and ask it.

    Args:
        bundle: Its folder, or its archive.
        signature: Of its model.
        profile: Of the data that it was tested on.
        name: Of the artifact.
        root: The project, whose classes a native model may need.
        rows: To be asked; 0: it only has to become ready.
        timeout: Seconds for all of it.
        trust: Whose signature counts, as options of `assay serve`.

    Raises:
        TrialError: It is no good.
    """
    start = time.monotonic()
    program = [sys.executable, "-P", "-X", "utf8", "-m", "assay.cli"]
    command = [*program, "serve", str(bundle), "-C", str(root), *trust]
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        server = Server(command, Path(folder), start + timeout)
        try:
            server.ready()
            ready = time.monotonic() - start
            _compare(server, signature, list(made(signature, profile, rows)), name)
        except (OSError, http.client.HTTPException) as error:
            raise TrialError(
                f"The server does not answer: {type(error).__name__}.\n{server.said()}",
                hint="Give it more time as --timeout, if the model is slow.",
            ) from error
        finally:
            code = server.end()
        if code != 0:
            how = "has to be killed" if code is None else f"ends with exit code {code}"
            raise TrialError(f"The server {how} when it is asked to end.\n{server.said()}")
    return Trial(ready, rows)


def made(signature: Signature, profile: Profile | None, count: int) -> Iterator[Row]:
    """Rows like those that the model was tested on: numbers from low to high, all categories.

    Args:
        signature: Of the model.
        profile: Of the data; without it, rows are zeros and first categories.
        count: How many.
    """
    known = profile or Profile(rows=0, features=(), predictions=())
    first = usage.row(signature, known)
    for at in range(count):
        yield {one.name: _value(one, known, first[one.name], at) for one in signature.inputs}


def _value(one: InputSpec, profile: Profile, first: Any, at: int) -> Any:
    """The value of row `at`: inputs step by different widths, so that they do not move together."""
    if one.categories:
        return one.categories[at % len(one.categories)]
    features = {seen.name: seen for seen in profile.features}
    if isinstance(first, list):
        names = [seen.name for seen in usage.columns(one, profile)] or [""] * len(first)
        return [
            _stepped(features.get(name), value, one.dtype, at + position)
            for position, (name, value) in enumerate(zip(names, first, strict=True))
        ]
    step = 1 + list(features).index(one.name) if one.name in features else 1
    return _stepped(features.get(one.name), first, one.dtype, at * step)


def _stepped(seen: Any, first: Any, dtype: str, at: int) -> Any:
    if isinstance(seen, Numbers) and seen.edges and dtype not in ("bool", "string"):
        value = seen.edges[at * 37 % len(seen.edges)]
        return value if dtype.startswith("float") else int(value)
    if dtype == "string" and seen is not None and not isinstance(seen, Numbers) and seen.values:
        return seen.values[at % len(seen.values)]
    return first


def _compare(server: Server, signature: Signature, rows: list[Row], name: str) -> None:
    for start in range(0, len(rows), _TOGETHER):
        asked = rows[start : start + _TOGETHER]
        said = {
            "JSON rows": _by_rows(server, asked, signature),
            "TensorFlow Serving's API": _by_tf(server, asked, signature, name),
            "V2": _by_v2(server, asked, signature, name, binary=False),
            "V2 with binary tensors": _by_v2(server, asked, signature, name, binary=True),
        }
        (one, answers), *others = said.items()
        for other, there in others:
            for row, (left, right) in enumerate(zip(answers, there, strict=True), start=start + 1):
                if left != right:
                    raise TrialError(f"Row {row}: {one} say {left}, and {other} says {right}.")


def _asked(server: Server, path: str, body: bytes, **headers: str) -> tuple[bytes, Any]:
    status, answer, given = server.ask("POST", path, body, headers)
    if status != 200:
        raise TrialError(f"{path} answers {status}: {answer.decode(errors='replace')[:500]}")
    return answer, given


def _by_rows(server: Server, rows: list[Row], signature: Signature) -> Answers:
    answer, _ = _asked(server, "/predict", json.dumps({"rows": rows}).encode())
    found: Answers = json.loads(answer)["predictions"]
    names = [one.name for one in signature.outputs]
    return [
        {
            name: [*one[name].values()] if isinstance(one[name], dict) else one[name]
            for name in names
        }
        for one in found
    ]


def _by_tf(server: Server, rows: list[Row], signature: Signature, name: str) -> Answers:
    body = json.dumps({"instances": rows}).encode()
    answer, _ = _asked(server, f"/v1/models/{name}:predict", body)
    found = json.loads(answer)["predictions"]
    only = signature.outputs[0].name
    return found if len(signature.outputs) > 1 else [{only: one} for one in found]


def _by_v2(
    server: Server, rows: list[Row], signature: Signature, name: str, *, binary: bool
) -> Answers:
    inputs: list[dict[str, Any]] = []
    tail = b""
    for one in signature.inputs:
        width = one.shape[-1] or 1
        cells = [cell for row in rows for cell in _listed(row[one.name])]
        tensor: dict[str, Any] = {
            "name": one.name,
            "shape": [len(rows), width],
            "datatype": DATATYPES[one.dtype],
        }
        if binary:
            dtype = object if one.dtype == "string" else one.dtype
            content = to_bytes(np.array(cells, dtype), DATATYPES[one.dtype])
            tensor["parameters"] = {"binary_data_size": len(content)}
            tail += content
        else:
            tensor["data"] = cells
        inputs.append(tensor)
    parameters = {"binary_data_output": binary}
    head = json.dumps({"inputs": inputs, "parameters": parameters}).encode()
    length = HEADER.decode()
    given = {length: str(len(head)), "content-type": "application/octet-stream"} if binary else {}
    answer, headers = _asked(server, f"/v2/models/{name}/infer", head + tail, **given)
    return _of_tensors(answer, int(headers[length]) if binary else len(answer), len(rows))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _of_tensors(answer: bytes, head: int, rows: int) -> Answers:
    tail = memoryview(answer)[head:]
    columns: dict[str, list[Any]] = {}
    for one in json.loads(answer[:head])["outputs"]:
        width = one["shape"][1] if len(one["shape"]) > 1 else 1
        if "data" in one:
            cells = np.array(one["data"], object).reshape(rows, width)
        else:
            size = one["parameters"]["binary_data_size"]
            cells = from_bytes(tail[:size], one["datatype"], rows, width, one["name"])
            tail = tail[size:]
        columns[one["name"]] = cells[:, 0].tolist() if len(one["shape"]) == 1 else cells.tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
