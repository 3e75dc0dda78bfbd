"""The server on a real socket: limits, methods, slow and strange clients, and how it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.serving import drain
from assay.serving.errors import RequestError
from assay.serving.hooks import Call, Hooks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving_bundles import ROW, expected, loaded, made, rows
from tests.serving_live import V2, Client, Live, Reply, request, running, tensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Feeds


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return loaded(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def live(model: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(model, tmp_path_factory.mktemp("live"), max_body=5000, timeout=0.6) as found:
        yield found


def of_v2(reply: Reply) -> float:
    """The probability that an answer of V2 gives its first row."""
    assert reply.status == 200
    (found,) = (one for one in reply.json["outputs"] if one["name"] == "probabilities")
    return float(found["data"][1])


GET = {
    "/v2/health/live": {"live": True},
    "/v2/health/ready": {"ready": True},
    "/health/live": {"live": True},
    "/health/ready": {"ready": True},
    "/v2/models/peak-hour/ready": {"name": "peak-hour", "ready": True},
    "/v2/models/peak-hour/versions/v1.0.0/ready": {"name": "peak-hour", "ready": True},
}


@pytest.mark.parametrize("path", GET)
def test_health(live: Live, path: str) -> None:
    reply = live.ask(path)
    assert (reply.status, reply.json) == (200, GET[path])
    head = live.ask(path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(reply.body))


def test_metadata(live: Live) -> None:
    server = live.ask("/v2").json
    assert server["name"] == "assay"
    found = live.ask("/v2/models/peak-hour").json
    assert found == live.ask("/v2/models/peak-hour/versions/v1.0.0").json
    assert found["versions"] == ["v1.0.0"]
    assert found["inputs"][0] == {"name": "hour", "datatype": "INT64", "shape": [-1, 1]}
    assert found["outputs"][1] == {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}


NOT_THERE = {
    "/v2/models/other": "There is no model 'other' here, but 'peak-hour'.",
    "/v2/models/other/infer": "There is no model 'other' here, but 'peak-hour'.",
    "/v2/models/peak-hour/versions/2": "There is no version '2' here, but 'v1.0.0'.",
    "/v2/models/peak-hour/versions/2/infer": "There is no version '2' here, but 'v1.0.0'.",
    "/nothing": "There is no '/nothing' here.",
    "/predict/": "There is no '/predict/' here.",
    "/%3Cscript%3E": "There is no '/%3Cscript%3E' here.",
    "/v2/models/": "There is no model '' here, but 'peak-hour'.",
    "/assay/window": "There is no '/assay/window' here.",
}


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there(live: Live, path: str) -> None:
    for method in ("GET", "POST"):
        reply = live.ask(path, b"{}" if method == "POST" else None, method=method)
        assert (reply.status, reply.error) == (404, NOT_THERE[path])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_a_method_that_a_path_does_not_take(live: Live, method: str) -> None:
    reply = live.ask("/predict", method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "POST, OPTIONS")
    if method != "HEAD":
        assert reply.error == "/predict takes POST, OPTIONS."
    assert live.ask("/metrics", b"", method="POST").headers["allow"] == "GET, HEAD, OPTIONS"


def test_options(live: Live) -> None:
    for path, allowed in (("/predict", "POST, OPTIONS"), ("/v2", "GET, HEAD, OPTIONS")):
        reply = live.ask(path, method="OPTIONS")
        assert (reply.status, reply.headers["allow"]) == (204, allowed)


@contextmanager
def connected(live: Live) -> Iterator[Client]:
    client = live.client()
    try:
        yield client
    finally:
        client.close()


def chunked(body: bytes, size: int = 700) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in parts)
    return b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + (
        pieces + b"0\r\n\r\n"
    )


def test_a_body_without_a_length(live: Live) -> None:
    with connected(live) as client:
        client.send(chunked(json.dumps({"rows": rows(20)}).encode()))
        assert len(client.reply().json["predictions"]) == 20
        client.send(chunked(b"[" * 5001))
        reply = client.reply()
        assert (reply.status, reply.error) == (413, "The body is larger than 5,000 bytes.")


def test_a_body_that_is_too_large_is_not_waited_for(live: Live) -> None:
    with connected(live) as client:
        client.send(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 5001\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply.headers["connection"]) == (413, "close")
    assert live.ask("/predict", b" " * 4000 + json.dumps(ROW).encode()).status == 200


@pytest.mark.parametrize("piece", [b"x" * 1000, b"a: b\r\n" * 200])
def test_headers_without_end(live: Live, piece: bytes) -> None:
    with connected(live) as client:
        client.send(request("/predict", ROW))
        assert client.reply().status == 200
        client.send(b"POST /predict HTTP/1.1\r\nx: ")
        with pytest.raises(OSError, match=r"(?i)broken pipe|reset"):  # noqa: PT012 (when it breaks)
            for _ in range(100_000):
                client.send(piece)
    assert live.ask("/predict", ROW).status == 200


def test_large_headers(live: Live) -> None:
    reply = live.ask("/predict", ROW, cookie="x" * 30_000, accept="y" * 20_000)
    assert reply.status == 200


def test_a_client_that_waits_to_be_told_to_go_on(live: Live) -> None:
    body = json.dumps(ROW).encode()
    with connected(live) as client:
        whole = request("/predict", body, expect="100-continue")
        client.send(whole[: -len(body)])
        assert client.reply().status == 100
        client.send(body)
        assert client.reply().status == 200


def test_requests_that_come_before_the_answer_to_the_last(live: Live) -> None:
    asked = rows(40)
    with connected(live) as client:
        bodies = [
            request("/predict", one) if at % 3 else request(V2, tensors([one]), accept="*/*")
            for at, one in enumerate(asked)
        ]
        bodies.insert(20, chunked(json.dumps(ROW).encode()))
        bodies.insert(30, request("/health/live", method="GET"))
        client.send(b"".join(bodies))
        replies = [client.reply() for _ in bodies]
    assert {one.status for one in replies} == {200}
    assert replies.pop(30).json == {"live": True}
    replies.pop(20)
    said = [
        one.json["predictions"][0]["probabilities"]["1"] if at % 3 else of_v2(one)
        for at, one in enumerate(replies)
    ]
    assert said == pytest.approx(expected(asked))


def test_a_request_that_comes_in_pieces(live: Live) -> None:
    whole = request("/predict", ROW) * 2
    with connected(live) as client:
        for at in range(0, len(whole), 7):
            client.send(whole[at : at + 7])
        assert [client.reply().status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("head", [b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nhost: x\r\n"])
def test_a_client_that_does_not_finish_its_headers(live: Live, head: bytes) -> None:
    with connected(live) as client:
        client.send(head)
        reply = client.reply()
        assert (reply.status, reply.error) == (408, "The request was not all there in time.")
        assert client.socket.recv(1) == b""


@pytest.mark.parametrize("more", ["", "expect: 100-continue\r\n"])
def test_a_client_that_does_not_finish_its_body(live: Live, more: str) -> None:
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\n{more}content-length: 100\r\n\r\n{{"
    with connected(live) as client:
        client.send(request("/predict", ROW))
        assert client.reply().status == 200
        client.send(head.encode())
        reply = client.reply()
        if more:
            assert reply.status == 100
            reply = client.reply()
        assert reply.status == 408
        assert "not all there" in reply.error


def test_a_client_that_goes_away_in_the_middle(live: Live) -> None:
    for more in (b"", b"expect: 100-continue\r\n"):
        client = live.client()
        head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n" + more + b"\r\n{"
        client.send(head)
        client.close()
    assert live.ask("/predict", ROW).status == 200


MEDIA = {
    "application/json": 200,
    "application/json; charset=utf-8": 200,
    "APPLICATION/JSON": 200,
    "application/vnd.api+json": 200,
    "application/x-www-form-urlencoded": 200,
    "text/plain": 415,
    "multipart/form-data; boundary=x": 415,
    "": 415,
}


@pytest.mark.parametrize("media", MEDIA)
def test_the_type_of_a_body(live: Live, media: str) -> None:
    assert live.ask("/predict", ROW, content_type=media).status == MEDIA[media]


def test_a_body_that_is_compressed(live: Live) -> None:
    reply = live.ask("/predict", b"\x1f\x8b", content_encoding="gzip")
    assert (reply.status, reply.error) == (415, "The body must not be compressed.")


IDS = {
    "mine-1": "mine-1",
    "a" * 300: "a" * 128,
    "with space": "withspace",
    "<script>": "script",
    "\x7f\u00ff": "none",
}


@pytest.mark.parametrize("given_id", IDS)
def test_the_id_of_a_request(live: Live, given_id: str) -> None:
    for more in ({}, {"connection": "close"}):
        with connected(live) as client:
            lines = request("/predict", ROW, x_request_id="@", **more)
            client.send(lines.replace(b"@", given_id.encode("latin-1")))
            reply = client.reply()
        if b"\x7f" in given_id.encode("latin-1"):
            assert reply.status in {200, 400}
            continue
        assert reply.headers["x-request-id"] == reply.json["id"] == IDS[given_id]


def test_ids_that_the_server_gives_differ(live: Live) -> None:
    found = {live.ask("/predict", ROW).headers["x-request-id"] for _ in range(5)}
    assert len(found) == 5


RAW = {
    "nonsense": b"nonsense\r\n\r\n",
    "bytes": bytes(range(256)),
    "no version": b"GET /\r\n\r\n",
    "two lengths": b"POST /predict HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "negative": b"POST /predict HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    "smuggled": b"POST /v2 HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    "bad chunk": b"POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_http(live: Live, name: str) -> None:
    with connected(live) as client:
        client.send(RAW[name])
        reply = client.reply()
        assert 400 <= reply.status < 500
        assert reply.error
    assert live.ask("/predict", ROW).status == 200


LINES = st.sampled_from(
    [
        *(b"POST", b"GET", b" ", b"/predict", b"/v2/models/peak-hour/infer", b" HTTP/1.1", b"\r\n"),
        *(b"host: x", b"content-length: 5", b"transfer-encoding: chunked", b"\r\n\r\n", b"5\r\n"),
        *(b"expect: 100-continue", b"upgrade: websocket", b"connection: upgrade", b"0\r\n\r\n"),
        *(json.dumps(ROW).encode(), b"{", b"\x00", b"\xff", b"content-length: 108", b":"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES | st.binary(max_size=4), max_size=16).map(b"".join))
def test_any_bytes_do_not_end_it(live: Live, data: bytes) -> None:
    import socket as sockets

    with connected(live) as client:
        client.send(data)
        client.socket.shutdown(sockets.SHUT_WR)
        found = b"".join(iter(lambda: client.socket.recv(65536), b""))
    assert b"HTTP/1.1 5" not in found
    assert live.thread.is_alive()
    assert live.ask("/health/live").status == 200


BODIES = st.sampled_from(
    [
        *(json.dumps(one).encode() for one in (ROW, {"rows": rows(3)}, {**ROW, "hour": 1e300})),
        *(json.dumps(one).encode() for one in (tensors([ROW]), tensors(rows(2), id="x"))),
        *(b"", b"{", b"[]", b"\xff", b'{"rows": []}', b" " * 100, b"[" * 2000),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, path=st.sampled_from(["/predict", V2]), media=st.sampled_from(list(MEDIA)))
def test_the_short_way_answers_as_the_ordinary_one(
    live: Live, body: bytes, path: str, media: str
) -> None:
    """A request that closes its connection, or has no length, goes the ordinary way."""
    replies = []
    for more in ({}, {"connection": "close"}):
        reply = live.ask(path, body, content_type=media, x_request_id="same", **more)
        headers = {k: v for k, v in reply.headers.items() if k not in {"date", "connection"}}
        replies.append((reply.status, headers, reply.body))
    assert replies[0] == replies[1]


def slowly(model: Loaded, gate: threading.Event) -> Loaded:
    """The model, which answers once the gate is open; not on the event loop."""

    def predict(feeds: Feeds) -> Answers:
        gate.wait(20)
        return model.predict(feeds)

    return dataclasses.replace(model, predict=predict, inline_rows=0)


def test_more_requests_than_may_be_inside(model: Loaded, tmp_path: Path) -> None:
    gate = threading.Event()
    with running(slowly(model, gate), tmp_path, concurrency=2, admin=True) as live:
        inside = [live.client() for _ in range(2)]
        for client in inside:
            client.send(request("/predict", ROW))
        while live.app.inside < 2:
            time.sleep(0.01)
        reply = live.ask("/predict", ROW)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert "as many as there may be" in reply.error
        assert live.ask("/health/live").status == 200
        gate.set()
        assert [client.reply().status for client in inside] == [200, 200]
        assert live.ask("/predict", ROW).status == 200
        window = live.ask("/assay/window").json
        assert (window["requests"], window["errors"]) == (4, {"overload": 1})
        for client in inside:
            client.close()


def test_a_model_that_hangs(model: Loaded, tmp_path: Path) -> None:
    gate = threading.Event()
    with running(slowly(model, gate), tmp_path, timeout=0.2, admin=True) as live:
        reply = live.ask("/predict", ROW)
        assert (reply.status, reply.error) == (
            504,
            "The model did not answer within 0.2 seconds.",
        )
        assert live.ask("/assay/window").json["errors"] == {"timeout": 1}
        gate.set()


def test_a_model_that_gives_no_number(tmp_path: Path) -> None:
    with running(loaded(tmp_path, behaviour="nan"), tmp_path, admin=True) as live:
        for path, body in (("/predict", {"rows": rows(3)}), (V2, tensors([ROW]))):
            reply = live.ask(path, body)
            assert reply.status == 500
            assert reply.error == "The model gave no finite probabilities for row 1."
        assert live.ask("/assay/window").json["errors"] == {"not_finite": 2}


def test_a_number_beyond_all_that_was_tested_is_no_defect_of_the_model(
    model: Loaded, tmp_path: Path
) -> None:
    def predict(feeds: Feeds) -> Answers:
        found = model.predict(feeds)
        given, said = feeds["temperature"], found["probabilities"]
        found["probabilities"] = np.where(given == 0, np.nan, np.where(given > 1e100, np.inf, said))
        return found

    with running(dataclasses.replace(model, predict=predict), tmp_path, admin=True) as live:
        reply = live.ask("/predict", {"rows": [{**ROW, "temperature": 0.0}]})
        assert reply.status == 500  # a row as those of the tests
        reply = live.ask("/predict", {**ROW, "temperature": 1e200})
        assert reply.status == 422
        assert reply.error == (
            "The model has no finite probabilities for row 1: `temperature` is far beyond all "
            "that it was tested with."
        )
        assert live.ask("/assay/window").json["errors"] == {"not_finite": 1}


def test_a_model_that_raises_tells_nothing_of_the_row(
    model: Loaded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def predict(feeds: Feeds) -> Answers:
        raise ValueError(str(feeds))

    with running(dataclasses.replace(model, predict=predict), tmp_path, admin=True) as live:
        reply = live.ask("/predict", ROW)
        assert (reply.status, reply.error) == (500, "The model failed: ValueError.")
        assert live.ask("/predict", {**ROW, "hour": 10**15}).status == 422
        assert live.ask("/assay/window").json["errors"] == {"internal": 1}
    assert "12.5" not in caplog.text


def test_a_defect_is_one_error_and_in_the_log(
    model: Loaded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def guard(call: Call) -> None:
        raise KeyError("secret")

    with running(model, tmp_path, Hooks(guard=guard)) as live:
        for more in ({}, {"connection": "close"}):
            reply = live.ask("/predict", ROW, x_request_id="it", **more)
            assert reply.status == 500
            assert reply.error == "An error of the server; its log has it as request it."
    assert "KeyError in request it" in caplog.text
    assert "secret" not in caplog.text.replace('KeyError("secret")', "")


def test_hooks_see_every_request_once(model: Loaded, tmp_path: Path) -> None:
    seen: list[tuple[str, str, int, int, bool, bool]] = []

    def observe(call: Call) -> None:
        has = (call.request is not None, call.answers is not None)
        seen.append((call.path, call.protocol, call.status, len(call.body), *has))

    with running(model, tmp_path, Hooks(observers=(observe,))) as live:
        size = len(json.dumps(ROW))
        live.ask("/predict", ROW)
        live.ask("/predict", ROW, connection="close")
        live.ask("/predict", {"hour": 1})
        live.ask("/health/live")
        live.ask("/none")
    assert seen == [
        ("/predict", "rows", 200, size, True, True),
        ("/predict", "rows", 200, size, True, True),
        ("/predict", "rows", 400, 11, False, False),
        ("/health/live", "http", 200, 0, False, False),
        ("/none", "http", 404, 0, False, False),
    ]


def test_a_guard_that_has_to_ask_somebody_else(model: Loaded, tmp_path: Path) -> None:
    async def later(call: Call) -> None:
        await asyncio.sleep(0)
        if call.headers.get(b"authorization") != b"Bearer good":
            raise RequestError(401, "Nobody who is known.")

    def guard(call: Call) -> Any:
        return None if call.headers.get(b"authorization") == b"Bearer known" else later(call)

    with running(model, tmp_path, Hooks(guard=guard)) as live:
        for given_key, status in (("good", 200), ("known", 200), ("bad", 401)):
            for path in ("/predict", V2):
                body = ROW if path == "/predict" else tensors([ROW])
                reply = live.ask(path, body, authorization=f"Bearer {given_key}")
                assert reply.status == status
        assert live.ask("/v2").status == 401
        assert live.ask("/health/ready").status == 200


def test_a_runner_in_place_of_threads(model: Loaded, tmp_path: Path) -> None:
    asked: list[int] = []

    async def run(feeds: Feeds, count: int) -> Answers:
        asked.append(count)
        return model.predict(feeds)

    with running(model, tmp_path, Hooks(runner=run)) as live:
        assert len(live.ask("/predict", {"rows": rows(4)}).json["predictions"]) == 4
        assert live.ask("/predict", ROW).status == 200
    assert asked == [4, 1]


def test_it_ends_once_what_is_inside_is_answered(model: Loaded, tmp_path: Path) -> None:
    gate = threading.Event()
    with running(slowly(model, gate), tmp_path, drain=20) as live:
        idle, inside, coming = (live.client() for _ in range(3))
        assert idle.ask("/health/ready").status == 200
        inside.send(request("/predict", ROW))
        whole = request("/predict", ROW)
        coming.send(whole[:-10])
        while live.app.inside < 2:
            time.sleep(0.01)
        live.server.end()
        assert idle.socket.recv(1) == b""
        assert not live.path.exists()
        coming.send(whole[-10:])
        gate.set()
        for client in (inside, coming):
            reply = client.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert client.socket.recv(1) == b""
        live.thread.join(20)
        assert not live.thread.is_alive()
        for client in (idle, inside, coming):
            client.close()


def test_no_request_is_lost_when_it_ends_under_load(
    model: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_GRACE", 20)
    lost: list[Exception] = []
    counts: list[int] = []

    def ask(live: Live) -> None:
        count = 0
        while True:
            try:
                client = live.client()
            except OSError:  # it does not take anybody any more
                counts.append(count)
                return
            try:
                while client.ask("/predict", ROW).headers.get("connection") != "close":
                    count += 1
            except (OSError, EOFError) as error:
                lost.append(error)
            finally:
                client.close()

    with running(model, tmp_path) as live:
        threads = [threading.Thread(target=ask, args=(live,)) for _ in range(4)]
        for one in threads:
            one.start()
        while sum(live.app.metrics.requests.values()) < 200:
            time.sleep(0.01)
        live.server.end()
        for one in threads:
            one.join(20)
    assert lost == []
    assert len(counts) == 4


def test_it_ends_without_waiting_for_ever(model: Loaded, tmp_path: Path) -> None:
    gate = threading.Event()
    with running(slowly(model, gate), tmp_path, drain=0) as live:
        client = live.client()
        client.send(request("/predict", ROW))
        while live.app.inside < 1:
            time.sleep(0.01)
        live.server.end()
        live.server.end()  # asked twice, it does not wait
        live.thread.join(20)
        assert not live.thread.is_alive()
        gate.set()
        client.close()


def test_a_server_that_ends_leaves_the_socket_of_the_next_one(
    model: Loaded, tmp_path: Path
) -> None:
    with running(model, tmp_path) as old:
        client = old.client()
        old.path.unlink()  # as if it hung, and somebody else took its place
        with running(model, tmp_path) as new:
            old.server.end()
            old.thread.join(20)
            assert new.ask("/predict", ROW).status == 200
        client.close()


def serve(*args: object, **environ: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "assay.cli", "serve", *map(str, args)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environ},
    )


def test_the_command_serves_a_signed_archive_until_it_is_told_to_end(tmp_path: Path) -> None:
    one = made(tmp_path)
    process = serve(one.archive, "--key", one.key, "--uds", tmp_path / "s", "--as", "v1.0.0")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"Serving peak-hour v1.0.0 on unix:{tmp_path}/s, signed by the key ")
        client = Client(tmp_path / "s")
        said = client.ask("/predict", ROW).json["predictions"][0]["probabilities"]["1"]
        assert said == pytest.approx(expected([ROW])[0])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert client.socket.recv(1) == b""
        client.close()
        assert not (tmp_path / "s").exists()
    finally:
        process.kill()
        process.communicate()


def test_who_asks_twice_does_not_wait_but_the_log_becomes_whole(tmp_path: Path) -> None:
    one, log = made(tmp_path), tmp_path / "log"
    process = serve(one.archive, "--key", one.key, "--uds", tmp_path / "s", "--log", log)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        client, slow = Client(tmp_path / "s"), Client(tmp_path / "s")
        assert client.ask("/predict", ROW).status == 200
        # It is inside, and its end never comes.
        slow.send(request("/predict", ROW)[:-1])
        process.send_signal(signal.SIGTERM)
        while (tmp_path / "s").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in said
        assert [path.suffix for path in log.iterdir()] == [".jsonl"]
        client.close()
        slow.close()
    finally:
        process.kill()
        process.communicate()
