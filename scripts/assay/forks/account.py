"""What the report may say on whose word: computed here, only reported, or contradicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay import verdict
from assay.config import Config
from assay.forks import UntrustedError, hostile, quoted, recompute, rules
from assay.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.forks.source import UntrustedRun
    from assay.record import RunRecord

MOST = 20
"""Differences that a report lists."""
_IDENTITY = "Pull request, commit and branches, as GitHub names them."
_REPORTED = (
    "Metrics, intervals and p-values, of base too.",
    "Results of the data's checks, of tests and of training.",
    "Changes of parameters, data, code and packages, and all names.",
)


def unusable(record: RunRecord, run: UntrustedRun, problem: UntrustedError) -> RunRecord:
    """The record of a run whose own cannot be used."""
    return _vouched(hostile.refused(record, problem), run, verified=(_IDENTITY,))


def judged(
    record: RunRecord, base: Config | None, path: str, run: UntrustedRun, said: tuple[str, ...]
) -> RunRecord:
    """The record with everything that can be decided again decided by base's rules.

    Args:
        record: Of certain identity; the rest is the untrusted run's.
        base: The rules of base; `None` where it has none.
        path: Their file.
        run: The untrusted run.
        said: What contradicts GitHub already.
    """
    claimed = verdict.decide(record)
    own = record.config
    mended, wrong = recompute.sound(record)
    held = rules.harmless(base or Config())
    decided, unanswered = recompute.judged(mended, held)
    differences = [*said, *_changed(base, own, path), *wrong, *unanswered]
    differences += recompute.contradictions(record)
    differences += _dropped_plots(record)
    found = verdict.decide(decided)
    if found.outcome != claimed.outcome:
        told = f"By its own record this run is {quoted(claimed.outcome)}"
        differences.append(f"{told}, by what is decided here {quoted(found.outcome)}.")
    at = f"`{path}` of base (`{(record.ci.base_sha or '')[:7]}`)"
    verified = (
        _IDENTITY,
        f"Gates, changes and the verdict: decided again by {at}, from the numbers reported.",
    )
    return _vouched(
        _without_plots(decided), run, verified=verified, reported=_REPORTED, said=differences
    )


def with_words(record: RunRecord, claimed: RunRecord) -> RunRecord:
    """The record with a word on each acceptance that the untrusted run claims and nobody gave."""
    gates = record.compare.gates if record.compare else ()
    heard = {(word.who, word.url) for word in record.overrides}
    forged = [
        word for word in claimed.overrides if not word.refused and (word.who, word.url) not in heard
    ]
    if not forged or record.provenance is None or not any(gate.stops for gate in gates):
        return record  # where no gate stops the run nobody is asked
    told = (
        f"The record says that {quoted(word.who)} accepted {quoted(word.gate)}; GitHub does not."
        for word in forged
    )
    return _with(record, record.provenance, told)


def _changed(base: Config | None, own: Config, path: str) -> Iterator[str]:
    """That the pull request has other rules, and what they would say is not asked."""
    if base is None:
        yield f"Base has no `{path}`, so no gate is decided: the rules here are the pull request's."
        return
    changed = rules.changes(base, own)
    if changed:
        yield f"This pull request changes the rules in `{path}`; it is judged by base's."
        yield from changed


def _dropped_plots(record: RunRecord) -> Iterator[str]:
    count = len(record.evaluate.plots) if record.evaluate else 0
    if count:
        yield f"{count:,} plots of `dvc.yaml` are left out: files of the run are not opened here."


def _without_plots(record: RunRecord) -> RunRecord:
    if record.evaluate is None or not record.evaluate.plots:
        return record
    evaluate = record.evaluate.model_copy(update={"plots": ()})
    return record.model_copy(update={"evaluate": evaluate})


def _vouched(
    record: RunRecord,
    run: UntrustedRun,
    *,
    verified: tuple[str, ...],
    reported: tuple[str, ...] = (),
    said: list[str] | None = None,
) -> RunRecord:
    provenance = Provenance(run_url=run.url, verified=verified, reported=reported)
    return _with(record, provenance, said or ())


def _with(record: RunRecord, provenance: Provenance, said: Iterable[str]) -> RunRecord:
    told = list(dict.fromkeys([*provenance.differences, *said]))
    more = len(told) - MOST
    if more > 0:
        told = [*told[: MOST - 1], f"{more + 1:,} more differences."]
    found = provenance.model_copy(update={"differences": tuple(told)})
    return record.model_copy(update={"provenance": found})
