"""What stands in a host's folder: routes, leases, state, settings, the configuration of nginx."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from assay.errors import UsageError
from assay.rollout.host import (
    bundles,
    environment,
    files,
    layout,
    lease,
    logs,
    nginxconf,
    proc,
    routes,
    scrape,
    servers,
    systemd,
    units,
    wanted,
)
from assay.rollout.host.files import StateError
from assay.rollout.host.layout import Layout
from assay.rollout.host.settings import HostSettings
from assay.rollout.host.wanted import Spec, Status
from assay.rollout.targets.base import MissingVersionError, Routing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import programs
from tests.rollout_hosts import version

ONE, TWO = version("v1.0.0"), version("v2.0.0")


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "host")
    made.make()
    return made


# --- digests, folders ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "digest", ["", "../../etc/passwd", "ABCDEF012345", "0123456789a", "a" * 65, "a" * 12 + "\n"]
)
def test_what_is_no_digest_becomes_no_path(digest: str) -> None:
    with pytest.raises(UsageError, match="is no digest of a bundle"):
        layout.key(digest)


def test_a_digest_with_and_without_its_kind_is_one_version() -> None:
    assert layout.key(f"sha256:{ONE.digest}") == layout.key(ONE.digest) == ONE.digest[:12]


def test_a_folder_is_its_owners_alone(place: Layout) -> None:
    place.folder.chmod(0o755)

    place.make()

    assert place.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be used: Not a directory") as caught:
        Layout(tmp_path / "file" / "host").make()
    assert "sudo install -d -m 700" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="cannot be a folder of versions"):
        Layout(tmp_path / "two\nlines").make()


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "open"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "state.json"
    files.write_json(path, {"a": 1})

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)

    with pytest.raises(StateError, match="No space left on device") as caught:
        files.write_json(path, {"a": 2})

    assert caught.value.exit_code == 3
    assert json.loads(path.read_text()) == {"a": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'"x"'])
def test_a_damaged_file_is_no_guess(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)

    with pytest.raises(StateError, match="is damaged"):
        files.read_json(path)


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "state.json") is None
    with pytest.raises(StateError, match="cannot be read: Is a directory"):
        files.read_json(tmp_path)


# --- the lease ----------------------------------------------------------------------------------


@given(
    ttl=st.floats(0.001, 1e6), began=st.floats(0, 1e9), later=st.floats(0, 1e7), same=st.booleans()
)
def test_when_a_lease_has_run_out(ttl: float, began: float, later: float, *, same: bool) -> None:
    held = lease.taken("me", ttl, lease.Clock(now=lambda: began, boot=lambda: "a"))

    after = lease.Clock(now=lambda: began + later, boot=lambda: "a" if same else "b")

    assert held.expired(after) is (not same or began + later >= began + ttl)


def test_the_edge_of_a_lease(tmp_path: Path) -> None:
    """At the very moment that it names it has run out."""
    clock = lease.Clock(now=lambda: 10.0, boot=lambda: "a")
    held = lease.taken("me", 5.0, clock)
    lease.write(tmp_path / "lease.json", held)

    assert lease.read(tmp_path / "lease.json") == held
    assert not held.expired(lease.Clock(now=lambda: 14.999, boot=lambda: "a"))
    assert held.expired(lease.Clock(now=lambda: 15.0, boot=lambda: "a"))


def test_the_clock_of_this_machine_goes_on() -> None:
    clock = lease.Clock()
    first = clock.now()

    assert clock.now() >= first > 0
    assert re.fullmatch(r"[0-9a-f-]{36}", clock.boot())


# --- routes -------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(percent=st.integers(0, 100))
def test_a_percentage_is_as_many_slots(
    tmp_path_factory: pytest.TempPathFactory, percent: int
) -> None:
    place = Layout(tmp_path_factory.mktemp("routes"))
    place.make()
    routing = Routing(stable=ONE, candidate=TWO, percent=percent)

    routes.switch(place, routing)

    slots = {path.name for path in (place.current / "canary").iterdir()}
    assert slots == {f"{slot:02d}" for slot in range(percent)}
    assert routes.read(place) == routing
    link = place.current / "stable.sock"
    assert (link.parent / link.readlink()).resolve() == place.folder / place.socket(ONE.digest)


def test_a_shift_that_the_disk_refuses(place: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Routing(stable=ONE)
    routes.switch(place, before)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", full)
        with pytest.raises(StateError, match="Users are answered as before") as caught:
            raise_with_hint(place)
    assert caught.value.exit_code == 3
    assert routes.read(place) == before
    routes.switch(place, Routing(stable=TWO))
    assert routes.read(place) == Routing(stable=TWO)


def raise_with_hint(place: Layout) -> None:
    """The hint of the error as its message, for `match`."""
    try:
        routes.switch(place, Routing(stable=TWO))
    except StateError as error:
        raise StateError(error.hint or "") from error


def test_no_route_at_all(place: Layout) -> None:
    assert routes.read(place) is None
    assert routes.answers(None) == set()
    place.current.symlink_to("routes/000001")
    with pytest.raises(StateError, match=r"routing\.json is damaged"):
        routes.read(place)


# --- bundles ------------------------------------------------------------------------------------


def test_a_bundle_that_is_not_there(place: Layout) -> None:
    with pytest.raises(MissingVersionError, match=r"bikes@v1\.0\.0 is not on this host"):
        bundles.folder(place, ONE)


def test_facts_of_a_bundle_that_cannot_be_read(place: Layout) -> None:
    home = place.version(ONE.digest)
    home.mkdir()
    (home / "version.json").write_text("{}")

    with pytest.raises(StateError, match=r"version\.json is damaged"):
        bundles.placed(place)


# --- processes ----------------------------------------------------------------------------------


def test_wanted_processes_as_written(place: Layout) -> None:
    spec = Spec(("a", "b"), "log/a.log", "run/a.sock", {"A": "1"}, 5, 1.5, "SIGQUIT")

    wanted.write(place, {"a": spec})

    assert wanted.read(place) == {"a": spec}


def test_status_as_written(place: Layout) -> None:
    wanted.note(place, "a", Status(1, 2, "b", 3, "killed"))
    assert wanted.status(place, "a") == Status(1, 2, "b", 3, "killed")
    wanted.forget(place, "a")
    assert wanted.status(place, "a") is None
    wanted.status_file(place, "a").write_text('{"x": 1}')
    with pytest.raises(StateError):
        wanted.status(place, "a")


def test_a_process_is_more_than_its_number() -> None:
    found = proc.found(os.getpid())
    assert found is not None
    assert found.alive
    assert found.memory > 1_000_000
    other = proc.Process(found.pid, found.born + 1)
    assert not other.alive
    assert proc.found(2**22 + 1) is None
    assert proc.Process(2**22 + 1, 0).memory == 0


def test_a_process_that_waits_to_be_collected_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    found = proc.found(child.pid)
    assert found is not None
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert not found.alive
    child.communicate()


def test_the_environment_of_servers(tmp_path: Path) -> None:
    environ = {"PATH": "/bin", "GITHUB_TOKEN": "secret", "RUNNER_TRACKING_ID": "x", "HOME": "/h"}
    assert environment.clean(environ) == {"PATH": "/bin", "HOME": "/h"}
    path = tmp_path / "environment"
    assert environment.of_file(path) == {}
    path.write_text("# keys\n\nASSAY_SERVE_API_KEYS=a=b\n X = y \n")
    assert environment.of_file(path) == {"ASSAY_SERVE_API_KEYS": "a=b", "X": "y"}


def test_nginx_lets_pass_what_the_owner_lets_servers_take(place: Layout) -> None:
    usual = HostSettings()
    assert servers.fitted(place, usual) == usual
    place.environment.write_text("ASSAY_SERVE_MAX_BODY=9000000\nASSAY_SERVE_TIMEOUT=30\n")
    found = servers.fitted(place, usual)
    assert (found.max_body, found.timeout) == (9_000_001, 35)
    place.environment.write_text("ASSAY_SERVE_MAX_BODY=10\nASSAY_SERVE_TIMEOUT=soon\n")
    assert servers.fitted(place, usual) == usual


def test_an_environment_that_cannot_be_read_shows_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    path.write_text("A=1\nmy secret\n")

    with pytest.raises(UsageError, match=r"environment:2 is no `NAME=value`") as caught:
        environment.of_file(path)

    assert "secret" not in caught.value.message


def test_a_log_that_grows_keeps_one_older_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST", 10)
    (tmp_path / "a.log").write_text("x" * 11)
    (tmp_path / "b.log").write_text("x" * 10)
    with (tmp_path / "a.log").open("ab") as writer:
        logs.cut(tmp_path)
        writer.write(b"more")

    assert (tmp_path / "a.log").read_text() == "more"
    assert (tmp_path / "a.log.1").read_text() == "x" * 11
    assert (tmp_path / "b.log").read_text() == "x" * 10


# --- systemd ------------------------------------------------------------------------------------


@pytest.mark.needs("systemd-analyze")
def test_units_are_sound(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "a" folder; 100% $HOME'
    (folder / "log").mkdir(parents=True)
    words = ("/bin/echo", "a b", "100%", "$HOME", 'q"\\', "it's", "ü")
    spec = Spec(words, "log/a.log", "run/a b.sock", {"A": 'x "y" %n $Z \\'}, 1000, 2.5)
    made = []
    for root in (True, False):
        name = f"{units.prefix(folder)}-{root}.service"
        path = tmp_path / name
        env = {"PATH": "/bin"}
        path.write_text(units.service(folder, "a", spec, env, root=root, program="/bin/echo"))
        made.append(str(path))

    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *made], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if units.prefix(folder) in line] == []


@given(words=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)))
def test_a_words_quotes_end_where_they_began(words: list[str]) -> None:
    """By the rules of a POSIX shell, which are systemd's here: backslash and double quotes."""
    spec = Spec(("/bin/x", *words), "log/a", "")

    text = units.service(Path("/srv/a"), "a", spec, {}, root=True, program="/bin/x")

    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    found = shlex.split(line)
    plain = [word.replace("$$", "$").replace("%%", "%") for word in found]
    assert plain[1:] == [word.replace("$$", "$").replace("%%", "%") for word in words]


