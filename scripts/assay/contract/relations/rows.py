"""How many rows there are: between bounds, and not much fewer or more than at base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.contract.relations.side import dotted, whole

if TYPE_CHECKING:
    from assay.configdata import RowsSpec
    from assay.contract.relations.side import Found, KeyPath
    from assay.contract.sources.base import Source


@dataclass(frozen=True)
class BaseFacts:
    """The same table at the base revision, as far as it is there."""

    rows: int | None = None
    source: Source | None = None
    why: str = "there is no base to compare with"
    """Why one of them is not known."""


def names(spec: RowsSpec) -> list[str]:
    """The bounds that are set, as reports call them: `rows(min=1000)`."""
    return [f"rows({bound}={value})" for bound, value in spec if value is not None]


def judge(spec: RowsSpec, rows: int, base: BaseFacts | None) -> list[Found]:
    """The bounds that a number of rows does not keep.

    Args:
        spec: The bounds.
        rows: How many the table has.
        base: Of the base revision; without its number of rows only absolute bounds are judged.
    """
    broken = []
    if spec.min is not None and rows < spec.min:
        broken.append(whole(f"rows(min={spec.min})", found=f"{rows:,} rows"))
    if spec.max is not None and rows > spec.max:
        broken.append(whole(f"rows(max={spec.max})", found=f"{rows:,} rows"))
    if base is None or not base.rows:
        return broken
    found = f"{rows:,} rows, base has {base.rows:,}"
    if spec.max_drop is not None and (base.rows - rows) / base.rows > spec.max_drop:
        broken.append(whole(f"rows(max_drop={spec.max_drop})", found=found))
    if spec.max_growth is not None and (rows - base.rows) / base.rows > spec.max_growth:
        broken.append(whole(f"rows(max_growth={spec.max_growth})", found=found))
    return broken


def not_judged(spec: RowsSpec, base: BaseFacts | None, key: KeyPath) -> list[str]:
    """A warning for the bounds that need base, where base does not tell."""
    bounds = [name for name in ("max_drop", "max_growth") if getattr(spec, name) is not None]
    if not bounds or (base is not None and base.rows):
        return []
    why = (base or BaseFacts()).why if base is None or base.rows is None else "base has no rows"
    listed = " and ".join(f"`{dotted((*key, name))}`" for name in bounds)
    return [f"{listed} {'are' if len(bounds) > 1 else 'is'} not judged: {why}."]
