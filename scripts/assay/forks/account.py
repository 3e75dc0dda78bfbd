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
_IDENTITY = "pull request, commit and branches, as GitHub names them"
_REPORTED = (
    "metrics, intervals and p-values, of base too",
    "results of the data's checks, of tests and of training",
    "changes of parameters, data, code and packages, and all names",
)
_PLOTS = "not shown: plots that `dvc.yaml` declares, for only the record of that run is opened"


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
    found = verdict.decide(decided)
    differences = []
    if found.outcome != claimed.outcome:
        told = f"By its own record this run is {quoted(claimed.outcome)}"
        differences.append(f"{told}, by what is decided here {quoted(found.outcome)}.")
    # The gravest first: a report may show the first few alone.
    differences += [*wrong, *recompute.contradictions(record), *unanswered]
    differences += [*said, *_changed(base, own, path)]
    at = f"`{path}` of base (`{(record.ci.base_sha or '')[:7]}`)"
    verified = (
        _IDENTITY,
        f"gates, changes and the verdict, decided again by {at} from the numbers reported",
    )
    shown, left_out = _without_plots(decided)
    reported = (*_REPORTED, *left_out)
    return _vouched(shown, run, verified=verified, reported=reported, said=differences)


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


def _without_plots(record: RunRecord) -> tuple[RunRecord, tuple[str, ...]]:
    """Without the plots of `dvc.yaml`, and a word on that where there are any."""
    if record.evaluate is None or not record.evaluate.plots:
        return record, ()
    evaluate = record.evaluate.model_copy(update={"plots": ()})
    return record.with_section("evaluate", evaluate), (_PLOTS,)


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
