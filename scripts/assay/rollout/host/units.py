"""Units of systemd: processes in, text out. By systemd.exec(5), systemd.service(5)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from assay.rollout.host.wanted import Spec

_RESTART = "500ms"


def prefix(folder: Path) -> str:
    """How the units of a folder begin: readable, and of this folder alone."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-").lower() or "host"
    return f"assay-{name[:30]}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def service(
    folder: Path, name: str, spec: Spec, env: dict[str, str], *, root: bool, program: str
) -> str:
    """The unit of a process.

    Args:
        folder: In which it runs.
        name: For people.
        spec: The process.
        env: Its environment, beside what `spec` says.
        root: Whether it is a unit of the system, or of a user.
        program: The absolute path of `spec.argv[0]`.
    """
    lines = [
        "[Unit]",
        f"Description=Assay: {name} of {_plain(str(folder))}",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"WorkingDirectory={_plain(str(folder))}",
        *(f"Environment={_quoted(f'{key}={value}')}" for key, value in {**env, **spec.env}.items()),
        f"EnvironmentFile=-{_plain(str(folder / 'environment'))}",
    ]
    if spec.socket:
        lines.append(f"ExecStartPre=-/bin/rm -f {_word(spec.socket)}")
    lines += [
        f"ExecStart={' '.join(map(_word, (program, *spec.argv[1:])))}",
        f"StandardOutput=append:{_plain(str(folder / spec.log))}",
        "StandardError=inherit",
        f"KillSignal={spec.signal}",
        "KillMode=mixed",
        f"TimeoutStopSec={max(1, round(spec.drain * 1000))}ms",
        "Restart=always",
        f"RestartSec={_RESTART}",
    ]
    if spec.memory is not None:
        lines += [f"MemoryMax={spec.memory}", "MemorySwapMax=0"]
    target = "multi-user.target" if root else "default.target"
    return "\n".join([*lines, "", "[Install]", f"WantedBy={target}", ""])


def _plain(text: str) -> str:
    """A value that ends with its line; `%` begins a specifier."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A value in quotes, with C's escapes."""
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _word(text: str) -> str:
    """A word of a command, in which `$` would begin a variable."""
    return _quoted(text).replace("$", "$$")
