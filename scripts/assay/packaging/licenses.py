"""Licences: the model's own, and those of the packages that serving it needs.

A bundle holds no package. But whoever builds an image from it passes them on, and finds here what
they are passed on under.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib import metadata
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.workspace import read_inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from assay.packaging.facts import Kind

FOLDER = "licenses"
SERVING: dict[Kind, tuple[str, ...]] = {"onnx": ("onnxruntime", "numpy"), "native": ("skops",)}
LIBRARIES = {"LGBM": "lightgbm", "XGB": "xgboost", "CatBoost": "catboost"}
"""Packages whose estimators a native bundle may hold, by what their classes are called."""
_TEXT = re.compile(r"(?:licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)
_LARGEST = 1_000_000
"""Bytes of one text."""
_LONGEST_NAME = 100
"""Of a licence; some put its text where the name belongs."""


def canonical(expression: str) -> str:
    """A licence as SPDX spells it: `Apache-2.0 OR MIT`.

    Raises:
        UsageError: It is no SPDX expression.
    """
    found = _spdx(expression)
    if found is None:
        raise UsageError(
            f"`package.license` is {expression!r}, which is no SPDX licence expression.",
            hint="Such are `Apache-2.0`, `MIT OR BSD-3-Clause`, `LicenseRef-Proprietary`; all are "
            "on https://spdx.org/licenses.",
            key=("package", "license"),
        )
    return found


def _spdx(expression: str) -> str | None:
    # Comes with onnxruntime and skops, and has the list of identifiers.
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(expression))
    except InvalidLicenseExpression:
        return None


@dataclass(frozen=True)
class Package:
    """An installed package, and what it says of itself."""

    distribution: metadata.Distribution
    fields: Message

    @classmethod
    def of(cls, distribution: metadata.Distribution) -> Package:
        """What it says, without its description.

        `Distribution.metadata` reads that too, and an environment has hundreds of packages.
        """
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        return cls(distribution, HeaderParser().parsestr(text.partition("\n\n")[0]))

    @property
    def version(self) -> str:
        """As it is written."""
        return str(self.fields["Version"])


@dataclass(frozen=True)
class Installed:
    """The packages of this environment, by their normalized names."""

    packages: Mapping[str, Package]

    @classmethod
    def here(cls) -> Installed:
        """Those that can be imported here; of two of a name the one that is imported."""
        return cls.among(metadata.distributions())

    @classmethod
    def among(cls, distributions: Iterable[metadata.Distribution]) -> Installed:
        """Those of these that have a name and a version."""
        found: dict[str, Package] = {}
        for one in map(Package.of, distributions):
            if one.fields["Name"] and one.fields["Version"]:
                found.setdefault(normalized(one.fields["Name"]), one)
        return cls(found)

    @property
    def versions(self) -> dict[str, str]:
        """Version by name, in order."""
        return {name: one.version for name, one in sorted(self.packages.items())}

    def needed(self, kind: Kind, estimator: str) -> dict[str, str]:
        """Name and version of the packages that serving a model needs, theirs too.

        Args:
            kind: Of the bundle.
            estimator: The classes of the model.
        """
        waiting = list(SERVING[kind])
        if kind == "native":
            waiting += [name for start, name in LIBRARIES.items() if start in estimator]
        found: dict[str, str] = {}
        while waiting:
            name = waiting.pop()
            if name in self.packages and name not in found:
                found[name] = self.packages[name].version
                waiting += _requirements(self.packages[name].distribution)
        return dict(sorted(found.items()))

    def license(self, name: str) -> tuple[str, bool] | None:
        """(the licence of a package, whether it is an SPDX expression), as far as it says."""
        package = self.packages.get(normalized(name))
        if package is None:
            return None
        fields = package.fields
        said = next((fields[n] for n in ("License-Expression", "License") if n in fields), "")
        if spdx := _spdx(said) if said else None:
            return spdx, True
        classified = [
            line.rpartition(" :: ")[2]
            for line in fields.get_all("Classifier") or ()
            if line.startswith("License :: ") and line != "License :: OSI Approved"
        ]
        if len(said) > _LONGEST_NAME or "\n" in said or not said:
            said = ", ".join(classified)
        return (said, False) if said else None

    def texts(self, names: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """(file of the bundle, text) of each of these packages that brings one.

        Args:
            names: Name and version.
        """
        for name, version in names.items():
            parts = [
                _part(path) for path in sorted(_files(self.packages[name].distribution), key=str)
            ]
            if text := b"\n\n".join(part for part in parts if part):
                yield f"{FOLDER}/{name}-{version}.txt", text


def normalized(name: str) -> str:
    """A name as PyPI has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(package: metadata.Distribution) -> Iterator[str]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in package.requires or ():
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            yield normalized(one.name)


def _files(package: metadata.Distribution) -> list[metadata.PackagePath]:
    """The texts among a package's metadata; without any, those at the top of its own folder."""
    found = [path for path in package.files or () if _TEXT.search(path.name)]
    declared = [path for path in found if path.parts[0].endswith((".dist-info", ".egg-info"))]
    return declared or [path for path in found if len(path.parts) <= 2]


def _part(path: metadata.PackagePath) -> bytes:
    try:
        content = path.read_binary()
    except OSError:  # named in the metadata, and not there
        return b""
    return f"{path.as_posix()}\n\n".encode() + content.strip() if len(content) < _LARGEST else b""


def of_project(root: Path, top: Path) -> dict[str, bytes]:
    """The project's own licence: that of its folder, else of the repository.

    Args:
        root: The project.
        top: The repository. No link that leads out of it is followed: a bundle is public.

    Returns:
        By file of the bundle the text.
    """
    for folder in (root, top):
        texts = {
            f"{FOLDER}/{path.name}": read_inside(top, str(path), _LARGEST)
            for path in sorted(folder.iterdir())
            if _TEXT.match(path.name)
        }
        if found := {name: text for name, text in texts.items() if text and len(text) <= _LARGEST}:
            return found
    return {}
