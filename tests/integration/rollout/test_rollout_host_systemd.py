"""systemd as the keeper of a host: a real manager, where it takes the machine for booted by it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import rollout_hosts

MANAGER = "/usr/lib/systemd/systemd"
# systemd asks `/run/systemd/system` whether it runs the machine; here nothing else sees that one.
BOOTED = """
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
chmod 700 /run/user/0
export XDG_RUNTIME_DIR=/run/user/0
{manager} --user >"$HOME/manager.log" 2>&1 &
manager=$!
for _ in $(seq 200); do [ -S /run/user/0/systemd/private ] && break; sleep 0.05; done
ended=0
{python} "$HOME/story.py" || ended=$?
kill $manager
wait $manager || true
exit $ended
"""
STORY = """
import json, os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from assay.rollout.host.agent import local
from assay.rollout.journal import Event
from assay.rollout.targets.base import Routing, StartError
from assay.rollout.targets.host import HostTarget
from tests.rollout_hosts import Host, received, settings, until
folder = Path(os.environ["HOME"]) / "it's \\"a\\" folder; 100% $HOME"
said = {{}}
agent = local(folder, settings(keeper="systemd-user", memory=900_000_000))
agent.receive = received
host = Host(HostTarget(agent))
target = host.target
target.acquire("test", 60)
one, two = host.stable(), host.started("v2.0.0")
target.route(Routing(stable=one, candidate=two, percent=100))
said["routed"] = host.ask().version
os.kill(host.pid(two), signal.SIGKILL)
said["killed"] = host.ask().status
until(lambda: (seen := target.observe().of(two)).restarts == 1 and seen.snapshot)
agent.settings = agent.settings.model_copy(update={{"canary_timeout": 1}})
target.route(Routing(stable=one))
target.stop(two)
try:
    host.started("v2.0.0+crash")
except StartError as error:
    said["crash"] = error.message
agent.down()
try:
    host.ask()
except ConnectionRefusedError:
    said["down"] = True
agent.up()
said["up"] = host.ask().version
target.acquire("killed", 0.5, force=True)
facts = {{"verb": "deploy", "version": two.model_dump()}}
target.append(Event(kind="begin", rollout="r", time=0, facts=facts))
target.start(two)
target.route(Routing(stable=one, candidate=two, percent=50))
until(lambda: target.state().rollout is None)
said["running"] = [each.version for each in target.state().running]
until(lambda: target.state().owner is None)
agent.owner = None
agent.down()
units = Path(os.environ["HOME"], ".config/systemd/user")
said["units"] = len([*units.glob("assay-it-s-a-folder-100-home-*.service")])
Path(os.environ["HOME"], "said.json").write_text(json.dumps(said))
"""


@pytest.mark.needs("nginx")
@pytest.mark.needs("systemctl")
@pytest.mark.needs("unshare")
def test_a_real_manager(tmp_path: Path) -> None:
    command = rollout_hosts.unshared()
    if not command or not Path(MANAGER).exists():
        pytest.skip("only root may make a place where systemd runs")

    script = BOOTED.format(manager=MANAGER, python=sys.executable)
    said = rollout_hosts.told(command, tmp_path, STORY, script)
    crash = said.pop("crash")
    assert "does not get up: it ended: exit-code (7)" in crash
    assert "the model cannot be loaded" in crash
    assert said == {
        "routed": "v2.0.0",
        "killed": 200,
        "down": True,
        "up": "v1.0.0",
        "running": ["v1.0.0"],
        "units": 3,
    }
