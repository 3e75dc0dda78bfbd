"""A project that is watched: a bundle, a log of days, labels, and the stage that judges them.

The model is that of `serving_bundles`; what it says is computed as it computes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import yaml
from assay.packaging import bundle, kept
from assay.stages import monitor

from tests import serving_bundles
from tests.builders import make_context
from tests.unit.packaging import bundles

if TYPE_CHECKING:
    from pathlib import Path

    from assay.context import Context
    from assay.monitor.watched import MonitorSection
    from assay.packaging.bundle import Bundle
    from assay.packaging.manifest import MetricValue

FIRST = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""
ROWS = 900


def chance(asked: pd.DataFrame) -> np.ndarray:
    """(n,): the probability of class 1, by NumPy."""
    score = 0.4 * asked["hour"] + 0.1 * asked["temperature"].fillna(10.0)
    score = score + 0.9 * (asked["season"] == "summer") - 5.0
    return np.asarray(1 / (1 + np.exp(-score)))


def asked(rows: int = ROWS, seed: int = 0, **change: Any) -> pd.DataFrame:
    """What users ask; `change` adds to a number, or replaces a column."""
    random = np.random.default_rng(seed)
    temperature = random.normal(15, 8, rows).round(2)
    temperature[random.random(rows) < 0.05] = np.nan
    found = pd.DataFrame(
        {
            "hour": random.integers(0, 24, rows),
            "temperature": temperature,
            "season": random.choice(["autumn", "spring", "summer"], rows),
        }
    )
    for name, value in change.items():
        found[name] = found[name] + value if isinstance(value, float | int) else value
    return found


def log(
    day: int = 0, rows: int = ROWS, *, digest: str = "", seed: int | None = None, **change: Any
) -> pd.DataFrame:
    """The log of a day, as a server writes it."""
    given = asked(rows, day + 1 if seed is None else seed, **change)
    positive = chance(given)
    step = timedelta(days=1) / (rows + 1)
    frame = pd.DataFrame(
        {
            "id": [f"{day}-{number}" for number in range(rows)],
            "row": np.zeros(rows, dtype=np.int32),
            "time": pd.to_datetime(
                [FIRST + timedelta(days=day) + step * number for number in range(rows)], utc=True
            ).as_unit("us"),
            "digest": digest,
        }
    )
    for name in given:
        frame[f"feature.{name}"] = given[name]
    frame["prediction.label"] = (positive > 0.5).astype(int)
    frame["prediction.probabilities[0]"] = 1 - positive
    frame["prediction.probabilities[1]"] = positive
    return frame


def labels(logged: pd.DataFrame, *, wrong: float = 0.0, seed: int = 9) -> pd.DataFrame:
    """The truth of a log, of which a share is the other way round."""
    random = np.random.default_rng(seed)
    truth = random.random(len(logged)) < logged["prediction.probabilities[1]"]
    turned = random.random(len(logged)) < wrong
    return pd.DataFrame(
        {"id": logged["id"], "row": logged["row"], "truth": (truth ^ turned).astype(int)}
    )


def packaged(
    parent: Path, *, keeps: kept.Kept | None = None, metrics: tuple[MetricValue, ...] = ()
) -> Bundle:
    """A bundle with a profile; nobody asks its model."""
    profile = serving_bundles.profile().model_dump_json().encode()
    model = serving_bundles.model("good")
    files = {**bundles.FILES, "model.onnx": model, "profile.json": profile}
    if keeps is not None:
        files[kept.FILE] = keeps.model_dump_json().encode()
    manifest = bundles.manifest(metrics=metrics)
    return bundle.write(parent, manifest, files)


@dataclass(frozen=True)
class World:
    """A project on disk.

    Args:
        root: Its folder, with an empty `logs/`.
        made: The bundle of the version that is watched.
    """

    root: Path
    made: Bundle

    @property
    def digest(self) -> str:
        """Of the bundle."""
        return self.made.digest

    def day(self, day: int = 0, rows: int = ROWS, **change: Any) -> pd.DataFrame:
        """The log of a day of the version that is watched."""
        return log(day, rows, digest=self.digest, **change)

    def write(self, frame: pd.DataFrame, name: str = "") -> Path:
        """A file of the log."""
        path = self.root / "logs" / (name or f"{frame['id'].iloc[0]}.parquet")
        frame.to_parquet(path, index=False)
        return path

    def context(self, **monitor_: Any) -> Context:
        """The project, as the stage gets it."""
        spec = {"log": {"path": "logs/*.parquet"}, "alerts": {"issue": False}, **monitor_}
        return make_context(self.root, yaml.safe_dump({"monitor": spec}))

    def run(self, day: int = 0, **given: Any) -> MonitorSection:
        """Judge the window that a day is, and those before it."""
        until = FIRST + timedelta(days=day + 1)
        wish = monitor.Wish(until=until, bundle=self.made.folder, now=FIRST + timedelta(days=30))
        return monitor.run(self.context(**given), wish)
