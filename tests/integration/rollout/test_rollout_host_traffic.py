"""Users behind a host's nginx: who answers them, what passes on, and what they never notice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from assay.rollout.host import nginxconf, routes, scrape
from assay.rollout.targets.base import Routing

from tests import rollout_hosts
from tests.rollout_hosts import Host, hosting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("nginx")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A folder whose name and length nothing may mind."""
    parent = tmp_path_factory.mktemp("host") / ("long" * 30)
    with hosting(parent / 'it\'s "$a" folder; {}', max_body=1_000_000, drain=0.3) as made:
        made.stable()
        yield made


@pytest.fixture
def fresh(host: Host) -> Iterator[Host]:
    """The same, with stable alone behind each test."""
    with rollout_hosts.restored(host, rollout_hosts.version("v1.0.0")):
        yield host


def test_a_folder_of_any_name(host: Host) -> None:
    assert host.ask().version == "v1.0.0"
    assert len(str(host.folder)) > 107
    assert oct(host.folder.stat().st_mode & 0o777) == "0o700"


def test_what_passes_on(host: Host) -> None:
    found = host.ask(
        "/v2/models/bikes/infer?x=%2Fa", X_Request_Id="theirs", X_Forwarded_For="10.1.1.1"
    )

    assert json.loads(found.body)["path"] == "/v2/models/bikes/infer?x=%2Fa"
    made = found.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert found.headers["x-seen-x-request-id"] == made
    assert found.headers["x-seen-x-real-ip"] == "127.0.0.1"
    assert found.headers["x-seen-x-forwarded-for"] == "10.1.1.1, 127.0.0.1"
    assert found.headers["x-seen-host"] == f"127.0.0.1:{host.port}"


@pytest.mark.parametrize(
    "path",
    [
        "/assay",
        "/assay/window",
        "/assay/shadow?x",
        "//assay/window",
        "/assay//window",
        "/%61ssay/window",
        "/assay%2Fwindow",
        "/%2Fassay/window",
        "/./assay/window",
        "/x/../assay/window",
        "/x/%2e%2e/assay/window",
        "/x%2f..%2fassay/window",
        "http://127.0.0.1/assay/window",
        "/assay/window#/../../predict",
    ],
)
def test_nobody_outside_reaches_the_servers_own(host: Host, path: str) -> None:
    assert _raw(host.port, path).startswith(b"HTTP/1.1 404 ")


