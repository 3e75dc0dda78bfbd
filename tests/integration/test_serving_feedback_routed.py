"""Feedback through a host's nginx: it comes to the version that gave the answer."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from assay.rollout.host import nginx, nginxconf
from assay.rollout.host.settings import HostSettings
from assay.serving.beside import Beside, hooks
from assay.serving.settings import ServeSettings

from tests import serving_bundles
from tests.serving_live import Live, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("nginx")


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Live, Live]]:
    """(stable, candidate), which take feedback."""
    made = []
    for name in ("stable", "canary"):
        folder = tmp_path / name
        folder.mkdir()
        loaded = serving_bundles.loaded(folder, name)
        made.append((loaded, folder, hooks(loaded, ServeSettings(), Beside(feedback=True))))
    with running(*made[0]) as stable, running(*made[1]) as canary:
        yield stable, canary


@pytest.fixture
def front(tmp_path: Path, sides: tuple[Live, Live]) -> Iterator[tuple[Path, int]]:
    """(the folder of a host, the port of its nginx)."""
    folder = tmp_path / "host"
    for name in ("run", "log", "tmp", "nginx", "current/canary"):
        (folder / name).mkdir(parents=True)
    for name, one in zip(("stable", "canary"), sides, strict=True):
        (folder / f"current/{name}.sock").symlink_to(one.path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = nginxconf.render(HostSettings(listen=f"127.0.0.1:{port}"), root=os.geteuid() == 0)
    (folder / "nginx/nginx.conf").write_text(text)
    process = subprocess.Popen(nginx.command(), cwd=folder)
    try:
        until = time.monotonic() + 10
        while not (folder / nginxconf.CONTROL).exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        yield folder, port
    finally:
        process.terminate()
        process.wait(10)


def told(port: int, ident: str) -> tuple[int, bytes]:
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    body = f'{{"id": "{ident}", "truth": [1]}}'
    connection.request("POST", "/feedback", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_whoever_answered_learns_the_truth(
    front: tuple[Path, int], sides: tuple[Live, Live]
) -> None:
    folder, port = front
    stable, canary = sides
    stable.ask("/predict", serving_bundles.ROW, x_request_id="of-stable")
    canary.ask("/predict", serving_bundles.ROW, x_request_id="of-canary")

    assert told(port, "of-stable") == (200, b'{"id":"of-stable","rows":1}')
    assert told(port, "of-canary") == (200, b'{"id":"of-canary","rows":1}')
    assert told(port, "of-canary")[0] == 404
    (folder / "current/canary.sock").unlink()
    assert told(port, "of-nobody") == (404, b'{"error":"no answer of this id is remembered"}')
    for one in sides:
        found = one.app.hooks.labelled
        assert found is not None
        counts = found()
        assert counts is not None
        assert counts.rows == 1
