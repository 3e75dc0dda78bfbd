"""A host whose disk is full, a real one of 30 MB: users are answered, and the way back is open."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests import rollout_hosts

if TYPE_CHECKING:
    from pathlib import Path

MOUNTED = """
set -eu
mkdir "$HOME/disk"
mount -t tmpfs -o size=30m tmpfs "$HOME/disk"
{python} "$HOME/story.py"
"""
STORY = """
import contextlib, json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from assay.rollout.host.agent import local
from assay.rollout.journal import Event
from assay.rollout.targets.base import PlaceError, Routing
from tests.rollout_hosts import hosting, version
disk = Path(os.environ["HOME"], "disk")
said = {{}}
with hosting(disk / "host") as host:
    one, two = host.stable(), host.started("v2.0.0")
    host.target.route(Routing(stable=one, candidate=two, percent=50))
    with contextlib.suppress(OSError), (disk / "more").open("wb", buffering=0) as file:
        while file.write(os.urandom(4096)):
            pass
    host.target.agent.receive = lambda _, parts, *__: (parts / "x").write_bytes(bytes(2_000_000))
    Path(os.environ["HOME"], "source").write_text("")
    try:
        host.target.place(Path(os.environ["HOME"], "source"), version("v3.0.0"))
    except PlaceError as error:
        said["place"] = error.message
    said["answers"] = sorted({{host.ask().status for _ in range(20)}})
    host.target.append(Event(kind="begin", rollout="r", time=0))
    rollback = local(host.folder)
    rollback.acquire("rollback", 60, force=True)
    rollback.route(Routing(stable=one))
    rollback.promote(one, None)
    rollback.stop(two)
    rollback.append(Event(kind="end", rollout="r", time=0))
    state = rollback.state()
    said["back"] = [each.version for each in state.running] + [state.rollout, state.owner]
    said["answered"] = host.ask().version
Path(os.environ["HOME"], "said.json").write_text(json.dumps(said))
"""


@pytest.mark.needs("nginx")
@pytest.mark.needs("unshare")
def test_a_full_disk(tmp_path: Path) -> None:
    command = rollout_hosts.unshared()
    if not command:
        pytest.skip("only root may mount a small disk")

    script = MOUNTED.format(python=sys.executable)
    assert rollout_hosts.told(command, tmp_path, STORY, script) == {
        "place": "bikes@v3.0.0 was not taken: No space left on device.",
        "answers": [200],
        "back": ["v1.0.0", None, "rollback"],
        "answered": "v1.0.0",
    }
