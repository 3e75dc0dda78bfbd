"""What a project declares about its environment, and which of its declarations counts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.errors import ProjectEnvironmentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OUR_PYTHON = ">=3.11"

# Locks that uv does not read: what they pin would be silently ignored, so we ask for an export.
_FOREIGN_LOCKS = {
    "poetry.lock": "poetry export --with dev -o requirements.txt",
    "pdm.lock": "pdm export -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --dev > requirements.txt",
    "Pipfile": "pipenv lock && pipenv requirements --dev > requirements.txt",
}
_CONDA = ("environment.yml", "environment.yaml", "conda-lock.yml")
_EXPORT_CONDA = (
    "List its Python packages (`pip list --format=freeze > requirements.txt` inside it), or build"
    " it in an earlier step and give its interpreter as `python`."
)


@dataclass(frozen=True)
class Declaration:
    """One way in which a project says what it needs."""

    kind: str
    """`lock` (uv.lock), `requirements` (files for `-r`), `project` (metadata) or `nothing`."""
    title: str
    """As a message names it."""
    files: tuple[Path, ...] = ()
    watched: tuple[Path, ...] = field(default=(), repr=False)
    """Every file whose content decides what gets installed."""

    @property
    def is_exact(self) -> bool:
        """Whether what it leads to is what the team agreed on, package by package."""
        return self.kind == "lock"


def discover(root: Path, requirements: str | None = None) -> Declaration:
    """The declaration that counts: the one that was named, else the most exact one that is there.

    Args:
        root: The project.
        requirements: Files that the user named, one a line, relative to `root`.
    """
    if requirements:
        return _named(root, [line.strip() for line in requirements.splitlines() if line.strip()])
    if (lock := _uv_lock(root)) is not None:
        return lock
    for name in ("pylock.toml", "requirements.txt"):
        if (root / name).is_file():
            return _requirements(name, [root / name])
    for name, export in _FOREIGN_LOCKS.items():
        if (root / name).is_file():
            raise ProjectEnvironmentError(
                f"The project's packages are declared in {name}, which only its own tool can read.",
                hint=f"Export them and commit the result: `{export}`.",
                file=name,
            )
    if (project := _project(root)) is not None:
        return project
    for name in _CONDA:
        if (root / name).is_file():
            raise ProjectEnvironmentError(
                f"The project's packages are declared in {name}, which only conda can install.",
                hint=_EXPORT_CONDA,
                file=name,
            )
    return Declaration(kind="nothing", title="no declaration of packages")


def python_request(root: Path, wanted: str | None, *, pinned_by_user: bool) -> str | None:
    """The `--python` for uv, or `None` where uv finds the project's own choice by itself.

    Args:
        root: The project.
        wanted: The version that the user named.
        pinned_by_user: Whether `UV_PYTHON` is set.
    """
    if wanted or pinned_by_user:
        return wanted
    if any((folder / ".python-version").is_file() for folder in _upwards(root)):
        return None
    requires = requires_python(root)
    return f"{OUR_PYTHON},{requires}" if requires else OUR_PYTHON


def requires_python(root: Path) -> str | None:
    """`requires-python` of the project's `pyproject.toml`."""
    # No TOML reader in Python 3.10; a table that hides this line from the expression below only
    # costs a less exact message later.
    found = re.search(r'(?m)^requires-python\s*=\s*["\']([^"\']+)["\']', _text(root))
    return found.group(1).replace(" ", "") if found else None


def _named(root: Path, names: list[str]) -> Declaration:
    paths = []
    for name in names:
        path = (root / name).resolve()
        paths.append(path)
        if not path.is_file():
            raise ProjectEnvironmentError(
                f"`requirements` names {name!r}, which is not a file in {root}.",
                hint="Give files relative to the working directory, one a line.",
            )
    if len(paths) == 1 and paths[0].name == "uv.lock":
        folder = paths[0].parent
        return Declaration("lock", names[0], (paths[0],), (paths[0], folder / "pyproject.toml"))
    return _requirements(", ".join(names), paths)


def _uv_lock(root: Path) -> Declaration | None:
    """`uv.lock` here, or the one of the workspace that this project is a member of."""
    if not (root / "pyproject.toml").is_file():
        return None
    for folder in _upwards(root):
        lock, project = folder / "uv.lock", folder / "pyproject.toml"
        if lock.is_file() and (folder == root or "[tool.uv.workspace]" in _text(folder)):
            return Declaration("lock", "uv.lock", (lock,), (lock, project, root / "pyproject.toml"))
    return None


def _requirements(title: str, paths: list[Path]) -> Declaration:
    watched = dict.fromkeys(path for given in paths for path in _included(given))
    return Declaration("requirements", title, tuple(paths), tuple(watched))


def _included(path: Path) -> Iterator[Path]:
    """`path`, and the files that it includes as requirements or constraints, each once."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        yield file
        text = file.read_text(encoding="utf-8", errors="replace")
        names = re.findall(r"(?m)^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S.*?)\s*$", text)
        waiting += [(file.parent / name).resolve() for name in reversed(names)]


def _project(root: Path) -> Declaration | None:
    text = _text(root)
    if re.search(r"(?m)^\[project\]", text) is None:
        return None
    path = root / "pyproject.toml"
    return Declaration("project", "pyproject.toml", (path,), (path,))


def has_table(root: Path, name: str) -> bool:
    """Whether the project's `pyproject.toml` has a table of this name."""
    return re.search(rf"(?m)^\[{re.escape(name)}\]", _text(root)) is not None


def has_dev_group(root: Path) -> bool:
    """Whether the project declares the dependency group that uv installs by default."""
    table = re.search(r"(?ms)^\[dependency-groups\](.*?)(?=^\[|\Z)", _text(root))
    return table is not None and re.search(r"(?m)^dev\s*=", table.group(1)) is not None


def _text(root: Path) -> str:
    try:
        return (root / "pyproject.toml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _upwards(root: Path) -> Iterator[Path]:
    """`root` and the folders above it, up to the root of the repository."""
    for folder in (root, *root.parents):
        yield folder
        if (folder / ".git").exists():
            return
