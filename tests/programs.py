"""System programs that tests run, and the Debian packages that they come in.

    python tests/programs.py      # install what is missing, where apt may

A test says `@pytest.mark.needs("chromium")`. Only what some test names is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

PACKAGES = {
    "chromium": "chromium",
    "java": "default-jre-headless",
    "nginx": "nginx",
    "node": "nodejs",
    "npm": "npm",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "promtool": "prometheus",
    "sshd": "openssh-server",
    "systemctl": "systemd",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "wrk": "wrk",
    "zstd": "zstd",
}
# Debian starts a server when it installs one; a test starts its own, on a port of its own.
SERVICES = {
    "nginx": ("nginx.service",),
    "prometheus": ("prometheus.service",),
    "prometheus-alertmanager": ("prometheus-alertmanager.service",),
    "prometheus-node-exporter": ("prometheus-node-exporter.service",),
    "prometheus-pushgateway": ("prometheus-pushgateway.service",),
    "promtool": ("prometheus.service",),
    "sshd": ("ssh.service", "ssh.socket"),
}
TESTS = Path(__file__).parent


def find(program: str) -> str | None:
    """The path of a program; servers live in folders that are not on everybody's `PATH`."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def named() -> list[str]:
    """The programs that tests name."""
    texts = (path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    found = {name for text in texts for name in re.findall(r'mark\.needs\("([\w.-]+)"\)', text)}
    return sorted(found)


def _root() -> list[str] | None:
    """What turns a command into one of root's, or `None` where we may not."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    asked = sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)
    return [sudo, "-n"] if sudo and asked and asked.returncode == 0 else None


def install(programs: list[str]) -> str | None:
    """Install with apt; returns why not."""
    if shutil.which("apt-get") is None:
        return "this is neither Debian nor Ubuntu"
    root = _root()
    if root is None:
        return "neither root nor sudo without a password"
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    packages = [PACKAGES[program] for program in programs]
    update = [*apt, "update"]
    add = [*apt, "install", "-y", "--no-install-recommends", "--", *packages]
    for command in (update, add):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, capture_output=True)
        if done.returncode != 0 and command is add:
            return done.stderr.decode(errors="replace").strip()[-300:]
    for service in (name for program in programs for name in SERVICES.get(program, ())):
        if shutil.which("systemctl"):
            stop = [*root, "systemctl", "disable", "--now", service]
            subprocess.run(stop, check=False, capture_output=True)
    return None


def main() -> None:
    for program in named():
        assert program in PACKAGES, f"tests/programs.py has no package for {program}"
    missing = [program for program in named() if find(program) is None]
    problem = install(missing) if missing else None
    for program in named():
        path = find(program)
        print(f"   {program:<25} {path or f'missing: {problem}'}")


if __name__ == "__main__":
    main()
