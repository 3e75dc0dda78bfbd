"""DVC as its users run it: the command line, in the project environment.

Only what DVC documents is used: commands, their JSON, the configuration files and the layout of
the cache (https://dvc.org/doc/user-guide/project-structure/internal-files). Its Python internals
change between minor versions.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import process
from assay.console import printable
from assay.errors import ProgramError, RepositoryError
from assay.workspace import dvcconfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from assay.standby import Standby


@dataclass(frozen=True)
class Remote:
    """A DVC remote, without its credentials."""

    name: str
    url: str


@dataclass(frozen=True)
class Dvc:
    """The DVC project in a folder.

    Args:
        root: The folder that holds `.dvc/`.
        environ: Environment for DVC; credentials of remotes are read from it and nowhere else.
        standby: A DVC that was started ahead, for whoever calls `stream` next.
    """

    root: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    standby: Standby | None = field(default=None, repr=False, compare=False)

    def require(self) -> None:
        """Check that there is a DVC project.

        Raises:
            RepositoryError: There is none.
        """
        if not (self.root / ".dvc").is_dir():
            raise RepositoryError(
                "This is not a DVC repository: there is no `.dvc` folder.",
                hint="Run `dvc init`, or point `working-directory` at the folder that has it.",
            )

    def settings(self) -> dict[str, dict[str, str]]:
        """DVC's configuration: system, global, repository and local files merged, in that order."""
        merged: dict[str, dict[str, str]] = {}
        for path in self._config_files():
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise RepositoryError(
                    f"DVC's configuration cannot be read: {reason}.", file=self._shown(path)
                ) from error
            for name, section in dvcconfig.parse(text, file=self._shown(path)).items():
                own = {k: dvcconfig.resolved(k, v, path.parent) for k, v in section.items()}
                merged.setdefault(name, {}).update(own)
        return merged

    def _config_files(self) -> tuple[Path, ...]:
        home = Path(self.environ.get("HOME") or Path.home())
        if sys.platform == "darwin":
            library = Path("Library", "Application Support", "dvc")
            for_all, own = Path("/") / library, home / library
        else:
            for_all = Path((self.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")[0], "dvc")
            own = Path(self.environ.get("XDG_CONFIG_HOME") or home / ".config", "dvc")
        return (
            Path(self.environ.get("DVC_SYSTEM_CONFIG_DIR") or for_all, "config"),
            Path(self.environ.get("DVC_GLOBAL_CONFIG_DIR") or own, "config"),
            self.root / ".dvc" / "config",
            self.root / ".dvc" / "config.local",
        )

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def remote(self) -> Remote | None:
        """The default remote, or `None`."""
        settings = self.settings()
        name = settings.get("core", {}).get("remote")
        url = settings.get(f'remote "{name}"', {}).get("url")
        return Remote(name=name, url=without_credentials(url)) if name and url else None

    def cache_dir(self) -> Path:
        """The folder with cached objects."""
        return Path(self.settings().get("cache", {}).get("dir") or self.root / ".dvc" / "cache")

    def argv(self, *args: str) -> list[str]:
        """The command line of `dvc ARGS`.

        Raises:
            ProgramError: DVC is not installed here.
        """
        if importlib.util.find_spec("dvc") is not None:
            # -P: a `yaml.py` in the project must not be taken for the library of that name
            return [sys.executable, "-P", "-m", "dvc", *args]
        if found := shutil.which("dvc", path=self.environ.get("PATH")):
            return [found, *args]
        raise ProgramError(
            "DVC is not installed in this environment.", hint="Install `assay[data]`, or `dvc`."
        )

    def stream(self, *args: str, on_line: Callable[[str], None]) -> process.Completed:
        """Run DVC and hand over what it prints, line by line."""
        if self.standby is not None and (ready := self.standby.take(self.root, args)):
            return process.follow(ready, on_line)
        env = process.user_environment(self.environ)
        return process.stream(self.argv(*args), cwd=self.root, env=env, on_line=on_line)

    def json(self, *args: str) -> Any:
        """What DVC printed as JSON.

        Raises:
            ProgramError: It failed, or printed something else.
        """
        code, printed, errors = self._output(*args)
        command = f"`dvc {args[0]}`"
        if code != 0:
            said = explanation(errors)
            raise ProgramError(
                f"{command} failed: {said or f'it ended with exit code {code}'}",
                hint=f"Run {command} yourself to see all that DVC says.",
            )
        try:
            return json.loads(printed)
        except ValueError as error:
            raise ProgramError(f"{command} did not print JSON.") from error

    def _output(self, *args: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of `dvc ARGS`."""
        if self.standby is not None:
            with tempfile.TemporaryDirectory(prefix="assay-dvc-") as folder:
                errors = Path(folder, "stderr")
                errors.touch()
                if ready := self.standby.take(self.root, args, errors=errors):
                    printed, _ = ready.communicate()
                    return ready.returncode, printed, errors.read_text("utf-8", "replace")
        env = process.user_environment(self.environ)
        done = process.capture(self.argv(*args), cwd=self.root, env=env)
        printed, said = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return done.returncode, printed, said


def explanation(output: str) -> str:
    """The first error in what DVC printed, on one line and without credentials; or nothing."""
    found = next((line for line in output.splitlines() if line.startswith("ERROR: ")), "")
    if not found and (invalid := _INVALID.search(output)):
        found = f"{invalid['file'].removeprefix('./')} is invalid: {invalid['why'].rstrip('.')}."
    return printable(without_credentials(found.removeprefix("ERROR: ")))


# What DVC prints about a dvc.yaml that it does not accept; that is no line with "ERROR".
_INVALID = re.compile(
    r"^'(?P<file>[^']+)' (?:is invalid|validation failed)[^\n]*\n+(?P<why>[^\n]+)", re.MULTILINE
)


def skeleton(dvc: Dvc, folder: Path, files: Mapping[str, bytes]) -> Dvc:
    """A DVC project in `folder` made of `files`, with the cache and remotes of `dvc`.

    This is how a base revision's data is pulled without a second checkout: only `dvc.yaml`,
    `dvc.lock` and `.dvc` files are needed, and objects land in the cache that both share.
    """
    settings = dvc.settings()
    settings.setdefault("core", {})["no_scm"] = "true"
    settings.setdefault("cache", {})["dir"] = str(dvc.cache_dir())
    for name in ("core", "cache"):
        settings[name].pop("site_cache_dir", None)
    home = folder / ".dvc"
    home.mkdir(parents=True, exist_ok=True)
    config = home / "config.local"  # may hold what the user's own config.local holds
    config.touch(mode=0o600)
    config.write_text(dvcconfig.render(settings), encoding="utf-8")
    (home / "config").touch()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return Dvc(folder, dvc.environ)


def without_credentials(text: str) -> str:
    """`text` with every URL in it without user, password and query (which can hold a signature)."""
    return _URL.sub(lambda found: f"{found['scheme']}{found['rest']}", text)


# A password may hold anything that is no white space, an `@` included: the last one counts. What
# stands before keeps a long word from being tried from each of its letters.
_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z0-9+.-]+://)(?:[^\s/?#]*@)?(?P<rest>[^\s?#'\"]*)(?:[?#][^\s'\"]*)?"
)
