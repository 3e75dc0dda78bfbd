"""The prediction log: whole files, bounded queues, a disk that refuses."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from assay.errors import UsageError
from assay.packaging.facts import InputSpec, OutputSpec, Signature
from assay.packaging.profile import Categories, Numbers, Profile
from assay.serving import logfiles, predictiontable
from assay.serving.background import Background, Lines
from assay.serving.predictionlog import LogSettings, PredictionLog, recover
from assay.serving.predictiontable import Entry, Layout
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.packaging.bundles import SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TIME = datetime(2026, 11, 23, 23, 36, 17, 123456, UTC).timestamp()
COUNTED = "Rows are lost, and counted."
PROFILE = Profile(
    rows=10,
    features=(
        Numbers(name="hour", count=10, nulls=0),
        Numbers(name="temperature", count=10, nulls=1),
        Categories(name="season", count=10, nulls=0),
    ),
    predictions=(),
)


def layout_of(
    signature: Signature = SIGNATURE, profile: Profile | None = PROFILE, **given: Any
) -> Layout:
    return predictiontable.layout(
        signature, profile, model="peak-hour", version="v1.2.3", digest="d" * 64, **given
    )


def entry(ident: str = "one", rows: int = 1, *, size: int = 0) -> Entry:
    return Entry(
        id=ident,
        time=TIME,
        rows=rows,
        feeds={
            "hour": np.arange(rows).reshape(-1, 1),
            "temperature": np.full((rows, 1), np.nan),
            "season": np.full((rows, 1), "summer", object),
        },
        answers={"label": np.ones(rows, int), "probabilities": np.full((rows, 2), 0.5)},
        size=size,
    )


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """All rows of whole files, oldest first."""
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("predictions-*")):
        if path.suffix == ".parquet":
            found += pq.read_table(path).to_pylist()
        else:
            found += [json.loads(line) for line in path.read_text().splitlines()]
    return found


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_row_says_what_was_asked_and_answered(tmp_path: Path, form: Any) -> None:
    log = PredictionLog(LogSettings(tmp_path, form=form), layout_of())
    log.put(entry("a", 2))
    log.put(entry("b"))
    log.close()

    rows = sorted(rows_of(tmp_path), key=lambda row: (row["id"], row["row"]))

    assert [(row["id"], row["row"]) for row in rows] == [("a", 0), ("a", 1), ("b", 0)]
    when = rows[1].pop("time")
    told = when if form == "jsonl" else when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert told == "2026-11-23T23:36:17.123456Z"
    assert rows[1] == {
        "id": "a",
        "row": 1,
        "model": "peak-hour",
        "version": "v1.2.3",
        "digest": "d" * 64,
        "feature.hour": 1,
        "feature.temperature": None,
        "feature.season": "summer",
        "prediction.label": 1,
        "prediction.probabilities[0]": 0.5,
        "prediction.probabilities[1]": 0.5,
    }
    assert (log.written, log.dropped, log.lost) == (3, 0, 0)
    assert parts(tmp_path) == []


def test_a_parquet_file_has_the_documented_types(tmp_path: Path) -> None:
    log = PredictionLog(LogSettings(tmp_path, form="parquet"), layout_of())
    log.put(entry())
    log.close()

    (path,) = tmp_path.glob("*.parquet")

    types = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert types["time"] == "timestamp[us, tz=UTC]"
    assert (types["row"], types["id"]) == ("int32", "string")
    assert (types["feature.hour"], types["feature.season"]) == ("int64", "string")
    assert types["feature.temperature"] == "double"


@pytest.mark.parametrize(
    ("profile", "drop", "logged"),
    [
        (PROFILE, (), ["hour", "temperature", "season"]),
        (PROFILE, ("hour",), ["temperature", "season"]),
        # `assay package` leaves sensitive columns out of the profile.
        (PROFILE.model_copy(update={"features": PROFILE.features[:1]}), (), ["hour"]),
        (None, (), []),
    ],
)
def test_sensitive_columns_are_not_logged(
    profile: Profile | None, drop: tuple[str, ...], logged: list[str]
) -> None:
    found = layout_of(profile=profile, drop=drop)

    assert [one.column for one in found.features] == [f"feature.{name}" for name in logged]
    assert set(found.dropped) == {"hour", "temperature", "season"} - set(logged)


def test_a_name_that_is_mistyped_is_not_logged_instead() -> None:
    with pytest.raises(UsageError, match="no input 'huor'") as caught:
        layout_of(drop=["huor"])
    assert caught.value.hint == "It has `hour`, `temperature`, `season`."


@given(
    hour=st.integers(-(2**63), 2**63 - 1),
    temperature=st.floats(width=32) | st.floats(),
    season=st.text(st.characters(codec="utf-8")),
    label=st.booleans() | st.integers(0, 9),
    probability=st.floats(0, 1),
)
def test_lines_are_the_same_however_many_are_made_at_once(
    hour: int, temperature: float, season: str, label: int, probability: float
) -> None:
    one = entry()._replace(
        feeds={
            "hour": np.array([[hour]]),
            "temperature": np.array([[temperature]]),
            "season": np.array([[season]], object),
        },
        answers={"label": np.array([label]), "probabilities": np.array([[1, probability]])},
    )
    found = layout_of()

    def lines(*entries: Entry) -> list[bytes]:
        return list(predictiontable.lines(predictiontable.columns(found, entries)))

    (line,) = lines(one)
    assert lines(one, one._replace(id="two"), one) == [line, *lines(one._replace(id="two")), line]
    said = json.loads(line)
    assert (said["feature.hour"], said["feature.season"]) == (hour, season)
    assert said["prediction.probabilities[1]"] == probability


@pytest.mark.parametrize("rows", [1, 2])
def test_a_sensitive_value_does_not_even_enter_the_queue(tmp_path: Path, rows: int) -> None:
    log = PredictionLog(LogSettings(tmp_path), layout_of(drop=("season",)))
    log.put(entry(rows=rows))

    assert log._singles is not None
    waiting = [*log._singles._fresh, *log._queue]
    assert len(waiting) == 1
    assert "summer" not in repr(waiting)
    log.close()
    assert "summer" not in "".join(path.read_text() for path in tmp_path.iterdir())


MATRIX = Signature(
    task="regression",
    inputs=(InputSpec(name="X", dtype="float32", shape=(None, 2)),),
    outputs=(OutputSpec(name="value", meaning="value", dtype="float64", shape=(None, 1)),),
)


def test_columns_of_a_matrix_are_called_as_in_the_profile(tmp_path: Path) -> None:
    two = Profile(
        rows=1,
        features=(Numbers(name="0", count=1, nulls=0), Numbers(name="1", count=1, nulls=0)),
        predictions=(),
    )
    known = layout_of(MATRIX, two)
    less = layout_of(MATRIX, two.model_copy(update={"features": two.features[:1]}))

    assert [one.column for one in known.features] == ["feature.0", "feature.1"]
    # Which of them is the sensitive one, nobody can say.
    assert (less.features, less.dropped) == ((), ("X",))
    log = PredictionLog(LogSettings(tmp_path, form="parquet"), known)
    log.put(
        Entry("a", TIME, 1, {"X": np.array([[1, 2]], np.float32)}, {"value": np.array([[np.inf]])})
    )
    log.close()
    (row,) = rows_of(tmp_path)
    assert (row["feature.0"], row["feature.1"], row["prediction.value"]) == (1.0, 2.0, np.inf)


def test_a_full_queue_drops_and_counts_and_says_it_once(tmp_path: Path) -> None:
    said: list[str] = []
    log = PredictionLog(LogSettings(tmp_path), layout_of(), tell=said.append, most_waiting=1000)
    for _ in range(10):
        log.put(entry(size=200))
    log.flush(TIME)
    log.flush(TIME)

    assert (log.written, log.dropped) == (3, 7)
    assert said == ["The prediction log is behind: rows are left out of it, and counted."]
    log.put(entry(size=200))  # there is room again
    log.close()
    assert len(rows_of(tmp_path)) == 4


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_file_ends_by_size_and_by_time(tmp_path: Path, form: Any) -> None:
    settings = LogSettings(tmp_path, form=form, most_bytes=1, most_seconds=10)
    log = PredictionLog(settings, layout_of())
    for at in range(3):
        log.put(entry(str(at)))
        log.flush(TIME)
    assert [row["id"] for row in rows_of(tmp_path)] == ["0", "1", "2"]
    assert len(list(tmp_path.iterdir())) == 3

    log = PredictionLog(LogSettings(tmp_path, form=form, most_seconds=10), layout_of())
    log.put(entry("3"))
    log.flush(TIME)
    assert len(rows_of(tmp_path)) == 3
    log.flush(TIME + 10)
    assert len(rows_of(tmp_path)) == 4
    log.put(entry("4"))
    log.flush(TIME + 20)
    log.flush(TIME - 3600)  # a clock that was set back
    assert len(rows_of(tmp_path)) == 5
    assert parts(tmp_path) == []


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_full_disk_loses_rows_and_nothing_else(
    tmp_path: Path, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    settings = LogSettings(tmp_path, form=form, most_seconds=1)
    log = PredictionLog(settings, layout_of(), tell=said.append)
    log.put(entry("before"))
    log.flush(TIME)
    log.flush(TIME + 1)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(logfiles.os, "write", full)
        patched.setattr(logfiles.os, "fsync", full)
        for at in range(3):
            log.put(entry(f"lost {at}"))
            log.flush(TIME + 2 + at)
            log.flush(TIME + 10)
    log.put(entry("after"))
    log.flush(TIME + 100)
    log.close()

    assert [row["id"] for row in rows_of(tmp_path)] == ["before", "after"]
    assert (log.written, log.lost) == (2, 3)
    assert said == [
        f"The prediction log cannot be written: {os.strerror(errno.ENOSPC)}. {COUNTED}",
        "The prediction log is written again.",
    ]
    assert parts(tmp_path) == []


def test_every_row_is_counted_once_when_a_row_group_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfiles, "GROUP", 4)
    log = PredictionLog(LogSettings(tmp_path, form="parquet"), layout_of(), tell=lambda _: None)
    log.put(entry("a", 3))
    log.flush(TIME)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", full)
        log.put(entry("b", 3))
        log.flush(TIME)
    log.put(entry("c", 3))
    log.flush(TIME + 60)
    log.close()

    assert (log.written, log.lost, log.dropped) == (3, 6, 0)
    assert {row["id"] for row in rows_of(tmp_path)} == {"c"}
    assert parts(tmp_path) == []


def test_a_line_that_is_cut_by_a_full_disk_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = logfiles.opened("jsonl", tmp_path / ".x.part", layout_of())
    found = predictiontable.columns(layout_of(), [entry()])
    file.add(found)
    real = os.write

    def half(fd: int, content: bytes) -> int:
        if len(content) < 50:
            raise OSError(errno.ENOSPC, "full")
        return real(fd, content[: len(content) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(logfiles.os, "write", half)
        with pytest.raises(OSError, match="full"):
            file.add(found)
    file.add(found)
    file.finish(tmp_path / "predictions-x.jsonl")

    assert len(rows_of(tmp_path)) == 2


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "file").write_text("")
    log = PredictionLog(LogSettings(tmp_path / "file/log"), layout_of(), tell=said.append)
    log.put(entry())
    log.flush(TIME)
    log.close()

    assert (log.written, log.lost) == (0, 1)
    assert len(said) == 1
    assert "cannot be written: Not a directory" in said[0]


def test_a_row_that_cannot_be_written_is_lost_alone(tmp_path: Path) -> None:
    said: list[str] = []
    log = PredictionLog(LogSettings(tmp_path), layout_of(), tell=said.append)
    log.put(entry("\ud800"))
    log.flush(TIME)
    log.put(entry("good"))
    log.close()

    assert [row["id"] for row in rows_of(tmp_path)] == ["good"]
    assert (log.lost, len(said)) == (1, 1)


@given(share=st.floats(0, 1), count=st.integers(1, 200))
def test_two_versions_log_the_same_requests(
    share: float, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    taken = []
    for _ in range(2):
        log = PredictionLog(LogSettings(folder, share=share), layout_of())
        for at in range(count):
            log.put(entry(f"7f3a9c-{at:x}"))
        assert log._singles is not None
        text = log._singles.take()
        taken.append([json.loads(one)["id"] for one in text.content.splitlines()])
        assert len(taken[-1]) == text.lines
    assert taken[0] == taken[1]
    if share in (0.0, 1.0):
        assert len(taken[0]) == count * share


def test_half_the_requests_are_about_half(tmp_path: Path) -> None:
    log = PredictionLog(LogSettings(tmp_path, share=0.5), layout_of())
    for at in range(10_000):
        log.put(entry(f"7f3a9c-{at:x}"))

    assert log._singles is not None
    assert 4800 < len(log._singles) < 5200


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_one_look_at_a_queue_empties_it(tmp_path: Path, form: Any) -> None:
    log = PredictionLog(LogSettings(tmp_path, form=form), layout_of())
    for at in range(200):
        log.put(entry(f"{at}", 1 if at % 2 else 300))
    log.flush(TIME)

    assert log.written == 100 + 100 * 300
    log.close()
    ids = [row["id"] for row in rows_of(tmp_path)]
    assert sorted(set(ids), key=int) == [f"{at}" for at in range(200)]


def test_one_text_that_is_no_unicode_costs_no_other_row(tmp_path: Path) -> None:
    said: list[str] = []
    log = PredictionLog(LogSettings(tmp_path), layout_of(), tell=said.append)
    for at in range(100):
        log.put(entry("\ud800" if at == 10 else str(at)))
    log.close()

    assert len(rows_of(tmp_path)) == log.written == 99
    assert (log.lost, len(said)) == (1, 1)


def test_no_line_is_lost_or_there_twice_with_two_threads() -> None:
    queue: Lines[int] = Lines(lambda some: [b"%d\n" % one for one in some])
    taken: list[bytes] = []
    end = threading.Event()

    def take() -> None:
        while not end.is_set():
            taken.extend(queue.take().content.splitlines())
        taken.extend(queue.take().content.splitlines())

    thread = threading.Thread(target=take)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        for at in range(20_000):
            queue.put(at)
        end.set()
        thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert sorted(map(int, taken)) == list(range(20_000))
    assert len(queue) == 0


KILLED = """
import os, sys
from pathlib import Path
from assay.serving.predictionlog import LogSettings, PredictionLog
from tests.unit.serving.test_serving_predictionlog import TIME, entry, layout_of
log = PredictionLog(LogSettings(Path(sys.argv[1]), form=sys.argv[2]), layout_of())
for at in range(3):
    log.put(entry(str(at)))
