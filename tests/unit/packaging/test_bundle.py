"""A bundle on disk: whole or not there, and every changed byte is found."""

from __future__ import annotations

import os
import resource
import shutil
from typing import TYPE_CHECKING

import pytest
from assay.errors import OutsideError
from assay.packaging import bundle
from assay.packaging.manifest import FILE

from tests.unit.packaging.bundles import FILES, made, manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def damage(made: bundle.Bundle) -> list[str]:
    """What a reader who comes later finds."""
    try:
        return list(bundle.damage(bundle.read(made.folder)))
    except bundle.BundleError as error:
        return [error.message]


@pytest.fixture
def small_files() -> Iterator[int]:
    """No file may grow beyond so many bytes: as on a full disk, a write fails half way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    yield 200
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_written_is_read_and_intact(tmp_path: Path) -> None:
    written = made(tmp_path)
    assert bundle.read(written.folder) == written
    assert damage(written) == []
    assert [entry.path for entry in written.manifest.files] == sorted(FILES)
    assert {path.name for path in tmp_path.iterdir()} == {f"peak-hour-{written.digest[:12]}"}
    assert written.digest == bundle.sha256(written.folder / FILE)


def test_files_are_copied_and_the_name_of_the_folder_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"content")
    one = bundle.write(
        tmp_path, manifest(name="team/peak_hour"), {"model.onnx": tmp_path / "there"}
    )
    assert one.folder.name == f"team-peak-hour-{one.digest[:12]}"
    assert (one.folder / "model.onnx").read_bytes() == b"content"


def test_same_inputs_same_bytes_wherever_and_whenever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(tmp_path / "one")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    before = os.umask(0o077)
    try:
        other = made(tmp_path / "deeper" / "two")
    finally:
        os.umask(before)
    assert one.folder.name == other.folder.name
    for path in (*FILES, FILE):
        assert (one.folder / path).read_bytes() == (other.folder / path).read_bytes()


def test_a_bundle_replaces_itself(tmp_path: Path) -> None:
    first = made(tmp_path)
    (first.folder / "model.onnx").write_bytes(b"other")
    assert damage(made(tmp_path)) == []


@pytest.mark.parametrize("path", [*(path for path in FILES if FILES[path]), FILE])
def test_one_flipped_byte_in_any_file_is_found(tmp_path: Path, path: str) -> None:
    written = made(tmp_path)
    target = written.folder / path
    content = target.read_bytes()
    # In the manifest the middle of a word, a number and a digest: it is JSON as before.
    for at in (0, len(content) // 2, len(content) - 1):
        target.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert damage(written)
    target.write_bytes(content)
    assert damage(written) == []


def test_a_number_of_the_manifest_is_changed(tmp_path: Path) -> None:
    written = made(tmp_path)
    text = (written.folder / FILE).read_text()
    (written.folder / FILE).write_text(text.replace("0.8795,", "0.9795,"))
    (found,) = damage(written)
    assert "The folder is not called peak-hour-" in found


def test_files_missing_added_grown_and_linked(tmp_path: Path) -> None:
    written = made(tmp_path)
    folder = written.folder
    (folder / "empty").unlink()
    (folder / "parity.json").write_bytes(b"{}\n ")
    (folder / "added").write_bytes(b"")
    (folder / "model.sig.py").write_bytes(b"")
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    moved = folder / "licenses" / "numpy.txt"
    shutil.copy(moved, tmp_path / "elsewhere")
    moved.unlink()
    moved.symlink_to(tmp_path / "elsewhere")
    assert damage(written) == [
        "empty is missing.",
        "parity.json is not the file that was packaged: its SHA-256 differs.",
        "added is not listed in manifest.json.",
        "licenses/numpy.txt is a link or a device; a bundle holds the file itself.",
        "link is a link or a device; a bundle holds the file itself.",
        "model.sig.py is not listed in manifest.json.",
        "pipe is a link or a device; a bundle holds the file itself.",
    ]


def test_a_folder_that_is_a_link_hides_nothing(tmp_path: Path) -> None:
    written = made(tmp_path)
    (written.folder / "licenses").rename(tmp_path / "licenses")
    (written.folder / "licenses").symlink_to(tmp_path / "licenses")
    assert damage(written) == [
        "licenses/numpy.txt is missing.",
        "licenses is a link or a device; a bundle holds the file itself.",
    ]


def test_what_vouches_for_a_bundle_is_no_part_of_it(tmp_path: Path) -> None:
    written = made(tmp_path)
    (written.folder / "attestations").mkdir()
    (written.folder / "attestations" / "provenance.json").write_bytes(b"{}")
    (written.folder / "model.sig").write_bytes(b"{}")
    assert damage(written) == []
    (written.folder / "attestations" / "other.json").write_bytes(b"{}")
    assert damage(written) == ["attestations/other.json is not listed in manifest.json."]
    (written.folder / "attestations" / "other.json").unlink()
    (written.folder / "attestations" / "link").symlink_to("/etc/passwd")
    assert damage(written) == [
        "attestations/link is a link or a device; a bundle holds the file itself."
    ]


def test_a_manifest_without_its_model_or_with_a_file_twice(tmp_path: Path) -> None:
    written = made(tmp_path, model="model.skops")
    assert damage(written) == ["The model, model.skops, is not listed in manifest.json."]
    entry = written.manifest.files[0]
    again = entry.model_copy(update={"path": entry.path.upper()})
    twice = written.manifest.model_copy(update={"files": (*written.manifest.files, again)})
    found = list(bundle.damage(bundle.Bundle(written.folder, twice, written.digest)))
    assert "manifest.json lists a file twice." in found


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "licenses/../../outside"])
def test_a_manifest_that_lists_what_lies_elsewhere(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_bytes(b"")
    written = made(tmp_path / "bundles")
    entry = written.manifest.files[0].model_copy(update={"path": path})
    listed = written.manifest.model_copy(update={"files": (*written.manifest.files, entry)})
    found = list(bundle.damage(bundle.Bundle(written.folder, listed, written.digest)))
    assert found == [f"{path} is missing."]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"format": 1', '"format": 2', "`format`: Input should be 1"),
        ('"format": 1', '"format": 1,\n "later": 1', "`later`: Extra inputs are not permitted"),
        ('"name": "peak-hour",', "", "`name`: Field required"),
        ('"kind": "onnx"', '"kind": "pickle"', "`kind`"),
        ("{", "", "Invalid JSON"),
        ("2026-11-20T09:30:00+00:00", "not a date", "`source.committed`: Value error, Invalid iso"),
        ("2026-11-20T09:30:00+00:00", "2026-11-20", "`source.committed`: Value error, no time of"),
        ("2026-11-20T09:30:00+00:00", "9999-01-01T00:00:00+00:00", "Value error, no time of"),
        ("2026-11-20T09:30:00+00:00", "1900-01-01T00:00:00+00:00", "Value error, no time of"),
        ("0.8795", "NaN", "metrics.0.value"),
        ("\n", "\r\n\0", "Invalid JSON"),
    ],
)
def test_manifests_that_cannot_be_read(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = made(tmp_path).folder / FILE
    path.write_text(path.read_text().replace(old, new, 1), newline="")
    with pytest.raises(bundle.BundleError) as caught:
        bundle.read(path.parent)
    assert "is not a manifest that this version of Assay can read" in caught.value.message
    assert said in caught.value.message
    assert caught.value.exit_code == 2
    assert "A newer Assay" in (caught.value.hint or "")


def test_no_bundle_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(bundle.BundleError, match=r"is no bundle: it has no manifest\.json"):
        bundle.read(tmp_path)
    (tmp_path / FILE).symlink_to("/etc/hostname")
    with pytest.raises(bundle.BundleError, match="is no bundle"):
        bundle.read(tmp_path)
    written = made(tmp_path / "bundles")
    monkeypatch.setattr(bundle, "LARGEST_MANIFEST", 100)
    with pytest.raises(bundle.BundleError, match="larger than a manifest can be"):
        bundle.read(written.folder)


def test_a_full_disk_leaves_nothing(tmp_path: Path, small_files: int) -> None:
    (tmp_path / "before").write_bytes(b"")
    with pytest.raises(OutsideError, match="cannot be written") as caught:
        made(tmp_path)
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["before"]
    assert small_files < sum(map(len, FILES.values()))


def test_a_full_disk_leaves_the_bundle_before_it(tmp_path: Path) -> None:
    written = made(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(OutsideError):
            made(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert damage(written) == []
