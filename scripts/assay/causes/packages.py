"""Packages and Python versions that differ between what base and head declare."""

from __future__ import annotations

import contextlib
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.causes import locks
from assay.causes.locks import Packages, is_pinned, text_of
from assay.console import printable
from assay.section import Fact, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.workspace.dvcfiles import Tree

# As `environment.declared` chooses, most exact first; foreign locks are told apart though the
# environment is not built from them, since a given interpreter may be.
_DECLARATIONS = (
    "pylock.toml",
    "requirements.txt",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pyproject.toml",
    "conda-lock.yml",
    "environment.yml",
    "environment.yaml",
)


class PackageChange(Fact):
    """A package whose version differs."""

    name: str
    base: str | None
    """`None` where base does not have it; a range where its file pins nothing."""
    head: str | None
    direct: bool
    """Whether the project asks for it by name."""


class PythonChange(Fact):
    """Another Python is asked for."""

    file: str
    base: str | None
    head: str | None


@dataclass
class Found:
    """What comparing two declarations brought."""

    head: str | None = None
    base: str | None = None
    packages: tuple[PackageChange, ...] = ()
    notes: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class Upwards:
    """The project's folder at one revision, and those above it as `../`, in the repository."""

    trees: Sequence[Tree]
    """The project's first, the root of the repository last."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, or `None`, also of what is outside of the repository."""
        parts = posixpath.normpath(path).split("/")
        up = parts.count("..")
        if posixpath.isabs(path) or up >= len(self.trees):
            return None
        return self.trees[up].read("/".join(parts[up:]))


def package_changes(head: Upwards, base: Upwards, *, named: Sequence[str] = ()) -> Found:
    """The packages that differ, the project's own requirements first.

    Args:
        head: The project.
        base: The same at base.
        named: Files that the user named in place of what would be found.
    """
    now, then = tuple(named) or _declared(head), tuple(named) or _declared(base)
    found = Found(head=_shown(now), base=_shown(then))
    whole = all(posixpath.basename(path) in locks.READERS for path in now)  # includes nothing
    if now == then and whole and all(head.read(path) == base.read(path) for path in now):
        return found  # the same bytes: most pull requests change no package
    new = _read(head, now, found.notes)
    old = _read(base, then, found.notes, prefix="Base: ")
    if new is None or old is None:
        return found
    direct = _direct(head) | _direct(base)
    changes = list(_changes(new, old, direct))
    if now and then and now != then:
        # What one file leaves open and what it leaves out says nothing about the other.
        changes = [c for c in changes if is_pinned(c.base or "") and is_pinned(c.head or "")]
        message = (
            f"Packages are declared in {found.base} at base and in {found.head} at head: compared "
            "are those whose version both pin."
        )
        found.notes.append(Reason(message=message, severity="note", file=found.head))
    found.packages = tuple(changes)
    return found


def _declared(tree: Upwards) -> tuple[str, ...]:
    """The declaration that counts, as a path; or nothing."""
    if tree.read("pyproject.toml") is not None:
        for up in range(len(tree.trees)):
            folder = "../" * up
            workspace = up == 0 or b"[tool.uv.workspace]" in (
                tree.read(f"{folder}pyproject.toml") or b""
            )
            if workspace and tree.read(f"{folder}uv.lock") is not None:
                return (f"{folder}uv.lock",)
    for name in _DECLARATIONS:
        content = tree.read(name)
        # A pyproject.toml with nothing but settings of tools declares no packages.
        if content is not None and (name != "pyproject.toml" or _states_packages(content)):
            return (name,)
    return ()


def _states_packages(content: bytes) -> bool:
    return re.search(rb"(?m)^\[(?:project|tool\.poetry|dependency-groups)\b", content) is not None


def _shown(paths: tuple[str, ...]) -> str | None:
    return printable(", ".join(paths)) or None


def _read(
    tree: Upwards, paths: tuple[str, ...], notes: list[Reason], *, prefix: str = ""
) -> Packages | None:
    """The packages that files declare; `None`, and a note, where one cannot be read."""
    merged: Packages = {}
    for path in paths:
        try:
            merged = locks.read(tree, path) | merged
        except ValueError as error:
            notes.append(_damaged(printable(path), error, prefix))
            return None
    return merged


def _damaged(file: str, error: ValueError, prefix: str) -> Reason:
    why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else printable(str(error))
    message = f"{prefix}{file} cannot be read, so packages are not compared: {why.rstrip('.')}."
    return Reason(message=message, severity="note", file=file)


def _changes(new: Packages, old: Packages, direct: frozenset[str]) -> Iterator[PackageChange]:
    """What differs; without a list of the direct ones, everything is."""
    names = [name for name in new.keys() | old.keys() if new.get(name) != old.get(name)]
    for name in sorted(names, key=lambda name: (bool(direct) and name not in direct, name)):
        yield PackageChange(
            name=name,
            base=old.get(name),
            head=new.get(name),
            direct=not direct or name in direct,
        )


def _direct(tree: Upwards) -> frozenset[str]:
    """The names that the project asks for itself; empty where no file tells."""
    names = locks.project(_toml(tree, "pyproject.toml")) | locks.pipfile(_toml(tree, "Pipfile"))
    with contextlib.suppress(ValueError):  # only the order of what is shown depends on it
        names |= locks.requirements(tree, "requirements.in")
    return frozenset(names)


def _toml(tree: Upwards, path: str) -> dict[str, Any]:
    try:
        return locks.toml(text_of(tree, path) or "")
    except ValueError:
        return {}


def python_changes(
    head: Upwards, base: Upwards
) -> tuple[tuple[PythonChange, ...], tuple[Reason, ...]]:
    """The versions of Python that are asked for, where they differ; and what cannot be read."""
    now, then = dict(_pythons(head)), dict(_pythons(base))
    changes = tuple(
        PythonChange(file=file, base=then.get(file), head=now.get(file))
        for file in dict.fromkeys([*now, *then])
        if now.get(file) != then.get(file)
    )
    notes = []
    for tree, prefix in ((head, ""), (base, "Base: ")):
        try:
            locks.toml(text_of(tree, "pyproject.toml") or "")
        except ValueError as error:
            notes.append(_damaged("pyproject.toml", error, prefix))
    return changes, tuple(notes)


def _pythons(tree: Upwards) -> Iterator[tuple[str, str]]:
    """Each file that asks for a Python, and for which."""
    for up in range(len(tree.trees)):
        path = f"{'../' * up}.python-version"
        text = (tree.read(path) or b"").decode(errors="replace")
        lines = [line.strip() for line in text.splitlines()]
        versions = [line for line in lines if line and not line.startswith("#")]
        if versions:
            yield path, printable(versions[0])[:100]
            break
    stated = _toml(tree, "pyproject.toml")
    asked = (
        ("pyproject.toml", locks.table(stated, "tool", "poetry", "dependencies").get("python")),
        ("pyproject.toml", locks.table(stated, "project").get("requires-python")),
        ("Pipfile", locks.table(_toml(tree, "Pipfile"), "requires").get("python_version")),
    )
    for file, version in asked:
        if isinstance(version, str):
            yield file, printable(version)[:100]
