"""The room that is kept for a way back: a forward step of before has not used it up."""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

import pytest
from assay.rollout.host import bundles, room
from assay.rollout.host.layout import Layout
from assay.rollout.host.settings import Trusted
from assay.rollout.targets.base import PlaceError, VersionId

if TYPE_CHECKING:
    from pathlib import Path

PLENTY = 1 << 40


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    place = Layout(tmp_path)
    place.make()
    free = {"bytes": PLENTY}
    monkeypatch.setattr(room, "_free", lambda _: free["bytes"])
    room.keep(place)
    free["bytes"] = 0
    return place


def _size(place: Layout) -> int:
    return place.reserve.stat().st_size


def test_a_full_disk_gets_it_piece_by_piece(place: Layout) -> None:
    sizes = [_size(place)]
    for _ in range(40):
        room.use(place)
        sizes.append(_size(place))
    steps = [before - after for before, after in itertools.pairwise(sizes)]
    assert sizes[0] == room.RESERVE
    assert all(4096 * 5 <= step <= 40_000 for step in steps[:30]), "for 30 changes, one each"
    assert sizes[-1] == 0


def test_where_there_is_room_it_stays(place: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_free", lambda _: 100_000)
    room.use(place)
    assert _size(place) == room.RESERVE


def test_what_was_used_is_kept_anew_in_good_times(
    place: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.use(place)
    room.keep(place)
    assert _size(place) < room.RESERVE, "the disk is still full"
    monkeypatch.setattr(room, "_free", lambda _: PLENTY)
    room.keep(place)
    assert _size(place) == room.RESERVE


def test_nothing_was_ever_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_free", lambda _: 0)
    room.use(Layout(tmp_path))
    assert not Layout(tmp_path).reserve.exists()


def test_a_folder_that_does_not_fit_says_why(place: Layout) -> None:
    """`copytree` collects its errors, and has no words of its own."""
    version = VersionId(name="bikes", version="v1.0.0", digest="a" * 64)

    def receive(*_: object) -> Path:
        error = OSError(28, "No space left on device")
        raise shutil.Error([("from", "to", str(error)), ("a", "b", str(error))])

    with (
        pytest.raises(PlaceError) as caught,
        bundles.checked(place, place.folder, version, Trusted(), receive),
    ):
        pass
    assert caught.value.message == "bikes@v1.0.0 was not taken: No space left on device."
    assert "Make room on the host's disk" in (caught.value.hint or "")
