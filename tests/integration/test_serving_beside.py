"""A server with everything beside its core, over a real socket; and mounted in other apps."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from a2wsgi import ASGIMiddleware
from assay.packaging.bundle import BundleError
from assay.serving import auth
from assay.serving.beside import Beside, hooks
from assay.serving.mounting import application
from assay.serving.predictionlog import LogSettings
from assay.serving.settings import ServeSettings
from assay.serving.trial import Server
from fastapi import FastAPI
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests import fuzz_serving, serving_bundles
from tests.serving_live import V2, Client, Live, running, tensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.serving.loaded import Loaded

TF = "/v1/models/peak-hour:predict"
KEY = "a-key-that-nobody-else-has"
ROWS = serving_bundles.rows(5)
EXPECTED = serving_bundles.expected(ROWS).tolist()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return serving_bundles.loaded(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def live(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    settings = ServeSettings(admin=True)
    made = hooks(loaded, settings, Beside(labels=("prod",), feedback=True))
    with running(loaded, tmp_path_factory.mktemp("live"), made, admin=True) as one:
        yield one


def probabilities(said: Any) -> list[float]:
    return [one["probabilities"]["1"] for one in said["predictions"]]


def test_every_protocol_says_the_same(live: Live) -> None:
    rows = probabilities(live.ask("/predict", {"rows": ROWS}).json)
    by_row = live.ask(TF, {"instances": ROWS}).json["predictions"]
    columns = {name: [one[name] for one in ROWS] for name in ROWS[0]}
    by_column = live.ask(TF, {"inputs": columns}).json["outputs"]
    tensor = live.ask(V2, tensors(ROWS, outputs=[{"name": "probabilities"}])).json["outputs"][0]

    assert rows == pytest.approx(EXPECTED)
    assert [one["probabilities"][1] for one in by_row] == rows
    assert [one[1] for one in by_column["probabilities"]] == rows
    assert tensor["data"][1::2] == rows


def test_tensors_come_and_go_as_bytes(live: Live) -> None:
    hours = struct.pack("<5q", *(one["hour"] for one in ROWS))
    found = tensors(ROWS, parameters={"binary_data_output": True})
    del found["inputs"][0]["data"]
    found["inputs"][0]["parameters"] = {"binary_data_size": len(hours)}
    head = json.dumps(found).encode()

    reply = live.ask(V2, head + hours, inference_header_content_length=str(len(head)))

    length = int(reply.headers["inference-header-content-length"])
    assert reply.headers["content-type"] == "application/octet-stream"
    assert [one["name"] for one in json.loads(reply.body[:length])["outputs"]] == [
        "label",
        "probabilities",
    ]
    tail = struct.unpack("<5q10d", reply.body[length:])
    assert list(tail[6::2]) == pytest.approx(EXPECTED)
    assert live.ask("/v2").json["extensions"] == ["binary_tensor_data"]


@pytest.mark.parametrize("at", ["", "/versions/v1.0.0", "/labels/prod"])
def test_a_version_has_a_status_and_metadata(live: Live, at: str) -> None:
    status = live.ask(f"/v1/models/peak-hour{at}").json
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    found = live.ask(f"/v1/models/peak-hour{at}/metadata").json
    assert found["model_spec"]["version"] == "v1.0.0"
    assert live.ask(f"/v1/models/peak-hour{at}:predict", {"instances": ROWS}).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/other",
        "/v1/models/peak-hour/versions/2",
        "/v1/models/peak-hour/labels/canary",
        "/v1/models/other:predict",
        "/v1/models/peak-hour:classify",
    ],
)
def test_what_is_not_here_is_404(live: Live, path: str) -> None:
    assert live.ask(path).status == 404
    assert "There is no" in live.ask(path).error


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_say_what_is_served(live: Live, path: str) -> None:
    reply = live.ask(path)

    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'sha256-" in reply.headers["content-security-policy"]
    assert b"peak-hour" in reply.body


def test_truth_is_counted_for_the_window(live: Live) -> None:
    reply = live.ask("/predict", {"rows": ROWS[:2]}, x_request_id="known")
    labels = [one["label"] for one in reply.json["predictions"]]
    before = live.ask("/assay/window").json["labelled"] or {"rows": 0, "correct": 0}

    said = live.ask("/feedback", {"id": "known", "truth": [labels[0], 1 - labels[1]]})

    assert said.json == {"id": "known", "rows": 2}
    after = live.ask("/assay/window").json["labelled"]
    assert (after["rows"] - before["rows"], after["correct"] - before["correct"]) == (2, 1)
    assert "is known" in live.ask("/feedback", {"id": "known", "truth": labels}).error


def test_only_who_has_a_key_may_ask(loaded: Loaded, tmp_path: Path) -> None:
    beside = Beside(keys=auth.keys(f"shop {KEY}", shown="keys"), feedback=True)
    with running(loaded, tmp_path, hooks(loaded, ServeSettings(), beside)) as one:
        for path in ("/predict", V2, TF, "/feedback"):
            reply = one.ask(path, b"{}")
            assert (reply.status, reply.headers["www-authenticate"]) == (
                401,
                'Bearer realm="assay"',
            )
            assert "no key" in reply.error
        assert one.ask("/predict", ROWS[0], authorization=f"Bearer {KEY}x").status == 401
        assert one.ask("/predict", ROWS[0], authorization=f"Bearer {KEY}").status == 200
        assert one.ask(TF, {"instances": ROWS}, x_api_key=KEY).status == 200
        assert one.ask("/v2").status == 401
        for path in ("/health/ready", "/metrics", "/docs", "/openapi.json"):
            assert one.ask(path).status == 200
        assert KEY not in one.ask("/metrics").body.decode()


def test_requests_of_many_are_asked_together(loaded: Loaded, tmp_path: Path) -> None:
    made = hooks(loaded, ServeSettings(), Beside(batch_rows=50, batch_wait=0.02))
    answers: dict[int, Any] = {}
    with running(loaded, tmp_path, made) as one:

        def ask(at: int) -> None:
            answers[at] = one.ask("/predict", ROWS[at % 5]).json

        threads = [threading.Thread(target=ask, args=(at,)) for at in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.ask("/predict", {**ROWS[0], "hour": "late"}).status == 400

    for at, said in answers.items():
        assert probabilities(said) == pytest.approx([EXPECTED[at % 5]])


def until(true: Any) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(("behaviour", "agreed"), [("good", 1.0), ("wrong", 0.0)])
def test_copies_are_compared_and_nobody_notices(
    live: Live, tmp_path: Path, behaviour: Any, agreed: float
) -> None:
    other = serving_bundles.loaded(tmp_path, "v2", behaviour)
    made = hooks(other, ServeSettings(), Beside())

    def shadow() -> Any:
        return live.ask("/assay/window").json["shadow"]

    with running(other, tmp_path, made) as canary:
        assert live.ask("/assay/shadow", {"socket": str(canary.path)}).status == 200
        before = shadow()
        for at in range(4):
            reply = live.ask("/predict", {"rows": ROWS}, x_request_id=f"copy-{at}")
            assert (reply.json["version"], reply.headers["x-request-id"]) == (
                "v1.0.0",
                f"copy-{at}",
            )
        until(lambda: shadow()["rows"] - before["rows"] == 20)
        after = shadow()
        assert (after["agreed"] - before["agreed"]) == 20 * agreed
        assert (after["failed"], after["dropped"]) == (before["failed"], before["dropped"])
    # The other server is gone.
    assert live.ask("/predict", ROWS[0]).status == 200
    until(lambda: shadow()["failed"] - before["failed"] == 1)
    live.ask("/assay/shadow", {"socket": None})
    live.ask("/predict", ROWS[0])
    assert shadow()["rows"] == after["rows"]


def test_a_version_that_is_behind_gets_fewer_copies(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket as sockets

    made = hooks(loaded, ServeSettings(admin=True), Beside())
    deaf = sockets.socket(sockets.AF_UNIX)
    deaf.bind(str(tmp_path / "deaf.sock"))
    deaf.listen(1)
    monkeypatch.setattr("assay.serving.shadow._TIMEOUT", 0.2)
    with deaf, running(loaded, tmp_path, made, admin=True) as one:
        one.ask("/assay/shadow", {"socket": str(tmp_path / "deaf.sock"), "share": 1})
        client = one.client()
        for _ in range(300):
            assert client.ask("/predict", ROWS[0]).status == 200
        client.close()
        found = one.ask("/assay/window").json["shadow"]
        assert found["dropped"] >= 40
        assert found["rows"] == 0


COMMAND = [sys.executable, "-m", "assay.cli", "serve"]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_logs_are_whole_after_sigterm(tmp_path: Path, form: str) -> None:
    made = serving_bundles.made(tmp_path / "bundle")
    log = tmp_path / "log"
    options = ["--key", str(made.key), "--access-log", "--log", str(log), "--log-drop", "hour"]
    environment = {**os.environ, "ASSAY_SERVE_API_KEYS": f"shop {KEY}"}
    path = tmp_path / "s.sock"
    process = subprocess.Popen(
        [*COMMAND, str(made.folder), *options, "--log-format", form, "--uds", str(path)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(path.exists)
        server = Server.__new__(Server)
        server.socket, server._deadline = path, time.monotonic() + 20
        headers = {"authorization": f"Bearer {KEY}", "x-request-id": "mine"}
        for _ in range(3):
            body = json.dumps({"rows": ROWS}).encode()
            assert server.ask("POST", "/predict?token=secret", body, headers)[0] == 200
        assert server.ask("POST", "/predict", b"{}")[0] == 401
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (0, "")
    (file,) = log.iterdir()
    if form == "jsonl":
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    else:
        from pyarrow import parquet

        rows = parquet.read_table(file).to_pylist()
    assert len(rows) == 15
    assert {(row["id"], row["version"]) for row in rows} == {("mine", made.digest[:12])}
    assert not any(name.startswith("feature.hour") for name in rows[0])
    assert f"Predictions are logged in {log}, without `hour`" in out
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert Counter(one["status"] for one in lines) == {200: 3, 401: 1}
    assert {one.get("caller") for one in lines} == {"shop", None}
    assert {one["path"] for one in lines} == {"/predict"}
    assert "secret" not in out + err
    assert KEY not in out + err


def test_a_disk_that_is_full_fails_no_request(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    beside = Beside(log=LogSettings(tmp_path / "file/log"))
    with running(loaded, tmp_path, hooks(loaded, ServeSettings(), beside)) as one:
        for _ in range(5):
            assert one.ask("/predict", ROWS[0]).status == 200
        until(lambda: b'outcome="lost"} 5' in one.ask("/metrics").body)


def test_it_mounts_into_fastapi(tmp_path: Path) -> None:
    made = serving_bundles.made(tmp_path)
    app = FastAPI()

    @app.get("/mine")
    def mine() -> dict[str, bool]:
        return {"mine": True}

    beside = Beside(log=LogSettings(tmp_path / "log"))
    app.mount("/model", application(made.archive, key=made.key, beside=beside))

    path = tmp_path / "s.sock"
    server = uvicorn.Server(uvicorn.Config(app, uds=str(path), log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(path.exists)
        client = Client(path)
        assert client.ask("/mine").json == {"mine": True}
        said = client.ask("/model/predict", {"rows": ROWS}).json
        assert probabilities(said) == pytest.approx(EXPECTED)
        assert client.ask("/model/health/ready").json == {"ready": True}
        assert client.ask("/model/").headers["content-type"] == "text/html; charset=utf-8"
        assert client.ask("/model/predict", {"hour": 1}).status == 400
        assert "There is no" in client.ask("/model/nothing").error
        assert client.ask(f"/model{TF}", {"instances": ROWS}).status == 200
        client.close()
    finally:
        server.should_exit = True
        thread.join(20)


def test_it_mounts_into_flask(tmp_path: Path) -> None:
    made = serving_bundles.made(tmp_path)
    app = Flask("mine")
    app.add_url_rule("/mine", view_func=lambda: {"mine": True})
    model = ASGIMiddleware(application(made.folder, key=made.key))  # type: ignore[arg-type]
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/model": model})  # type: ignore[assignment, method-assign]

    client = app.test_client()

    assert client.get("/mine").get_json() == {"mine": True}
    answer = client.post("/model/predict", json={"rows": ROWS})
    assert probabilities(answer.get_json()) == pytest.approx(EXPECTED)
    assert client.get("/model/health/ready").get_json() == {"ready": True}
    assert "missing" in client.post("/model/predict", json={"hour": 1}).get_json()["error"]
    assert "There is no" in client.get("/model/nothing").get_json()["error"]


def test_what_is_mounted_is_verified(tmp_path: Path) -> None:
    made = serving_bundles.made(tmp_path)
    with (made.folder / "model.onnx").open("ab") as file:
        file.write(b"x")

    with pytest.raises(BundleError, match="is not served"):
        application(made.folder, key=made.key)
    with pytest.raises(ValueError, match="one of"):
        application(made.folder)


def test_a_few_requests_that_nobody_would_send() -> None:
    report = fuzz_serving.fuzz(240, 3, lambda text: None)

    assert report.problems == []
    assert report.statuses[200] > 10
    assert report.statuses[400] > 60
