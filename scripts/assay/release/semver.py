"""Semantic versions, as GTO writes them: `v1.2.3`, `v1.2.3-rc.1`, `v1.2.3+build`.

Grammar and precedence: https://semver.org/spec/v2.0.0.html, sections 9 to 11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from assay.console import printable
from assay.errors import UsageError

Bump = Literal["major", "minor", "patch"]

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PART = rf"(?:{_NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
PATTERN = (
    rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PART}(?:\.{_PART})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_WHOLE = re.compile(PATTERN)
LONGEST = 1000
"""Characters: Python turns no text of any length into a number."""


@dataclass(frozen=True)
class SemVer:
    """A version. Equal ones are written alike; `<` is precedence, for which a build is nothing."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: str = ""

    def __str__(self) -> str:
        text = f"v{self.major}.{self.minor}.{self.patch}"
        text += f"-{'.'.join(self.prerelease)}" if self.prerelease else ""
        return f"{text}+{self.build}" if self.build else text

    def __lt__(self, other: SemVer) -> bool:
        return self.precedence < other.precedence

    @property
    def precedence(self) -> tuple[object, ...]:
        """What versions are ordered by; numbers come before words, a release after all of its."""
        parts = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in self.prerelease)
        return self.major, self.minor, self.patch, not parts, parts

    @property
    def is_stable(self) -> bool:
        """Whether the signature is promised: neither a pre-release nor 0.y.z (sections 4 and 9)."""
        return self.major > 0 and not self.prerelease

    def bump(self, which: Bump) -> SemVer:
        """The next version. Of a pre-release, the release that it was leading to, if enough."""
        core = SemVer(self.major, self.minor, self.patch)
        if self.prerelease and core._is_at_least(which):
            return core
        if which == "major":
            return SemVer(self.major + 1, 0, 0)
        if which == "minor":
            return SemVer(self.major, self.minor + 1, 0)
        return SemVer(self.major, self.minor, self.patch + 1)

    def _is_at_least(self, which: Bump) -> bool:
        return which == "patch" or (self.patch == 0 and (which == "minor" or self.minor == 0))


def find(text: str) -> SemVer | None:
    """The version that `text` is, with its `v`; else `None`."""
    if len(text) > LONGEST or _WHOLE.fullmatch(text) is None:
        return None
    core, _, build = text[1:].partition("+")
    numbers, _, prerelease = core.partition("-")
    major, minor, patch = (int(number) for number in numbers.split("."))
    return SemVer(major, minor, patch, tuple(prerelease.split(".")) if prerelease else (), build)


def parse(text: str) -> SemVer:
    """The version that a person wrote, with or without the `v`.

    Raises:
        UsageError: It is none.
    """
    found = find(text) or find(f"v{text}")
    if found is None:
        raise UsageError(
            f"{printable(text)!r} is no semantic version.",
            hint="Write it as v1.2.3, or v1.2.3-rc.1 for a pre-release (https://semver.org).",
        )
    return found
