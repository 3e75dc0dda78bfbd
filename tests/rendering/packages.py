"""The npm packages that rendering needs: installed once into `.cache`, by the lock beside this."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "rendering"
PACKAGES = ("package.json", "package-lock.json")
SCRIPTS = ("markdown.mjs", "browser.mjs")


class UnavailableError(Exception):
    """What rendering needs is not here; the message says what and why."""


def folder() -> Path:
    """A folder with the packages and, beside them, where Node looks for them, our scripts.

    Several test processes may ask at once: the first one installs, the others wait.
    """
    lock_file = HERE / "package-lock.json"
    target = CACHE / hashlib.sha256(lock_file.read_bytes()).hexdigest()[:12]
    target.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "done").is_file():
            _install(target)
            (target / "done").touch()
        for name in SCRIPTS:
            if _text(target / name) != _text(HERE / name):
                shutil.copyfile(HERE / name, target / name)
    return target


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _install(target: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise UnavailableError(f"the program {program} is not installed")
    for name in PACKAGES:
        shutil.copyfile(HERE / name, target / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    done = subprocess.run(
        command, cwd=target, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise UnavailableError(f"`npm ci` in tests/rendering failed: {said}")
