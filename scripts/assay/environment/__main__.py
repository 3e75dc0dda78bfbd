"""`python3 -m assay.environment VERB ...`: what `scripts/assay-action` calls."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from assay.environment.launch import VERBS, Launcher
from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(argv: list[str]) -> int:
    """Run one verb; does not return where the verb's process can take over ours."""
    out = sys.stderr if argv[:1] == ["uv"] else sys.stdout
    for stream in (sys.stdout, sys.stderr):
        # A Windows console may not know every character of a message.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    launcher = Launcher(os.environ, out=out)
    try:
        return _run(launcher, argv)
    except AssayError as error:
        return launcher.fail(error)


def _run(launcher: Launcher, argv: list[str]) -> int:
    verb, args = (argv or [""])[0], argv[1:]
    if verb == "setup":
        launcher.setup()
    elif verb == "cache-key":
        launcher.cache_key()
    elif verb == "uv":
        uv = launcher.uv()
        return _become([str(uv.program), *args], uv.plain)
    elif verb in VERBS:
        return _become(*launcher.plan(verb, args))
    else:
        known = ", ".join(sorted((*VERBS, "cache-key", "setup", "uv")))
        raise UsageError(f"There is no verb {verb!r}.", hint=f"Allowed: {known}.")
    return 0


def _become(command: list[str], env: Mapping[str, str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":  # there, exec returns to the caller before the new program ends
        os.execve(command[0], command, env)  # noqa: S606
    return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
