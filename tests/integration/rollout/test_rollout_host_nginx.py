"""A host's nginx where its configuration changes, or it does not work as it should."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from assay.errors import ProgramError
from assay.rollout.host import nginx, nginxconf, proc, scrape, servers
from assay.rollout.host.nginx import Nginx
from assay.rollout.host.processes import Supervised
from assay.rollout.targets.base import Routing, TargetError

from tests import rollout_hosts
from tests.rollout_hosts import hosting, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from assay.rollout.host.wanted import Status

    from tests.rollout_hosts import Host

pytestmark = pytest.mark.needs("nginx")
STABLE = version("v1.0.0")
ROUTING = Routing(stable=STABLE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with hosting(tmp_path_factory.mktemp("nginx") / "host", drain=0.3) as made:
        made.stable()
        yield made


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """Behind each test, stable must have gone on, as one process."""
    with rollout_hosts.going_on(shared, STABLE):
        yield shared


def _set(host: Host, **given: Any) -> None:
    """Change settings; the next route brings them to nginx."""
    agent = host.target.agent
    assert agent.settings is not None
    agent.settings = agent.settings.model_copy(update=given)


def _front(host: Host) -> Nginx:
    return Nginx(host.target.agent.place, host.target.agent._processes())


def _wanted(host: Host) -> str:
    """The configuration that nginx should work by."""
    agent = host.target.agent
    assert agent.settings is not None
    fitted = servers.fitted(agent.place, agent.settings)
    return nginxconf.render(fitted, root=os.geteuid() == 0)


def _works_by_settings(host: Host) -> bool:
    found = scrape.ask(host.folder / nginxconf.CONTROL, nginxconf.GENERATION).body.decode()
    return found == nginxconf.generation(_wanted(host))


def test_a_refused_configuration(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    real = nginxconf.render
    monkeypatch.setattr(
        nginxconf, "render", lambda *a, **k: real(*a, **k).replace("merge", "") + "nonsense on;\n"
    )

    with pytest.raises(TargetError, match="nginx refuses its configuration: unknown directive"):
        host.target.route(Routing(stable=STABLE))

    assert "nonsense" not in host.target.agent.place.nginx.read_text()


def test_a_port_that_is_taken(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "FREED", 0.0)
    agent = host.target.agent
    usual = agent.settings
    assert usual is not None
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        agent.settings = usual.model_copy(update={"listen": listen})

        with pytest.raises(TargetError) as caught:
            host.target.route(Routing(stable=STABLE))

    agent.settings = usual
    assert caught.value.message == f"nginx cannot listen on {listen}: Address already in use."
    assert "ss -ltnp" in (caught.value.hint or "")


def test_a_way_back_goes_on_where_nginx_refuses(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a deployment brought a port that is taken: it failed by that, and has to end."""
    monkeypatch.setattr(nginx, "FREED", 0.0)
    agent, one = host.target.agent, host.started("v2.0.0")
    usual = agent.settings
    assert usual is not None
    both = Routing(stable=STABLE, candidate=one, percent=100)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        agent.settings = usual.model_copy(update={"listen": listen})
        with pytest.raises(TargetError, match="nginx cannot listen"):
            host.target.route(both)

        host.target.route(Routing(stable=STABLE))
        host.target.stop(one)

    agent.settings = usual
    assert host.ask().version == "v1.0.0"


def test_another_port(host: Host) -> None:
    agent = host.target.agent
    usual = agent.settings
    assert usual is not None
    port = rollout_hosts.free_port()
    agent.settings = usual.model_copy(update={"listen": f"127.0.0.1:{port}"})

    host.target.route(Routing(stable=STABLE))
    assert rollout_hosts.ask(port).version == "v1.0.0"

    agent.settings = usual
    host.target.route(Routing(stable=STABLE))
    assert host.ask().version == "v1.0.0"


def test_no_nginx(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(nginx, "_SBIN", ())

    with pytest.raises(ProgramError, match="There is no nginx on the host"):
        nginx.program()
    del host


def test_nginx_is_killed(host: Host) -> None:
    """Its workers go with it, so that the next one gets the port."""
    pid = host.target.agent._processes().status("nginx").pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)

    def again() -> bool:
        with contextlib.suppress(OSError):
            return host.ask().status == 200
        return False

    until(lambda: host.target.agent._processes().status("nginx").pid not in (None, pid))
    until(again)


def test_what_was_refused_long_ago_is_not_told_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nginx writes into one log all the time."""
    log = host.folder / nginx.LOG
    log.write_text(log.read_text() + "2026/01/01 [emerg] 1#1: old nonsense\n")
    _set(host, canary_timeout=0.31)
    monkeypatch.setattr(nginx, "_UP", 0.2)
    monkeypatch.setattr(Nginx, "_works_by", lambda self, text: False)

    with pytest.raises(TargetError) as caught:
        host.target.route(ROUTING)

    assert caught.value.message == "nginx does not start: no answer in 0.2 s"
    assert caught.value.hint == f"See {log}."


def test_a_log_that_was_cut_is_read_from_its_begin(host: Host) -> None:
    log = host.folder / nginx.LOG
    log.write_text("[emerg] 1#1: first\n")

    assert nginx._emerg(_front(host)._log_since(1_000_000)) == "1#1: first"
    log.write_text("")


@pytest.mark.parametrize("again", ["route", "up"])
def test_a_deployer_that_was_killed_before_the_reload(host: Host, again: str) -> None:
    """The file is of a configuration that nginx has not read; the port is its own all the time."""
    _set(host, canary_timeout=0.32)
    host.target.agent.place.nginx.write_text(_wanted(host))
    assert not _works_by_settings(host)

    if again == "route":
        host.target.route(ROUTING)
    else:
        host.target.agent.up()

    assert _works_by_settings(host)
    assert host.ask().version == "v1.0.0"


def test_nginx_is_too_busy_to_answer(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for one that does not run, which would have to be started."""
    usual, asked = scrape.ask, []

    def ask(*given: Any, **named: Any) -> scrape.Answer:
        asked.append(given)
        if len(asked) <= 3:
            raise TimeoutError("timed out")
        return usual(*given, **named)

    monkeypatch.setattr(scrape, "ask", ask)
    before = host.target.agent._processes().status(nginx.NAME).pid
    _set(host, canary_timeout=0.33)

    host.target.route(ROUTING)

    assert _works_by_settings(host)
    assert host.target.agent._processes().status(nginx.NAME).pid == before


def test_restarts_of_long_ago_do_not_count(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Supervised.status

    def status(self: Supervised, name: str) -> Status:
        return replace(usual(self, name), restarts=9)

    monkeypatch.setattr(Supervised, "status", status)
    _set(host, canary_timeout=0.34)

    host.target.route(ROUTING)

    assert _works_by_settings(host)


def test_behind_a_change_nobody_accepts_by_the_old_configuration(host: Host) -> None:
    before = _front(host)._workers()
    assert before
    assert all("worker process" in one.title for one in before)
    _set(host, canary_timeout=0.35)

    host.target.route(ROUTING)

    assert not any(map(nginx._accepts, before))
    now = _front(host)._workers()
    assert now
    assert not set(now) & set(before)


def test_processes_that_are_not_there() -> None:
    gone = proc.Process(2**22 + 1, 1)

    assert gone.title == ""
    assert proc.children(gone.pid) == []
