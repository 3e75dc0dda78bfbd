"""What passes to and from the process that describes the schemas of one revision."""

from __future__ import annotations

from assay.contract.evolution.section import Description
from assay.section import Fact, Reason


class Wanted(Fact):
    """What there is to describe."""

    root: str
    """The project folder of the revision."""
    references: tuple[str, ...]
    """Schemas, as `assay.yaml` names them."""


class Described(Fact):
    """What became of one of them."""

    reference: str
    description: Description | None = None
    problem: Reason | None = None
    exit_code: int = 0
