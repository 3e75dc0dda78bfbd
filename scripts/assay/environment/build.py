"""Builds environments: once, then remembered; never half; two at a time."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assay.environment import declared, install, overlay
from assay.environment.uv import Uv, find
from assay.errors import ProjectEnvironmentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from assay.environment.declared import Declaration

STAMP = "assay-env.json"
EXTRAS = {"project": "check", "package": "package", "serve": "serve"}
"""Environments with the user's packages: what of Assay is laid over them."""
OURS = tuple(install.DOES)
"""Environments without."""
_FORMAT = "1"  # raise it when environments are built differently


@dataclass(frozen=True)
class Environment:
    """One that can be used."""

    name: str
    """Of `EXTRAS`, with the user's packages; of `OURS`, without."""
    python: str
    source: str
    """What it was built from."""
    seconds: float = 0.0
    """How long building it took."""
    cached: bool = False
    """Whether it was there already."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Builder:
    """Builds the environments of one checkout of Assay for one project.

    Args:
        root: The checkout of Assay; it may be read-only.
        project: The user's project.
        environ: What we were started with.
        say: Prints a line of progress.
    """

    root: Path
    project: Path
    environ: Mapping[str, str]
    say: Callable[[str], None]

    @property
    def home(self) -> Path:
        """Where environments live: outside of every checkout, and in CI for one job only."""
        if given := self.environ.get("ASSAY_HOME"):
            return Path(given).absolute()
        if self.environ.get("GITHUB_ACTIONS") == "true" and self.environ.get("RUNNER_TEMP"):
            return Path(self.environ["RUNNER_TEMP"]).absolute() / "assay"
        return user_cache(self.environ)

    def uv(self) -> Uv:
        """The uv of this run."""
        cache = Path(self.environ.get("ASSAY_HOME") or user_cache(self.environ)).absolute()
        scripts = self.root / "scripts"
        program = find(self.environ, scripts=scripts, cache=cache, say=self.say)
        return Uv(program, self.environ, self.say)

    def ours(self, uv: Callable[[], Uv], name: str) -> Environment:
        """An environment without the user's packages, hash by hash as our lock has it.

        Args:
            uv: Makes the uv of this run.
            name: Of `OURS`.
        """
        folder = self.home / f"{name}-{_short(self.root)}"
        return _remembered(
            name,
            folder,
            key=lambda: self._ours,
            source="Assay's lock",
            make=lambda: install.ours(uv(), self.root, name, folder),
        )

    def declaration(self) -> Declaration:
        """What the project environment is built from."""
        return declared.discover(self.project, self.environ.get("ASSAY_REQUIREMENTS"))

    def theirs(self, uv: Callable[[], Uv], name: str) -> Environment:
        """The environment for the user's code, with Assay laid over it.

        Args:
            uv: Makes the uv of this run.
            name: Of `EXTRAS`.
        """
        extra = EXTRAS[name]
        found = self.declaration()
        pinned = self.environ.get("UV_PYTHON") or None
        wanted = self.environ.get("ASSAY_PYTHON_VERSION") or None
        request = declared.python_request(self.project, wanted, pinned_by_user=pinned is not None)
        python = str(request or pinned)
        folder = self.home / f"{name}-{_short(self.project)}"
        watched = [path.read_bytes() for path in found.watched if path.is_file()]
        version_file = self.project / ".python-version"
        watched += [version_file.read_bytes()] if version_file.is_file() else []
        return _remembered(
            name,
            folder,
            key=lambda: _digest(self._ours, found.kind, python, extra, *watched),
            source=found.title,
            make=lambda: install.Project(
                uv(), self.root, self.project, folder, found, request, extra
            ).build(),
        )

    def key(self) -> str:
        """Changes when what uv has to download may have changed."""
        import platform  # no other verb needs it

        try:
            watched = [path.read_bytes() for path in self.declaration().watched]
        except (OSError, ProjectEnvironmentError):
            watched = []  # building it will say what is wrong
        watched += [path.read_bytes() for path in self._locks]
        python = self.environ.get("ASSAY_PYTHON_VERSION", "")
        return f"{sys.platform}-{platform.machine()}-{_digest(python, *watched)[:20]}"

    @property
    def _locks(self) -> tuple[Path, ...]:
        locks = (install.lock(self.root, name) for name in OURS)
        return (*locks, install.hashes(self.root), self.root / overlay.TESTED)

    @cached_property
    def _ours(self) -> str:
        """A digest of the Assay that gets installed."""
        files = sorted((self.root / "scripts" / "assay").rglob("*"))
        # Bytecode comes and goes while other jobs run by the same checkout.
        names = [path for path in files if path.parent.name != "__pycache__" and path.is_file()]
        names += [self.root / "pyproject.toml", *self._locks]
        return _digest(*(part for path in names for part in (path.name, path.read_bytes())))


def user_cache(environ: Mapping[str, str]) -> Path:
    """The user's cache folder for us."""
    if given := environ.get("XDG_CACHE_HOME"):
        return Path(given) / "assay"
    if os.name == "nt" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "assay"
    home = Path(environ.get("HOME") or Path.home())
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "assay"


def _remembered(
    name: str,
    folder: Path,
    *,
    key: Callable[[], str],
    source: str,
    make: Callable[[], Sequence[str]],
) -> Environment:
    """The environment in `folder`, built by `make` unless the stamp says that it is there.

    The stamp is the last thing written, so an environment that was interrupted has none. Without
    one, nobody asks for the key before the environment is built: the thread that is done first
    then reads all of Assay for it, while the other waits for uv.
    """
    stamp = folder / STAMP
    if (found := _stamped(stamp, key)) is not None:
        return found
    start = time.monotonic()
    with _alone(folder):
        if (found := _stamped(stamp, key)) is not None:
            return found
        shutil.rmtree(folder, ignore_errors=True)
        notes = tuple(make())
        python = str(install.interpreter(folder))
        seconds = round(time.monotonic() - start, 2)
        made = Environment(name, python, source, seconds=seconds, notes=notes)
        _write(stamp, {"key": key(), "environment": asdict(made)})
    return made


def _stamped(stamp: Path, key: Callable[[], str]) -> Environment | None:
    try:
        content = json.loads(stamp.read_text(encoding="utf-8"))
        known = content["environment"]
        if content["key"] != key() or not Path(known["python"]).exists():
            return None
        return Environment(**{**known, "cached": True, "notes": tuple(known["notes"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, content: object) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(content, indent=1), encoding="utf-8")
    scratch.replace(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a second process from building in the same folder at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as handle:
        try:
            import fcntl
        except ImportError:  # Windows: uv's own lock has to do
            yield
            return
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _short(path: Path) -> str:
    """Tells folders apart by name; what is in them is told by the key of the stamp."""
    return f"{zlib.crc32(os.fsencode(path)):08x}"


def _digest(*parts: str | bytes) -> str:
    import hashlib  # loads OpenSSL, which takes longer than what is digested

    total = hashlib.sha256(_FORMAT.encode())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()
