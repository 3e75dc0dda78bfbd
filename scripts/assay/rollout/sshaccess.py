"""The key and the known hosts that a job is given, as files for OpenSSH's client while it lasts."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.notwritten import not_written
from assay.rollout.targets.sshsession import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

KEY, KNOWN_HOSTS = "ASSAY_SSH_KEY", "ASSAY_KNOWN_HOSTS"
_PRIVATE = 0o600


@contextmanager
def given(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Let SSH use what the environment holds; nothing of it outlives the block.

    The key is taken out of the environment: no program that is started sees it there.

    Args:
        environ: Of this process.

    Raises:
        UsageError: A key without the hosts that it is for: anybody could answer in their place.
        OutsideError: The files cannot be written.
    """
    key, hosts = environ.pop(KEY, "").strip(), environ.pop(KNOWN_HOSTS, "").strip()
    if not key and not hosts:
        yield
        return
    if not hosts:
        raise UsageError(
            "There is an SSH key, and nothing says which hosts it is for.",
            hint="Give `known-hosts` what `ssh-keyscan -p PORT HOST` prints, after a look that it "
            "is what the host itself says (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`).",
        )
    before = environ.get(CONFIG)
    with tempfile.TemporaryDirectory(prefix="assay-ssh-") as scratch:
        folder = Path(scratch)
        try:
            environ[CONFIG] = str(_written(folder, key, hosts))
        except OSError as error:
            raise not_written(folder, error) from error
        try:
            yield
        finally:
            del environ[CONFIG]
            if before is not None:
                environ[CONFIG] = before


def _written(folder: Path, key: str, hosts: str) -> Path:
    lines = ["Host *", "  StrictHostKeyChecking yes", "  GlobalKnownHostsFile /dev/null"]
    lines.append(f"  UserKnownHostsFile {_quoted(_put(folder / 'known_hosts', hosts))}")
    if key:
        lines.append(f"  IdentityFile {_quoted(_put(folder / 'key', key))}")
        lines.append("  IdentitiesOnly yes")
    return _put(folder / "config", "\n".join(lines))


def _put(path: Path, text: str) -> Path:
    """A file that its owner alone may read, which OpenSSH wants of a key."""
    # A secret that was pasted on Windows has other line ends, which OpenSSH does not read.
    content = "\n".join(text.splitlines()) + "\n"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
        file.write(content)
    return path


def _quoted(path: Path) -> str:
    """As ssh_config has it, where `%` begins a token."""
    return '"' + str(path).replace("%", "%%") + '"'
