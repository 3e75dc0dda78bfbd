"""The journal: whole lines, torn lines, and lines of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from assay.rollout import history, journal
from assay.rollout.journal import Event, JournalError
from hypothesis import given
from hypothesis import strategies as st

from tests.rollout_target import V1, V2, V3

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(max_size=20)
EVENTS = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from(["begin", "intent", "done", "judged", "note", "end"]),
        rollout=st.sampled_from(["a", "b"]),
        time=st.floats(0, 2e9),
        what=TEXT,
        facts=st.dictionaries(TEXT, st.none() | st.integers() | TEXT, max_size=2),
    ),
    max_size=6,
    unique_by=lambda event: event.model_dump_json(),
)


@given(EVENTS, st.integers(0, 400))
def test_what_was_written_is_read_and_a_torn_end_is_told(events: list[Event], cut: int) -> None:
    data = b"".join(map(journal.line, events))
    torn = data[: max(0, len(data) - cut)]
    found, notes = journal.parse(torn)
    whole = torn.count(b"\n")
    # A line without its end may still be all there.
    assert found[:whole] == events[:whole]
    assert len(found) + len(notes) == whole + bool(torn.rpartition(b"\n")[2])
    assert all("is torn" in note for note in notes)


def test_after_a_torn_line_comes_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first, second = (Event(kind="note", rollout=name, time=1.0) for name in "ab")
    journal.append(path, first)
    with path.open("ab") as file:
        file.write(journal.line(second)[:20])
    journal.append(path, second)
    journal.append(path, second)
    assert journal.read(path) == (
        [first, second],
        [f"Line 2 of {path} is torn: whoever wrote it was killed meanwhile."],
    )


@pytest.mark.parametrize("line", ["[1]", '"x"', "{}", '{"format": 1, "kind": "else"}', "null"])
def test_lines_of_others_are_errors(line: str) -> None:
    with pytest.raises(JournalError, match="Line 1 of the journal is no event"):
        journal.parse(line.encode() + b"\n")


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be read: Is a directory"):
        journal.read(tmp_path)
    assert journal.read(tmp_path / "none") == ([], [])


def _event(kind: journal.Kind, rollout: str = "a", **facts: object) -> Event:
    return Event(kind=kind, rollout=rollout, time=0.0, facts=facts)


def test_what_is_unfinished() -> None:
    begin, end = _event("begin"), _event("end")
    assert journal.unfinished([]) is None
    assert journal.unfinished([begin]) == "a"
    assert journal.unfinished([begin, _event("end", "b")]) == "a"
    assert journal.unfinished([begin, end]) is None
    assert journal.unfinished([begin, end, _event("begin", "b")]) == "b"


def test_going_back_takes_what_was_above_away() -> None:
    events = [
        _event("done", step="promote", version=version.model_dump())
        for version in (V1, V2, V3, V2, V1, V3)
    ]
    found = [history.promotions(events[:count]) for count in range(1, 7)]
    assert found == [[V1], [V1, V2], [V1, V2, V3], [V1, V2], [V1], [V1, V3]]
    assert history.last_good(events[:3], V3, [V1, V3]) == V1
    assert history.last_good(events[:3], V3, [V3]) is None
    assert history.last_good([], V3, [V1]) is None


def test_a_long_journal_is_turned_over_and_forgets_no_promotion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LONG", 2000)
    path = tmp_path / "journal.jsonl"
    written: list[Event] = []
    for number, version in enumerate((V1, V2, V3) * 4):
        for event in (
            _event("begin", f"r{number}"),
            _event("judged", f"r{number}", verdict="x" * 300),
            _event("done", f"r{number}", step="promote", version=version.model_dump()),
            _event("end", f"r{number}"),
        ):
            written.append(event)
            journal.append(path, event)
    now = journal.read(path)[0]
    assert len(now) < len(written)
    assert history.promotions(now) == history.promotions(written)
    assert now[-4:] == written[-4:]
    old = sorted(tmp_path.glob("journal.*.jsonl"))
    assert len(old) >= 2
    kept = [event for one in (*old, path) for event in journal.read(one)[0]]
    assert all(event in kept for event in written)


def test_a_long_journal_of_an_unfinished_rollout_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LONG", 10)
    path = tmp_path / "journal.jsonl"
    events = [_event("begin"), _event("intent"), _event("done")]
    for event in events:
        journal.append(path, event)
    assert journal.read(path)[0] == events
