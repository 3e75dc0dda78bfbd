"""Whose word a report rests on, where a trusted run publishes what an untrusted one found."""

from __future__ import annotations

from assay.section import Fact


class Provenance(Fact):
    """What the publishing run knows by itself, and what it has only been told.

    The texts are sentences of ours; what the untrusted run wrote stands in `backticks`.
    """

    run_url: str | None = None
    """The untrusted run, by GitHub's own account."""
    verified: tuple[str, ...] = ()
    """What was asked of GitHub or computed anew."""
    reported: tuple[str, ...] = ()
    """What only the untrusted run says."""
    differences: tuple[str, ...] = ()
    """Where its record contradicts what was verified."""
