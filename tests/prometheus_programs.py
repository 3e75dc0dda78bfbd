"""Prometheus, Alertmanager, Pushgateway and node_exporter, wired as docs/prometheus.md says."""

from __future__ import annotations

import http.client
import http.server
import json
import re
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import yaml
from assay.serving.app import create_app
from assay.serving.beside import Beside, hooks
from assay.serving.drain import Server
from assay.serving.predictionlog import LogSettings
from assay.serving.settings import ServeSettings

from tests import programs, serving_bundles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path(__file__).resolve().parents[1] / "docs"
SOON = 20.0
"""Seconds after which what was waited for will not come; it takes about one."""
OFTEN = "200ms"


@dataclass(frozen=True)
class Live:
    """What runs, and how to ask it."""

    folder: Path
    prometheus: str
    gateway: str
    node: str
    server: str
    told: list[dict[str, Any]] = field(default_factory=list)
    """What Alertmanager sent to the webhook."""

    @property
    def textfiles(self) -> Path:
        """The folder of node_exporter's textfile collector."""
        return self.folder / "textfiles"

    def api(self, path: str, **args: str) -> Any:
        """The data of Prometheus' answer."""
        answer = json.loads(got(f"{self.prometheus}/api/v1/{path}?{urlencode(args)}"))
        assert answer["status"] == "success", f"{path} {args}: {answer}"
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Series and their values, now."""
        found = self.api("query", query=expression)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def ask(self, rows: int = 3) -> None:
        """Send the model server a request, and one that it refuses."""
        for body in (serving_bundles.rows(rows), [{"hour": 1}]):
            got(f"{self.server}/predict", json.dumps({"rows": body}).encode())


def got(url: str, body: bytes | None = None) -> bytes:
    """The body of an answer, whatever its status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=SOON)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET" if body is None else "POST", path, body)
        return connection.getresponse().read()
    finally:
        connection.close()


def until(found: Callable[[], Any]) -> Any:
    """What `found` returns, once that is something."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.02)
    raise AssertionError(f"it did not come within {SOON:g} s")


def documented(name: str) -> dict[str, Any]:
    """A YAML file that docs/prometheus.md shows."""
    page = (DOCS / "prometheus.md").read_text(encoding="utf-8")
    match = re.search(rf"```yaml\n# {re.escape(name)}\n(.*?)```", page, re.DOTALL)
    assert match, f"docs/prometheus.md shows no {name}"
    found = yaml.safe_load(match[1])
    assert isinstance(found, dict)
    return found


@contextmanager
def running(folder: Path) -> Iterator[Live]:
    """All of it, in `folder`."""
    told: list[dict[str, Any]] = []
    (folder / "textfiles").mkdir()
    with ExitStack() as stack:
        hook = stack.enter_context(_webhook(told))
        server = stack.enter_context(_model_server(folder))
        alertmanager = stack.enter_context(_alertmanager(folder, hook))
        gateway = stack.enter_context(
            _program(folder, "prometheus-pushgateway", "--persistence.file=")
        )
        node = stack.enter_context(
            _program(
                folder,
                "prometheus-node-exporter",
                "--collector.disable-defaults",
                "--collector.textfile",
                f"--collector.textfile.directory={folder / 'textfiles'}",
            )
        )
        targets = {"models": server, "node": node, "pushgateway": gateway}
        prometheus = stack.enter_context(_prometheus(folder, targets, alertmanager))
        until(lambda: b"Ready" in got(f"{prometheus}/-/ready"))
        yield Live(folder, prometheus, gateway, node, server, told)


def _alertmanager(folder: Path, hook: str) -> Any:
    settings = documented("alertmanager.yml")
    settings["route"] |= {"group_wait": "10ms", "group_interval": OFTEN}
    (receiver,) = settings["receivers"]
    receiver["webhook_configs"][0]["url"] = hook
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(settings))
    return _program(
        folder,
        "prometheus-alertmanager",
        f"--config.file={path}",
        f"--storage.path={folder / 'alerts'}",
        "--cluster.listen-address=",
    )


def _prometheus(folder: Path, targets: dict[str, str], alertmanager: str) -> Any:
    settings = documented("prometheus.yml")
    settings["global"] = {"scrape_interval": OFTEN, "evaluation_interval": OFTEN}
    settings["rule_files"] = [
        str(DOCS / "monitoring" / Path(one).name) for one in settings["rule_files"]
    ]
    assert {one["job_name"] for one in settings["scrape_configs"]} == set(targets)
    for job in settings["scrape_configs"]:
        (group,) = job["static_configs"]
        group["targets"] = [urlsplit(targets[job["job_name"]]).netloc]
    (managers,) = settings["alerting"]["alertmanagers"]
    managers["static_configs"] = [{"targets": [urlsplit(alertmanager).netloc]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    return _program(
        folder,
        "prometheus",
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
    )


@contextmanager
def _program(folder: Path, name: str, *args: str) -> Iterator[str]:
    """A program that listens on a free port; yields its address, and ends it."""
    path = programs.find(name)
    assert path is not None
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [path, "--web.listen-address=127.0.0.1:0", *args],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
        )
    try:

        def address() -> str | None:
            text = log.read_text()
            assert process.poll() is None, text
            match = re.search(r'"Listening on".* address=(\S+)', text)
            return match[1] if match else None

        yield f"http://{until(address)}"
    finally:
        process.kill()  # nothing of it is kept
        process.wait()


@contextmanager
def _webhook(told: list[dict[str, Any]]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = answer  # noqa: N815 (the library's name)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _model_server(folder: Path) -> Iterator[str]:
    loaded = serving_bundles.loaded(folder / "bundle", version="v1.3.0")
    settings = ServeSettings(host="127.0.0.1", port=0)
    beside = Beside(log=LogSettings(folder / "log"))
    server = Server(create_app(loaded, settings, hooks(loaded, settings, beside)), settings)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.where
    finally:
        server.end()
        thread.join(SOON)
        assert not thread.is_alive()
