"""Promises over files, as the sources of a contract read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from assay.contract import relations, sources

from tests.unit.contract.tables import NOW, spec

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.schema import Backend
    from assay.contract.sources.base import Source

PROMISES = """{
  label: y, key: id,
  disjoint_from: train, disjoint_on: user,
  references: [{columns: country, to: countries, to_columns: code}],
  fresh: {column: at, within: 2 days},
  rows: {min: 9, max_drop: 0.1},
  labels: {classes: [0, 1], conflicting: 0, features: [x]},
  expect: {reference: base, columns: {x: {ks: 0.1, psi: 0.1, null_share_within: 0.1}}},
}"""

ORDERS = pd.DataFrame(
    {
        "id": range(8),
        "user": [1, 2, 3, 4, 5, 6, 7, 8],
        "country": ["de", "fr", None, "xx", "de", "it", "it", "fr"],
        "at": [f"2026-11-{day:02d}T10:00:00Z" for day in range(10, 18)],
        "x": [0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, None],
        "y": [0, 1, 1, 0, 2, 1, 0, 0],
    }
)
TABLES = {
    "orders": ORDERS,
    "train": pd.DataFrame({"user": [3, 30]}),
    "countries": pd.DataFrame({"code": ["de", "fr", "it"]}),
    "base": pd.concat([ORDERS.assign(x=range(8)), ORDERS.assign(x=range(10, 18))]),
}


@pytest.mark.parametrize("backend", ["pandas", "polars"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_all_promises_over_files(tmp_path: Path, suffix: str, backend: Backend) -> None:
    for name, frame in TABLES.items():
        path = tmp_path / f"{name}{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)

    def opened(name: str) -> Source:
        path = tmp_path / f"{name}{suffix}"
        return sources.open_source(path, shown=path.name, private=False)

    source, base = opened("orders"), opened("base")
    try:
        found = relations.findings(
            source,
            spec(PROMISES),
            number=0,
            backend=backend,
            others=opened,
            base=relations.BaseFacts(rows=len(TABLES["base"]), source=base),
            now=NOW,
            sensitive=(),
        )
    finally:
        source.close()
        base.close()
    assert [(one.check, one.column, one.count, one.examples[:1]) for one in found.failures] == [
        ("disjoint_on('user', 'train')", "user", 1, ("row 2: 3",)),
        ("references('countries', 'code')", "country", 1, ("row 3: 'xx'",)),
        (
            "fresh(within='2 days')",
            "at",
            1,
            ("newest 2026-11-17 10:00:00 UTC, 6 days old",),
        ),
        ("rows(min=9)", None, 1, ("8 rows",)),
        ("rows(max_drop=0.1)", None, 1, ("8 rows, base has 16",)),
        ("label_classes([0, 1])", "y", 1, ("row 4: 2",)),
        ("label_conflicts(max=0)", "y", 2, ("row 0: 0",)),
        ("expect(null_share_within=0.1)", "x", 1, ("12.5 % null, reference 0 %",)),
        ("expect(psi=0.1)", "x", 1, (found.failures[8].examples[0],)),
        ("expect(ks=0.1)", "x", 1, ("ks is 0.625",)),
    ]
    assert found.positions[:2] == ((2,), (3,))
    assert found.positions[5:7] == ((4,), (0, 1))
