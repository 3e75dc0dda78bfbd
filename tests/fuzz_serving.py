"""Requests that nobody would send, at a real server: `python -m tests.fuzz_serving`.

    python -m tests.fuzz_serving                    # 10,000 requests
    python -m tests.fuzz_serving --requests 2000 --seed 7

Half of them are made by schemathesis from the server's own OpenAPI document, right ones and wrong
ones; half are bytes: requests of every protocol with parts changed, doubled, cut or left out, and
noise. After each, and after all: no 5xx, every error is `{"error": ...}`, the process lives, it
answers a right request rightly, and has no more memory than after the first quarter.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
from assay.serving.trial import Server
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests import serving_bundles
from tests.fuzz_requests import spoiled
from tests.serving_live import Client, Reply, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = 10_000
GROWTH = 8_000_000
"""Bytes that the process may have more at the end than after the first quarter: allocators keep
what they once had, so the first requests of each kind cost some."""
_GOOD = serving_bundles.rows(3)


@dataclass
class Report:
    """What was seen."""

    statuses: Counter[int] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    grown: int = 0

    def add(self, reply: Reply, sent: Any) -> None:
        self.statuses[reply.status] += 1
        if problem := wrong(reply):
            self.problems.append(f"{problem}\n  sent: {str(sent)[:600]}")


def wrong(reply: Reply) -> str | None:
    """What is wrong with an answer, whatever was sent."""
    if reply.status >= 500:
        return f"{reply.status}: {reply.body[:300]!r}"
    if reply.status < 400 or not reply.body:
        return None
    try:
        found = json.loads(reply.body)
    except ValueError:
        found = None
    is_error = isinstance(found, dict) and list(found) == ["error"] and found["error"]
    return None if is_error else f"{reply.status} is no error of ours: {reply.body[:300]!r}"


def fuzz(requests: int, start: int, tell: Callable[[str], None]) -> Report:
    """Send so many requests.

    Args:
        requests: Half of each kind.
        start: The seed.
        tell: Told how far it is.
    """
    report = Report()
    with tempfile.TemporaryDirectory(prefix="assay-fuzz-") as text:
        folder = Path(text)
        made = serving_bundles.made(folder / "bundle")
        command = [sys.executable, "-m", "assay.cli", "serve", str(made.folder), "--unsigned"]
        more = ["--feedback", "--log", str(folder / "log"), "--access-log", "--timeout", "5"]
        server = Server([*command, *more], folder, time.monotonic() + 600)
        try:
            server.ready()
            memory = [resident(server)]
            document = json.loads(server.ask("GET", "/openapi.json")[1])
            for part in range(4):
                count, random_ = requests // 8, random.Random(f"{start} {part}")
                described(server.socket, document, count, start + part, report)
                noisy(server.socket, count, random_, report)
                memory.append(resident(server))
                tell(f"{(part + 1) * count * 2:,} requests: {memory[-1] / 1e6:.1f} MB")
            report.grown = memory[-1] - memory[1]
            alive(server, report)
        finally:
            code = server.end()
        if code != 0:
            report.problems.append(f"the server ended with {code}: {server.said()}")
    if report.grown > GROWTH:
        report.problems.append(f"memory grew by {report.grown:,} bytes")
    return report


def resident(server: Server) -> int:
    pages = Path(f"/proc/{server.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def alive(server: Server, report: Report) -> None:
    """A right request is answered rightly."""
    status, body, _ = server.ask("POST", "/predict", json.dumps({"rows": _GOOD}).encode())
    said = [one["probabilities"]["1"] for one in json.loads(body).get("predictions", ())]
    expected = serving_bundles.expected(_GOOD).tolist()
    near = [abs(a - b) < 1e-9 for a, b in zip(said, expected, strict=True)]
    if status != 200 or not all(near):
        report.problems.append(f"a right request: {status} {body!r}")


def described(path: Path, document: Any, count: int, start: int, report: Report) -> None:
    """Requests from the OpenAPI document; answers are held against it too."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    # What takes a body has more to be tried than what does not.
    asking = [one for one in operations if one.method == "post"]
    plans = [(one, mode, 8) for one in asking for mode in schemathesis.GenerationMode]
    plans += [(one, schemathesis.GenerationMode.POSITIVE, 1) for one in operations]
    weight = sum(share for _, _, share in plans)
    with contextlib.closing(_Patient(path)) as client:
        for operation, mode, share in plans:
            most = max(count * share // weight, 1)
            with contextlib.suppress(schemathesis.errors.InvalidSchema):
                for case in cases(operation.as_strategy(generation_mode=mode), most, start):
                    sent = _sent(case)
                    reply = client.ask(sent)
                    report.add(reply, sent)
                    if problem := _undocumented(document, operation, reply):
                        report.problems.append(f"{operation.label}: {problem}")


def cases(strategy: Any, count: int, start: int) -> list[Any]:
    """So many examples of a strategy."""
    found: list[Any] = []

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found[:count]


def _sent(case: Any) -> bytes:
    body = case.body
    if type(body).__name__ == "NotSet":
        body = None
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode(errors="surrogatepass")
    media = {"content_type": case.media_type} if case.media_type else {}
    return request(case.formatted_path, body, case.method, **media)


def _undocumented(document: Any, operation: Any, reply: Reply) -> str | None:
    described = document["paths"][operation.path][operation.method]["responses"]
    known = described.get(str(reply.status))
    if known is None:
        return f"{reply.status} is not documented"
    schema = known["content"].get("application/json", {}).get("schema")
    if schema is None:
        return None
    whole = {**schema, "components": document["components"]}
    try:
        jsonschema.Draft202012Validator(whole).validate(json.loads(reply.body))
    except jsonschema.ValidationError as error:
        return f"{reply.status} is not as documented: {error.message[:300]}: {reply.body[:200]!r}"
    return None


class _Patient:
    """A client that connects anew where the server closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._client = Client(path)

    def ask(self, sent: bytes) -> Reply:
        try:
            self._client.send(sent)
            reply = self._client.reply()
        except (EOFError, OSError, IndexError, ValueError):
            self._anew()
            self._client.send(sent)
            reply = self._client.reply()
        if reply.headers.get("connection") == "close":
            self._anew()
        return reply

    def _anew(self) -> None:
        self._client.close()
        self._client = Client(self._path)

    def close(self) -> None:
        self._client.close()


def noisy(path: Path, count: int, random_: random.Random, report: Report) -> None:
    """Bytes that are nearly requests, and some that are none."""
    for number, sent in zip(range(count), spoiled(random_), strict=False):
        try:
            for reply in _replies(path, sent):
                report.add(reply, sent)
        except (TimeoutError, ValueError, IndexError, KeyError) as error:
            report.problems.append(f"request {number}: {error!r}\n  sent: {sent[:600]!r}")


def _replies(path: Path, sent: bytes) -> Iterator[Reply]:
    """All answers until the server closes; it is told that nothing follows."""
    client = Client(path)
    try:
        with contextlib.suppress(ConnectionError):
            client.send(sent)
            client.socket.shutdown(socket.SHUT_WR)
        while True:
            yield client.reply()
    except (EOFError, ConnectionError):
        return
    finally:
        client.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz a real server.")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    report = fuzz(given_.requests, given_.seed, print)
    print("statuses:", dict(sorted(report.statuses.items())))
    print(f"memory after the first quarter: {report.grown:+,} bytes")
    for problem, times in Counter(report.problems).most_common(20):
        print(f"{times} x {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
