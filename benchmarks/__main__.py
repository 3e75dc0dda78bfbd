"""`python -m benchmarks [NAME ...]`: measure, print the table, exit 1 where a number is missed."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks.harness import Bench, CommandFailedError, Row, remove, table

NOT_BENCHMARKS = {
    "__main__",
    "contract_data",
    "contract_peers",
    "harness",
    "package_sign",
    "rollout_load",
    "rollout_peers",
    "rollout_serving",
    "rollout_shifts",
    "rollout_traffic",
    "rollout_versions",
    "scratch",
}


def main(names: list[str]) -> int:
    known = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__))
    known = [name for name in known if name not in NOT_BENCHMARKS]
    if unknown := set(names) - set(known):
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
        return 2
    rows: list[Row] = []
    failed = False
    for name in names or known:
        print(f"== {name}", flush=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"assay-bench-{name}-"))
        bench = Bench(scratch)
        try:
            importlib.import_module(f"benchmarks.{name}").run(bench)
        except CommandFailedError as error:
            failed = True
            print(f"   {error}")
        finally:
            remove(scratch)
        rows += bench.rows
    print(f"\n{table(rows)}")
    return 0 if all(row.is_met for row in rows) and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
