"""What goes into a new environment, and the errors for when it does not."""

from __future__ import annotations

import functools
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.environment import declared, overlay
from assay.environment.uv import UvError
from assay.errors import OutsideError, ProjectEnvironmentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.environment.declared import Declaration
    from assay.environment.uv import Uv


DOES = {
    "tool": "reports",
    "release": "signs and releases",
    "deploy": "deploys",
    "monitor": "watches production",
}
"""What each environment without the user's packages is for."""


def lock(root: Path, name: str) -> Path:
    """What one of these environments consists of; `make lock` writes it."""
    return root / "scripts" / f"{name}-requirements.txt"


def hashes(root: Path) -> Path:
    """The hashes of everything in these environments; `make lock` writes it."""
    return root / "scripts" / "hashes.txt"


def interpreter(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ours(uv: Uv, root: Path, name: str, folder: Path) -> Sequence[str]:
    """Install one by versions and hashes: addresses are for the index to know."""
    try:
        uv.run("venv", f"--python={declared.OUR_PYTHON}", str(folder), label=name, cwd=root)
        sync = ["pip", "sync", "--require-hashes", f"--python={interpreter(folder)}"]
        # Constraints have the hashes: uv refuses what has none there, or another one.
        sync += [str(lock(root, name)), f"--constraints={hashes(root)}"]
        try:
            # What is in the cache is taken from there: asked, an index is asked for each package.
            uv.run(*sync, "--offline", label="", cwd=root)
        except UvError:
            uv.run(*sync, label=name, cwd=root)
    except UvError as error:
        if error.is_network:
            raise overlay.outside(error) from error
        message = f"The environment that {DOES[name]} cannot be built: {error.explanation}"
        raise OutsideError(message, hint=f"It needs Python {declared.OUR_PYTHON}.") from error
    overlay.lay(root, interpreter(folder))
    return ()


@dataclass(frozen=True)
class Project:
    """Builds one project environment.

    Args:
        uv: Runs uv.
        root: The checkout of Assay.
        project: The user's project.
        folder: Where the environment goes.
        found: What it is built from.
        request: `--python` for uv, or `None` where the project's own choice holds.
        extra: What Assay is to do there: `check`, `package` or `serve`.
    """

    uv: Uv
    root: Path
    project: Path
    folder: Path
    found: Declaration
    request: str | None
    extra: str

    def build(self) -> Sequence[str]:
        """Install what is declared, then Assay; returns notes for the user."""
        self.uv.say(f"project: built from {self.found.title}")
        try:
            install = self._declared()
        except UvError as error:
            raise self._explained(error) from error
        self._check_python()
        return overlay.Overlay(
            uv=self.uv,
            root=self.root,
            python=interpreter(self.folder),
            project=self.project,
            title=self.found.title,
            extra=self.extra,
            declared=install,
        ).apply()

    def _declared(self) -> Sequence[str]:
        """Install what the project declares; returns the arguments that could do it again."""
        python = f"--python={interpreter(self.folder)}"
        request = [] if self.request is None else [f"--python={self.request}"]
        run = functools.partial(self.uv.run, label="project", cwd=self.project)
        if self.found.kind == "lock" and not self._mirrored():
            env = {"UV_PROJECT_ENVIRONMENT": str(self.folder)}
            where = f"--project={self._where()}"
            run("sync", "--locked", where, *request, env=env)
            return ()
        run("venv", *request, str(self.folder))
        if self.found.kind == "lock":
            self._from_mirror(python)
            return ()
        install = self._arguments()
        if install:
            run("pip", "install", python, *install)
        return install

    def _from_mirror(self, python: str) -> None:
        """Install the lock from a mirror: same versions, same hashes, other addresses.

        `uv sync` fetches from the addresses in the lock, and takes a lock for stale that was made
        with another index. https://github.com/astral-sh/uv/issues/6349
        """
        unmirrored = {"UV_DEFAULT_INDEX": "", "UV_INDEX_URL": "", "UV_INDEX": ""}
        export = ["export", "--quiet", "--locked", f"--project={self._where()}"]
        listed = self.uv.run(*export, label="", cwd=self.project, env=unmirrored)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "requirements.txt"
            path.write_text(listed, encoding="utf-8")
            install = ["pip", "install", python, "-r", str(path)]
            self.uv.run(*install, label="project", cwd=self.project)

    def _arguments(self) -> list[str]:
        if self.found.kind == "requirements":
            return [part for path in self.found.files for part in ("-r", str(path))]
        if self.found.kind == "nothing":
            return []
        path = self.project / "pyproject.toml"
        packaged = declared.has_table(self.project, "build-system")
        install = ["-e", str(self.project)] if packaged else ["-r", str(path)]
        if declared.has_dev_group(self.project):
            install += ["--group", f"{path}:dev"]
        return install

    def _where(self) -> Path:
        """The project that the lock is synced for: a member of a workspace gets its own part."""
        lock = self.found.files[0].parent
        return self.project if lock in (self.project, *self.project.parents) else lock

    def _mirrored(self) -> bool:
        """Whether packages come from an index that the lock does not know."""
        lock = self.found.files[0].read_text(encoding="utf-8", errors="replace")
        index = self.uv.environ.get("UV_DEFAULT_INDEX") or self.uv.environ.get("UV_INDEX_URL")
        return self.uv.has_mirror and not (index and index.rstrip("/") in lock)

    def _check_python(self) -> None:
        text = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
        version = re.search(r"(?m)^version_info\s*=\s*(\d+)\.(\d+)", text)
        if version is not None and tuple(map(int, version.groups())) < (3, 11):
            chosen = ".".join(version.groups())
            raise ProjectEnvironmentError(
                f"The project runs on Python {chosen}, Assay needs Python {declared.OUR_PYTHON}.",
                hint="Raise it in .python-version or requires-python, or set `python-version`.",
            )

    def _explained(self, error: UvError) -> Exception:
        title, text = self.found.title, error.output
        if error.is_network:
            return overlay.outside(error)
        if re.search(r"No (interpreter|download) found", text) and self.request is not None:
            return ProjectEnvironmentError(
                f"There is no Python {self.request} here: {error.explanation}",
                hint=f"Assay needs Python {declared.OUR_PYTHON}; the rest is what the project asks"
                " for (`python-version`, .python-version, requires-python).",
            )
        if self.found.kind == "lock" and "needs to be updated" in text:
            return ProjectEnvironmentError(
                f"{title} does not belong to pyproject.toml any more.",
                hint="Run `uv lock` and commit uv.lock.",
                file=title,
            )
        hint = "Try it on a laptop: `uv sync --locked`." if self.found.is_exact else None
        single = len(self.found.files) == 1
        return ProjectEnvironmentError(
            f"The packages of {title} cannot be installed: {error.explanation}",
            hint=hint,
            file=title if single else None,
        )
