"""Assay laid over the project's packages: their versions win, ours only fill what is missing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay import __version__
from assay.environment.uv import UvError
from assay.errors import OutsideError, ProjectEnvironmentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from assay.environment.uv import Uv

TESTED = "scripts/tested-versions.txt"
"""The versions of all that `EXTRAS` lay over a project, by our lock; `make lock` writes it."""

_NOT_WINDOWS = "sys_platform != 'win32'"
"""The one marker among our requirements; a test holds them to it."""


@dataclass(frozen=True)
class Requirement:
    """A line of our own dependencies: a name and simple version bounds, without its marker."""

    name: str
    text: str

    @property
    def bounds(self) -> str:
        """What follows the name."""
        return re.sub(r"^[\w.-]+(?:\[.*?\])?", "", self.text)

    def allows(self, version: str) -> bool:
        """Whether `version` is within the bounds, as far as release numbers tell."""
        return all(
            _COMPARE[operator](_release(version), _release(bound))
            for operator, bound in re.findall(r"(>=|<=|==|!=|<|>)\s*([\w.]+)", self.bounds)
        )


def our_requirements(root: Path, extra: str) -> list[Requirement]:
    """What `assay[extra]` needs, from the `pyproject.toml` of the checkout that runs us.

    Read with an expression, because Python 3.10 has no TOML reader; a test holds it to one.
    """
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    queue, seen = ["dependencies", extra], set()
    while queue:
        key = queue.pop(0)
        if key in seen:
            continue
        seen.add(key)
        for line in _strings(text, key):
            own = re.fullmatch(r"assay\[(.*)\]", line)
            if own:
                queue += own.group(1).split(",")
            elif os.name != "nt" or _NOT_WINDOWS not in line:
                requirement = line.partition(";")[0]
                found[requirement] = normalize(requirement)
    return [Requirement(name=name, text=line) for line, name in found.items()]


def lay(root: Path, python: Path) -> None:
    """Put Assay itself into an environment that has all that it needs.

    As a link to the checkout: to build a wheel, or to copy a hundred files, takes longer than uv
    needs for all that is missing.
    """
    lib = python.parent.parent
    site = next(iter([*lib.glob("lib/python3*/site-packages"), lib / "Lib" / "site-packages"]))
    source, package = root / "scripts" / "assay", site / "assay"
    shutil.rmtree(package, ignore_errors=True)  # a project may declare another Assay
    try:
        package.symlink_to(source, target_is_directory=True)
    except OSError:  # Windows, where a link takes a privilege
        shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    # What tells installers, and our own check of a given interpreter, that it is there. What they
    # read as its one file is the link: taking Assay out again must not reach into the checkout.
    about = site / f"assay-{__version__}.dist-info"
    about.mkdir(exist_ok=True)
    files = {
        "INSTALLER": "assay\n",
        "METADATA": f"Metadata-Version: 2.1\nName: assay\nVersion: {__version__}\n",
        "RECORD": "assay,,\n",
    }
    files["RECORD"] += "".join(f"{about.name}/{name},,\n" for name in files)
    for name, text in files.items():
        (about / name).write_text(text, encoding="utf-8")


def conflicts(requirements: Iterable[Requirement], theirs: Mapping[str, str]) -> list[Requirement]:
    """Those of `requirements` that an installed version does not meet."""
    return [r for r in requirements if r.name in theirs and not r.allows(theirs[r.name])]


def normalize(requirement: str) -> str:
    """The name in a requirement, as packaging compares names."""
    found = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return re.sub(r"[-_.]+", "-", found.group(1)).lower() if found else ""


def installed(python: Path) -> dict[str, str]:
    """Name and version of each package in a virtual environment.

    Read from the names of the folders that installers leave: asking uv takes longer than all that
    is done with the answer.
    """
    lib = python.parent.parent
    folders = [
        *lib.glob("lib/python3*/site-packages/*.dist-info"),
        *lib.glob("Lib/site-packages/*.dist-info"),
    ]
    found = (folder.name[: -len(".dist-info")].partition("-") for folder in folders)
    return {normalize(name): version for name, _, version in found}


def tested(root: Path) -> list[str]:
    """The versions that our own lock has, as requirements with markers."""
    lines = (root / TESTED).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if normalize(line)]


@dataclass(frozen=True)
class Overlay:
    """Lays Assay over one environment.

    Args:
        uv: Runs uv.
        root: The checkout that Assay is installed from.
        python: The environment's interpreter.
        project: The project; its own uv settings (indexes) hold.
        title: The project's declaration, as a message names it.
        extra: What Assay is to do there: `check`, `package` or `serve`.
        declared: Arguments that install the declaration; empty where its versions are fixed.
    """

    uv: Uv
    root: Path
    python: Path
    project: Path
    title: str
    extra: str
    declared: Sequence[str] = ()

    def apply(self) -> list[str]:
        """Install Assay and what it needs beside the project's own packages.

        Returns:
            Notes on packages of theirs that had to change, where their declaration left room.
        """
        theirs = installed(self.python)
        requirements = our_requirements(self.root, self.extra)
        clashes = conflicts(requirements, theirs)
        problem: UvError | None = None
        if not clashes:
            # Only what is missing: less for uv to resolve, and what is there fits.
            missing = [r.text for r in requirements if r.name not in theirs]
            problem = self._beside(theirs, missing) if missing else None
            if problem is None:
                lay(self.root, self.python)
                return []
        if not self.declared:
            raise self._conflict(clashes, theirs, problem)
        try:
            needed = [r.text for r in requirements]
            self._install(*self.declared, *needed, label="project")
        except UvError as error:
            raise self._conflict(clashes, theirs, error) from error
        lay(self.root, self.python)
        now = installed(self.python)
        return [
            f"{name} is {now.get(name, 'gone')} and not {version}: Assay cannot work beside that."
            for name, version in theirs.items()
            if now.get(name) != version
        ]

    def _beside(self, theirs: Mapping[str, str], needed: Sequence[str]) -> UvError | None:
        """Install without touching what is there; returns why that cannot be.

        The versions of our own lock come first, so that the same commit gives the same
        environment next month, and from uv's cache, which saves asking the index about each;
        where they do not fit beside the project's, any that do.
        """
        pins = [f"{name}=={version}" for name, version in theirs.items()]
        both = pins + [line for line in tested(self.root) if normalize(line) not in theirs]
        problem: UvError | None = None
        for constraints, options in ((both, ["--offline"]), (both, []), (pins, [])):
            try:
                self._install(*options, *needed, constraints=constraints)
            except UvError as error:
                problem = error
                if error.is_network and not options:
                    break
            else:
                return None
        if problem is not None and problem.is_network:
            raise outside(problem)
        return problem

    def _install(
        self, *args: str, label: str = "", constraints: Sequence[str] | None = None
    ) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            options = [f"--python={self.python}"]
            if constraints is not None:
                path = Path(scratch) / "constraints.txt"
                path.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
                options.append(f"--constraints={path}")
            self.uv.run("pip", "install", *options, *args, label=label, cwd=self.project)

    def _conflict(
        self, clashes: Sequence[Requirement], theirs: Mapping[str, str], problem: UvError | None
    ) -> ProjectEnvironmentError | OutsideError:
        """The error for two requirements that exclude each other; it names both."""
        if problem is not None and problem.is_network:
            return outside(problem)
        hint = "Change one of the two, or see docs/actions/setup.md for environments of your own."
        if clashes:
            pairs = [
                f"{self.title} gives {r.name}=={theirs[r.name]}, Assay needs {r.name}{r.bounds}"
                for r in clashes
            ]
            return ProjectEnvironmentError("; ".join(pairs) + ".", hint=hint)
        said = problem.explanation if problem is not None else ""
        named = [
            f"{name}=={version}"
            for name, version in theirs.items()
            if re.search(rf"(?<![\w-]){re.escape(name)}==?{re.escape(version)}(?![\w.])", said)
        ]
        pinned = f" ({self.title} gives {', '.join(named)})" if named else ""
        message = f"Assay cannot be installed beside the packages of {self.title}{pinned}: {said}"
        return ProjectEnvironmentError(message, hint=hint)


def outside(error: UvError) -> OutsideError:
    """The error for an index that cannot be reached, or does not answer as it should."""
    return OutsideError(
        f"Packages could not be fetched: {error.explanation}",
        hint="Check the network, UV_DEFAULT_INDEX or PIP_INDEX_URL, and SSL_CERT_FILE; without a"
        " network, uv's cache must hold everything.",
    )


def _strings(text: str, key: str) -> list[str]:
    """The strings of the array `key = [...]` in a TOML text."""
    start = re.search(rf"(?m)^{re.escape(key)} = \[", text)
    values: list[str] = []
    if start is not None:
        for token in re.finditer(r'#[^\n]*|"([^"]*)"|\]', text[start.end() :]):
            if token.group(0) == "]":
                break
            if token.group(1) is not None:
                values.append(token.group(1))
    return values


def _release(version: str) -> tuple[int, ...]:
    """The release numbers, without the zeros at the end that mean nothing."""
    found = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    numbers = [int(part) for part in found.group(1).split(".")] if found else [0]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


_COMPARE = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
