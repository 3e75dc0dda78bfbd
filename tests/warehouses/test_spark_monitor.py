"""A prediction log that Spark reads is counted as DuckDB counts it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from assay.configmonitor import LogSpec
from assay.monitor import opening, scan
from assay.monitor.filerows import Duck
from assay.monitor.windows import Span
from assay.packaging.profile import Profile, column

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _log(rows: int = 2_000) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    heat = chance.normal(size=rows)
    heat[:50] = np.nan
    return pd.DataFrame(
        {
            "id": [f"r{place // 2}" for place in range(rows)],
            "row": (np.arange(rows) % 2).astype(np.int32),
            "time": [START + timedelta(minutes=int(place)) for place in range(rows)],
            "feature.heat": heat,
            "feature.kind": chance.choice(["a", "b", "é"], size=rows),
            "prediction.label": chance.integers(0, 2, size=rows),
        }
    )


def test_a_log_is_counted_as_duckdb_counts_it(spark, tmp_path):
    log = _log()
    reference = Profile(
        rows=len(log),
        features=(
            column("heat", log["feature.heat"] + 0.3, categorical=False),
            column("kind", log["feature.kind"], categorical=False),
        ),
        predictions=(column("label", log["prediction.label"], categorical=True),),
    )
    twice = pd.concat([log, log.head(30)])
    (tmp_path / "log").mkdir()
    for part, rows in enumerate(np.array_split(np.arange(len(twice)), 2)):
        twice.iloc[rows].to_parquet(
            tmp_path / f"log/{part}.parquet", index=False, coerce_timestamps="us"
        )
    found = []
    for engine in ("spark", "duckdb"):
        spec = LogSpec.model_validate({"path": "log/*.parquet", "engine": engine})
        opened = opening.opened(
            Duck(tmp_path), spec, root=tmp_path, environ={}, time="time", key=("monitor", "log")
        )
        with closing(opened) as rows:
            assert rows.first == START
            assert rows.odd(Span(START, START + DAY), START + DAY).ahead == len(log) - 1441
            table = scan.of_log(rows.of(Span(START, START + DAY)), reference)
            found.append(scan.profile(table, reference))
    assert found[0] == found[1]
    assert (found[0].rows, found[0].duplicates) == (1440, 30)
