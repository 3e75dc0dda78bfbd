"""checkout: DVC data and models of head, and of base as far as a comparison needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.section import Fact, Section

if TYPE_CHECKING:
    from assay.context import Context


class Transfer(Fact):
    """What one revision needed from the remote."""

    revision: Literal["head", "base"]
    files: int
    """Objects that were fetched now."""
    bytes: int
    seconds: float
    cached: int
    """Objects that were in the cache already."""


class CheckoutSection(Section):
    """What was fetched, from where, how much, how fast."""

    remote: str | None = None
    """The name of the DVC remote."""
    url: str | None = None
    """Its address, without credentials."""
    transfers: tuple[Transfer, ...] = ()


def run(context: Context) -> CheckoutSection:
    """Pull head's data, and base's predictions and metrics."""
    raise NotImplementedError