log.flush(TIME)
with open(next(Path(sys.argv[1]).glob(".*.part")), "ab") as file:
    file.write(b'{"id": "cut')
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(("form", "left"), [("jsonl", 3), ("parquet", 0)])
def test_what_a_killed_server_left_is_made_whole(tmp_path: Path, form: str, left: int) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), form], check=False)
    assert len(parts(tmp_path)) == 1

    assert recover(tmp_path) == (1 if left else 0)

    assert len(rows_of(tmp_path)) == left
    assert parts(tmp_path) == []


def test_a_part_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    log = PredictionLog(LogSettings(tmp_path), layout_of())
    log.put(entry())
    log.flush(TIME)

    assert recover(tmp_path) == 0

    assert len(parts(tmp_path)) == 1
    log.close()
    assert len(rows_of(tmp_path)) == 1


def test_one_sink_s_defect_does_not_end_the_other(capfd: pytest.CaptureFixture[str]) -> None:
    ended: list[str] = []

    class Sink:
        def __init__(self, do: Callable[[], object]) -> None:
            self.do = do

        def flush(self, now: float) -> None:
            self.do()

        def close(self) -> None:
            self.do()
            ended.append("closed")

    background = Background([Sink(lambda: 1 / 0), Sink(lambda: None)], tick=0.001)
    background.start()

    assert background.close()
    assert ended == ["closed"]
    assert capfd.readouterr().err.count("ZeroDivisionError") == 1
