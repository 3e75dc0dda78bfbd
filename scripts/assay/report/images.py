"""Plots for a comment: as pixels, and as links once they are published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A plot, drawn for light and for dark pages."""

    name: str
    """Of its files: lower case letters, digits and hyphens; unique in a report."""
    title: str
    alt: str
    """What it shows, in a sentence for those who do not see it."""
    width: int
    """CSS pixels; the image may hold more, for screens with a high density."""
    light: bytes
    """PNG."""
    dark: bytes
    """PNG."""

    @property
    def files(self) -> dict[str, bytes]:
        """Its images by the name of their file."""
        light, dark = self._paths
        return {light: self.light, dark: self.dark}

    def published(self, url: Callable[[str], str]) -> Image:
        """The picture, once its files can be had where `url` says of each."""
        light, dark = map(url, self._paths)
        return Image(title=self.title, alt=self.alt, width=self.width, light=light, dark=dark)

    @property
    def _paths(self) -> tuple[str, str]:
        return f"{self.name}-light.png", f"{self.name}-dark.png"


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture that has been published."""

    title: str
    alt: str
    width: int
    light: str
    """URL."""
    dark: str
    """URL."""
