"""Plots for a comment: as pixels, and as links once they are published."""

from __future__ import annotations

from dataclasses import dataclass


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
