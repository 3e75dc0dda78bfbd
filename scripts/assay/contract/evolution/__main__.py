"""Schemas of one revision described: `python -m assay.contract.evolution JOB RESULTS`.

In a process of its own, for the reasons that `assay.contract.__main__` gives; and since two
revisions of the user's modules have the same names. Both arguments are files: a `Wanted` as JSON,
and where one line of JSON is added for each `Described`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from assay.contract import schema, usercode
from assay.contract.evolution.describe import describe
from assay.contract.evolution.job import Described, Wanted
from assay.errors import AssayError
from assay.section import Reason


def main(job_file: Path, results: Path) -> None:
    """Describe each schema; what is known of one is on disk before the next is begun."""
    wanted = Wanted.model_validate_json(job_file.read_bytes())
    root = Path(wanted.root)
    with results.open("a", encoding="utf-8") as out, usercode.importable(root):
        for reference in wanted.references:
            print(described(reference, root).model_dump_json(), file=out, flush=True)


def described(reference: str, root: Path) -> Described:
    """One schema, or why it cannot be loaded."""
    try:
        found = describe(schema.load(reference, root))
    except AssayError as error:
        return Described(reference=reference, problem=Reason.of(error), exit_code=error.exit_code)
    return Described(reference=reference, description=found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
