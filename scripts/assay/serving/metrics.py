"""What a server counts: plain whole numbers, read by `/metrics` and by `GET /assay/window`.

Values of features and predictions are kept as they came, and counted many at once: by one call of
NumPy for a hundred rows, which is a tenth of what each by itself would cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from assay.errors import UsageError
from assay.packaging.profile import Profile
from assay.rollout.latency import BINS as LATENCY_BINS
from assay.serving import bins, prometheus
from assay.serving.packed import stacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from assay.packaging.facts import Signature
    from assay.serving.app import App
    from assay.serving.hooks import Call
    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Answers, Feeds
    from assay.serving.settings import ServeSettings

_TOGETHER = 128
"""Rows that are counted at once: more would keep requests waiting that come meanwhile."""
_MOST_COLUMNS = 100
"""Columns whose distribution is counted; a table may have thousands."""
KINDS = ("internal", "not_finite", "timeout", "overload")


class Metrics:
    """The counts of one process.

    Args:
        loaded: The model, with the profile that it was tested with.
        settings: By whose edges predictions are counted.
    """

    def __init__(self, loaded: Loaded, settings: ServeSettings) -> None:
        self.requests: dict[tuple[str, int], int] = {}
        """By protocol and status."""
        self.errors = dict.fromkeys(KINDS, 0)
        self.answered = 0
        """Predictions that were answered, or failed by our fault."""
        self.refused = 0
        """Predictions that were refused for the client's fault."""
        self.rows = 0
        self.latency = [0] * LATENCY_BINS
        self.seconds = 0.0
        """Of all that `latency` counts."""
        profile = loaded.profile
        self.features = list(_counters(profile.features if profile else ()))
        if settings.bins is not None:
            profile = _read(settings.bins)
        self.predictions = list(_counters(profile.predictions if profile else ()))
        self._signature = loaded.signature
        self._waiting: list[tuple[Feeds, Answers]] = []
        self._rows_waiting = 0

    def observe(self, call: Call) -> None:
        """Count a request."""
        status = call.status
        key = (call.protocol, status)
        self.requests[key] = self.requests.get(key, 0) + 1
        if call.protocol == "http":
            return
        if 400 <= status < 500:
            self.refused += 1
            return
        self.answered += 1
        if status >= 500:
            self.errors[str(call.error)] += 1
        self.latency[bins.latency_bin(call.seconds)] += 1
        self.seconds += call.seconds
        request, answers = call.request, call.answers
        if request is not None and answers is not None:
            self.rows += request.rows
            self._waiting.append((request.feeds, answers))
            self._rows_waiting += request.rows
            if self._rows_waiting >= _TOGETHER:
                self.count()

    def count(self) -> None:
        """Count the values that wait."""
        waiting, self._waiting, self._rows_waiting = self._waiting, [], 0
        if not waiting:
            return
        if self.features:
            _add(self.features, dict(self._features([feeds for feeds, _ in waiting])))
        if self.predictions:
            found = dict(stacked([answers for _, answers in waiting]))
            _add(self.predictions, dict(_named(found, self._signature)))

    def _features(self, tables: list[Feeds]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Columns of feeds as profile.json calls them; a matrix has those of its table."""
        for name, values in stacked(tables):
            if values.shape[1] == 1:
                yield name, values[:, 0]
            elif values.shape[1] == len(self.features):
                for at, one in enumerate(self.features):
                    yield one.name, values[:, at]

    def text(self, app: App) -> str:
        """All of it, as Prometheus reads it."""
        self.count()
        return prometheus.text(self, app)


def _read(path: Path) -> Profile:
    try:
        return Profile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no profile"
        raise UsageError(
            f"{path} cannot be read ({what}): it should be the profile.json of a bundle.",
            hint="Give that of the version that predictions are compared with, as `--bins`.",
        ) from error


def _counters(columns: Iterable[Any]) -> Iterator[bins.Counter]:
    for one in list(columns)[:_MOST_COLUMNS]:
        yield bins.Counter(one)


def _add(counters: list[bins.Counter], columns: dict[str, NDArray[Any]]) -> None:
    for one in counters:
        values = columns.get(one.name)
        if values is not None:
            one.add(values)


def _named(
    answers: dict[str, NDArray[Any]], signature: Signature
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Columns of answers as profile.json calls them."""
    for name, values in answers.items():
        if values.ndim == 1:
            yield name, values
            continue
        classes = signature.classes or ()
        width = values.shape[1]
        marks = classes if len(classes) == width and name != "label" else range(width)
        for at, mark in enumerate(marks):
            yield f"{name}[{mark}]", values[:, at]
