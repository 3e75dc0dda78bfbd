"""What a server has counted since its process began; two of one process are subtracted.

This is the body of `GET /assay/window` and what a target observes. All numbers are totals: nobody
has to reset anything, and whoever asks twice knows what happened between.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from assay.rollout import latency as latencies
from assay.section import Fact

Count = Annotated[int, Field(ge=0, le=2**53)]
"""A version says of itself what it counted; statistics take what a float can hold."""
Counts = tuple[Count, ...]
NOT_FINITE = "not_finite"
"""The kind of error that says that a model gave no finite number."""


class Counted(Fact):
    """How often a column's values fell into each bin.

    Either `edges` (k of them, rising; bin i holds the values of which i edges are at most that
    large: k + 1 bins) or `values` (k categories, and one more bin for all others).
    """

    edges: tuple[float, ...] | None = None
    values: tuple[str, ...] | None = None
    counts: Counts

    @property
    def bins(self) -> tuple[object, object]:
        """What must be equal for two to be comparable."""
        return self.edges, self.values

    @model_validator(mode="after")
    def _one_kind(self) -> Counted:
        given = [one for one in self.bins if isinstance(one, tuple)]
        if len(given) != 1 or len(self.counts) != len(given[0]) + 1:
            message = "has either `edges` or `values`, and one count more than those"
            raise ValueError(message)
        return self


class Shadowed(Fact):
    """Copies of requests that this server answered and another one was sent too."""

    rows: Count = 0
    """Rows that both answered, and that were compared."""
    agreed: Count = 0
    """Those of them with the same answer."""
    failed: Count = 0
    """Copies that the other server did not answer."""
    dropped: Count = 0
    """Copies that were not sent, because the other server was behind."""

    @model_validator(mode="after")
    def _all_rows(self) -> Shadowed:
        if self.agreed > self.rows:
            message = "has more rows that agree than rows"
            raise ValueError(message)
        return self


class Labelled(Fact):
    """Answers whose truth came in later: how many were right, or how far off they were."""

    rows: Count
    correct: Count | None = None
    """Of classes: rows with the right label."""
    absolute_error: Counts | None = None
    """Of numbers: |answer - truth| in units of 1e-6, in bins as those of latency."""

    @model_validator(mode="after")
    def _one_kind(self) -> Labelled:
        if (self.correct is None) == (self.absolute_error is None):
            message = "has either `correct` or `absolute_error`"
            raise ValueError(message)
        errors = self.absolute_error
        whole = (self.correct or 0) <= self.rows if errors is None else sum(errors) == self.rows
        if not whole or (errors is not None and len(errors) != latencies.BINS):
            message = f"has each of `rows` once: right or wrong, or in one of {latencies.BINS} bins"
            raise ValueError(message)
        return self


class Snapshot(Fact):
    """All totals of one process of a server."""

    process: str
    """Random for each process: another value means that it was restarted."""
    version: str
    digest: str
    requests: Count
    """Answered or failed; without those that were refused for the client's fault (4xx)."""
    errors: dict[str, Count] = Field(default_factory=dict)
    """The server's fault, by kind: `internal`, `not_finite`, `timeout`, `overload`. Each is also
    one of `requests`."""
    refused: Count = 0
    """4xx."""
    latency: Counts = (0,) * latencies.BINS
    """From the entry of the ASGI app until the answer was handed over; see `rollout.latency`."""
    predictions: dict[str, Counted] = Field(default_factory=dict)
    """By output column, as profile.json calls it."""
    shadow: Shadowed | None = None
    """Of a server that sends copies: the stable one's."""
    labelled: Labelled | None = None
    memory: Count = 0
    """Resident set size in bytes."""

    @model_validator(mode="after")
    def _all_bins(self) -> Snapshot:
        if len(self.latency) != latencies.BINS:
            message = f"has {len(self.latency)} bins of latency, not {latencies.BINS}"
            raise ValueError(message)
        return self