def test_two_folders_have_units_of_their_own() -> None:
    assert units.prefix(Path("/a/production")) != units.prefix(Path("/b/production"))
    assert re.fullmatch(r"assay-host-[0-9a-f]{8}", units.prefix(Path("/ü")))


def test_without_systemd_our_supervisor_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path / "none")
    assert systemd.usual() == "supervisor"
    monkeypatch.setattr(systemd, "_BOOTED", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert systemd.usual() == "systemd"
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    monkeypatch.setattr(systemd, "_LINGER", tmp_path)
    assert systemd.usual() == "supervisor"  # its services would end with the session


# --- settings and nginx -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "8080",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "unix:80",
        "127.0.0.1:80; include /etc/passwd",
        "127.0.0.1:80\n",
        "a b:80",
        "[::1:80",
        "${HOME}:80",
        "127.0.0.1:٨٠",
    ],
)
def test_what_is_no_address(listen: str) -> None:
    with pytest.raises(UsageError, match="is no address with a port"):
        HostSettings(listen=listen)


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:80", "0.0.0.0:8080", "[::]:443", "ml1.local:1", "*:5"]
)
def test_addresses(listen: str) -> None:
    assert f"listen {listen};" in nginxconf.render(HostSettings(listen=listen), root=False)


@given(
    timeout=st.floats(0.001, 1e5),
    max_body=st.integers(1, 2**40),
    log=st.booleans(),
    root=st.booleans(),
)
def test_a_configuration_tells_itself_from_others(
    timeout: float, max_body: int, *, log: bool, root: bool
) -> None:
    one = HostSettings(timeout=timeout, max_body=max_body, access_log=log)

    text = nginxconf.render(one, root=root)

    assert re.fullmatch(r"[0-9a-f]{64}", nginxconf.generation(text))
    other = nginxconf.render(one.model_copy(update={"max_body": max_body + 1}), root=root)
    assert nginxconf.generation(other) != nginxconf.generation(text)
    assert text.count("{") == text.count("}")
    assert ("user root;" in text) is root
    # 99 slots of 1 % and the rest: all that `split_clients` takes.
    assert len(re.findall(r"^    1% \d\d;$", text, re.MULTILINE)) == 99


@pytest.mark.needs("nginx")
def test_nginx_takes_it(place: Layout) -> None:
    program = programs.find("nginx")
    assert program is not None
    for log in (True, False):
        one = HostSettings(access_log=log, timeout=0.5)
        place.nginx.write_text(nginxconf.render(one, root=os.geteuid() == 0))
        words = ["-t", "-p", "./", "-e", "log/nginx-error.log", "-c", "nginx/nginx.conf"]

        done = subprocess.run(
            [program, *words], cwd=place.folder, capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, done.stderr
        assert "[warn]" not in done.stderr


def test_asking_a_socket_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        scrape.ask(tmp_path / "none.sock", "/")


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b""]
)
def test_an_answer_that_comes_byte_by_byte_has_an_end(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.sock"
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client, contextlib.suppress(OSError):
            client.sendall(start)
            while not over.wait(0.02):
                client.sendall(b"a")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=drip, args=[listener])
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                scrape.ask(path, "/", timeout=0.2)
        finally:
            over.set()
            thread.join()


def test_a_folder_of_another_user_is_not_used(
    place: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: other)

    with pytest.raises(UsageError, match="it belongs to another user") as caught:
        place.make()

    assert caught.value.exit_code == 2