def _raw(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        found = b""
        while piece := client.recv(65536):
            found += piece
        return found


def test_a_body_that_is_too_large(host: Host) -> None:
    found = host.ask(body=b"x" * 1_000_001)

    assert found.status == 413
    assert json.loads(found.body) == {"error": "the request is larger than 1000000 bytes"}


def test_shares(fresh: Host) -> None:
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0")

    fresh.target.route(Routing(stable=stable, candidate=candidate, percent=25))
    said = [fresh.ask().version for _ in range(400)]

    # 400 draws at 25 %: fewer than 60 or more than 140 are 4.6 standard deviations away.
    assert 60 <= said.count("v2.0.0") <= 140
    for percent, who in ((0, "v1.0.0"), (100, "v2.0.0")):
        fresh.target.route(Routing(stable=stable, candidate=candidate, percent=percent))
        assert {fresh.ask().version for _ in range(20)} == {who}


@pytest.mark.parametrize("mode", ["hang", "500", "die"])
@pytest.mark.parametrize("size", [10, 400_000], ids=["small", "beyond-the-buffer"])
def test_stable_answers_for_a_candidate_that_does_not(fresh: Host, mode: str, size: int) -> None:
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started(f"v2.0.0+{mode}")
    fresh.target.route(Routing(stable=stable, candidate=candidate, percent=100))
    body = os.urandom(size)

    for _ in range(2):
        found = fresh.ask(body=body)

        assert (found.status, found.version) == (200, "v1.0.0")
        assert json.loads(found.body)["md5"] == hashlib.md5(body).hexdigest()


def test_stable_answers_where_the_candidate_is_gone(fresh: Host) -> None:
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0")
    fresh.target.route(Routing(stable=stable, candidate=candidate, percent=100))
    assert fresh.ask().version == "v2.0.0"
    socket_file = fresh.folder / fresh.target.agent.place.socket(candidate.digest)

    socket_file.unlink()

    assert fresh.ask().version == "v1.0.0"


def test_errors_of_stable_are_its_own(fresh: Host) -> None:
    """It is not asked twice: an error is told, and load is not doubled when there is too much."""
    stable, bad = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0+500")
    fresh.target.route(Routing(stable=bad))

    found = fresh.ask()

    assert (found.status, found.version) == (500, "v2.0.0+500")
    snapshot = fresh.target.observe().of(bad)
    assert snapshot is not None
    assert snapshot.snapshot is not None
    assert snapshot.snapshot.requests == 1
    fresh.target.route(Routing(stable=stable))


def test_no_server_at_all(fresh: Host) -> None:
    stable, bad = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0+die")
    fresh.target.route(Routing(stable=bad))

    found = fresh.ask()

    assert (found.status, found.headers["retry-after"]) == (503, "1")
    assert "error" in json.loads(found.body)
    fresh.target.route(Routing(stable=stable))


def test_an_answer_that_breaks_off_is_not_taken_for_one(fresh: Host) -> None:
    """What nginx has begun to pass on it cannot take back: the client sees that it is not all."""
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0+half")
    fresh.target.route(Routing(stable=stable, candidate=candidate, percent=100))

    with contextlib.suppress(OSError):
        found = _raw(fresh.port, "/predict")
        head, _, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length is not None
        assert len(body) < int(length[1]) or b"v1.0.0" in body


def test_shadow_is_told_to_stable_alone(fresh: Host) -> None:
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0")
    place = fresh.target.agent.place

    def told() -> object:
        found = scrape.ask(fresh.folder / place.socket(stable.digest), "/assay/told")
        return json.loads(found.body)

    fresh.target.route(Routing(stable=stable, candidate=candidate, shadow=True))
    socket_file = f"/proc/self/cwd/{place.socket(candidate.digest)}"
    assert told() == {"socket": socket_file, "share": 1.0}
    assert fresh.ask().version == "v1.0.0"

    fresh.target.route(Routing(stable=stable, candidate=candidate, percent=5))
    assert told() == {"socket": None, "share": 0.0}


def test_routes_of_long_ago_are_removed(fresh: Host) -> None:
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0")
    place = fresh.target.agent.place

    for percent in range(1, 12):
        fresh.target.route(Routing(stable=stable, candidate=candidate, percent=percent))

    left = [path.name for path in place.routes.iterdir()]
    assert len(left) == routes.KEPT
    assert place.current.readlink().name in left


def test_the_access_log_is_json(fresh: Host) -> None:
    """Whatever stands in a request; nginx writes it a second later."""
    agent = fresh.target.agent
    usual = agent.settings
    assert usual is not None
    agent.settings = usual.model_copy(update={"access_log": True})
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0+500")
    fresh.target.route(Routing(stable=stable, candidate=candidate, percent=100))

    found = fresh.ask("/pre%22dict%0A?x=secret")

    log = fresh.folder / "log" / "access.log"
    rollout_hosts.until(lambda: log.exists() and log.stat().st_size)
    (line,) = map(json.loads, log.read_text().splitlines())
    agent.settings = usual
    assert line["id"] == found.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", '/pre"dict\n', 200)
    assert line["servers"] == "500 : 200"
    assert line["client"] == "127.0.0.1"


@pytest.mark.needs("wrk")
def test_nobody_notices_shifts_crashes_and_reloads(fresh: Host, tmp_path: Path) -> None:
    stable, candidate = rollout_hosts.version("v1.0.0"), fresh.started("v2.0.0")
    target, agent = fresh.target, fresh.target.agent
    usual = agent.settings
    assert usual is not None
    with _load(fresh.port, tmp_path) as load:
        rollout_hosts.until(lambda: _requests(fresh) > 100)

        for percent in (5, 25, 100, 50):
            target.route(Routing(stable=stable, candidate=candidate, percent=percent))
            time.sleep(0.1)
        os.kill(fresh.pid(candidate), signal.SIGKILL)
        before = _generation(fresh)
        agent.settings = usual.model_copy(update={"canary_timeout": 0.5})
        target.route(Routing(stable=stable, candidate=candidate, percent=50))
        assert _generation(fresh) != before
        target.route(Routing(stable=candidate, candidate=stable, percent=50))
        target.route(Routing(stable=candidate))
        target.stop(stable)
        target.start(stable)
        target.route(Routing(stable=stable))
        rollout_hosts.until(lambda: _requests(fresh) > 500, patience=120)
        load.send_signal(signal.SIGINT)  # it ends with its summary
        said, _ = load.communicate(timeout=30)
    agent.settings = usual

    found = re.search(r"TOTAL (\d+) FAILED (\d+)", said)
    assert found is not None
    assert int(found[1]) > 500
    assert int(found[2]) == 0, said


@contextlib.contextmanager
def _load(port: int, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Sixteen users, until it is ended."""
    script = folder / "load.lua"
    script.write_text(_LOAD)
    url = f"http://127.0.0.1:{port}/predict"
    wrk = ["wrk", "-t1", "-c16", "-d600s", "-s", str(script), url]
    with subprocess.Popen(wrk, stdout=subprocess.PIPE, text=True) as load:
        try:
            yield load
        finally:
            load.kill()


def _requests(host: Host) -> int:
    """That stable has answered since it was started."""
    seen = host.target.observe().of(rollout_hosts.version("v1.0.0"))
    return seen.snapshot.requests if seen and seen.snapshot else 0


_LOAD = """
wrk.method = "POST"
wrk.body = string.rep("x", 300)
delay = function() return 10 end
done = function(s, l, r)
  local e = s.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("TOTAL %d FAILED %d\\n", s.requests, failed))
end
"""


def _generation(host: Host) -> bytes:
    return scrape.ask(host.folder / nginxconf.CONTROL, nginxconf.GENERATION).body
