"""The first version of a host: it is promoted before it is routed, so nginx is asked before."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest
from assay.configrollout import EnvironmentSpec, HostSpec
from assay.rollout import machine
from assay.rollout.conduct import Conduct
from assay.rollout.host import nginx
from assay.rollout.plan import plan
from assay.rollout.targets.base import State

from tests.rollout_hosts import hosting, version

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.needs("nginx")
def test_where_its_port_is_taken_nothing_is_stable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx, "FREED", 0.0)
    spec = EnvironmentSpec(target=HostSpec(folder="x"))
    source = tmp_path / "source"
    source.write_text("v1.0.0")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with hosting(tmp_path / "host", owner=None, listen=listen) as host:
            one = version("v1.0.0")
            outcome = machine.roll(Conduct(host.target, "ann"), source, one, plan(spec))
            state = host.target.state()

    assert (outcome.ending, outcome.exit_code, outcome.stable) == ("error", 3, None)
    assert outcome.reason == f"nginx cannot listen on {listen}: Address already in use."
    assert state == State(placed=(one,))
