"""Look at many cases; exit code 1 where the scan and Pandera differ."""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from multiprocessing import get_context

from tests.differential import generate
from tests.differential.sweep import Difference, Tally, sweep

# Those of PySpark are looked at by `make warehouses`.
_FLAVOURS = tuple(name for name in generate.MAKERS if name != "pyspark")
_CHUNK = 100
_SHOWN = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("flavours", nargs="*", help=f"of {', '.join(_FLAVOURS)}; all")
    parser.add_argument("--cases", type=int, default=2000, help="of each flavour")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; it counts up")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    total, begun = Tally(), time.monotonic()
    for flavour in options.flavours or _FLAVOURS:
        if flavour not in _FLAVOURS:
            parser.error(f"{flavour!r} is none of {', '.join(_FLAVOURS)}")
        tally = _sweep(flavour, options.seed, options.seed + options.cases, options.jobs)
        print(f"{flavour}: {tally}", flush=True)
        for check, count in tally.checks.most_common():
            print(f"    {check} failed in {count:,}")
        _show(tally.differences)
        total.add(tally)
    minutes, differ = (time.monotonic() - begun) / 60, len(total.differences)
    print(f"\n{total.cases:,} cases, {differ:,} differences, {minutes:.0f} minutes")
    return int(differ > 0)


def _sweep(flavour: str, first: int, end: int, jobs: int) -> Tally:
    chunks = [range(at, min(at + _CHUNK, end)) for at in range(first, end, _CHUNK)]
    total, begun = Tally(), time.monotonic()
    # A process lives for a few chunks: what libraries keep does not add up. (An executor with
    # `max_tasks_per_child` can wait forever: https://github.com/python/cpython/issues/115634.)
    with get_context("spawn").Pool(jobs, maxtasksperchild=50) as pool:
        for tally in pool.imap(partial(sweep, flavour), chunks):
            total.add(tally)
            passed = time.monotonic() - begun
            line = f"{flavour}: {total.cases:,} of {end - first:,} cases, {passed:.0f} s, "
            print(f"{line}{len(total.differences)} differences", file=sys.stderr, flush=True)
    return total


def _show(differences: list[Difference]) -> None:
    """One of each kind, made as small as it goes."""
    kinds: dict[str, list[Difference]] = {}
    for difference in differences:
        kinds.setdefault(difference.signature, []).append(difference)
    for kind, of_kind in sorted(kinds.items(), key=lambda item: -len(item[1]))[:_SHOWN]:
        print(f"\n== {len(of_kind)} x {kind}\n{of_kind[0].describe()}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
