"""A bundle as one file: the same bytes for the same bundle, and nothing else is taken for one."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
import zstandard
from assay.errors import OutsideError
from assay.packaging import archive, bundle
from assay.packaging.bundle import BundleError
from assay.packaging.manifest import FILE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.packaging.bundles import FILES, made, manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEAL = 40


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return archive.pack(made(tmp_path / "made"), tmp_path / "bundle.tar.zst")


def refused(content: bytes, folder: Path) -> str:
    """Why these bytes are not unpacked; nothing of them is left."""
    folder.mkdir(exist_ok=True)
    path = folder / "other.tar.zst"
    path.write_bytes(content)
    target = folder / "target"
    target.mkdir(exist_ok=True)
    with pytest.raises(BundleError) as caught:
        archive.unpack(path, target)
    assert caught.value.exit_code == 2
    assert list(target.iterdir()) == []
    return caught.value.message


def sealed(tar: bytes) -> bytes:
    """An archive as somebody makes it who knows how: compressed, and with the right seal."""
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(tar)
    return frame + bytes.fromhex("502a4d1820000000") + hashlib.sha256(frame).digest()


def tar_of(packed: Path) -> bytes:
    with packed.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read()


def tar_with(add: Callable[[tarfile.TarFile], None], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        add(tar)
    return buffer.getvalue()


def entry(path: str, content: bytes = b"", **attributes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(path)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def test_a_bundle_comes_back(packed: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    found = archive.unpack(packed, target)
    assert list(bundle.damage(found)) == []
    assert {path.name for path in target.iterdir()} == {found.folder.name}
    assert {one: (found.folder / one).read_bytes() for one in FILES} == FILES
    again = archive.pack(found, tmp_path / "again.tar.zst")
    assert again.read_bytes() == packed.read_bytes()


def test_same_bundle_same_bytes(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    before = os.umask(0o077)
    try:
        other = archive.pack(made(tmp_path / "elsewhere"), tmp_path / "other.tar.zst")
    finally:
        os.umask(before)
    assert other.read_bytes() == packed.read_bytes()


@pytest.mark.needs("zstd")
def test_others_unpack_it(packed: Path, tmp_path: Path) -> None:
    """The programs `zstd` and `tar`, as the oracle of the format."""
    plain = subprocess.run(["zstd", "-dc", packed], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-xf", "-", "-C", tmp_path], input=plain, check=True)
    (folder,) = tmp_path.glob("peak-hour-*")
    assert list(bundle.damage(bundle.read(folder))) == []
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        facts = {(one.uid, one.gid, one.uname, one.mode, one.mtime) for one in tar}
    assert facts == {(0, 0, "", 0o644, 1_795_167_000)}


def test_a_flipped_byte_is_refused_wherever_it_is(packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    for at in range(0, len(content), 3):
        flipped = content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]
        assert refused(flipped, tmp_path / "flipped"), at


def test_every_flipped_bit_of_the_headers_and_the_seal_is_refused(
    packed: Path, tmp_path: Path
) -> None:
    content = packed.read_bytes()
    for at in (*range(12), *range(len(content) - SEAL - 5, len(content) - SEAL + 12)):
        for bit in range(8):
            flipped = content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]
            assert "damaged" in refused(flipped, tmp_path / "flipped"), (at, bit)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_cut_grown_or_joined_is_refused(packed: Path, tmp_path: Path, data: object) -> None:
    content = packed.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))  # type: ignore[attr-defined] # of hypothesis
    more = data.draw(st.binary(min_size=1, max_size=50))  # type: ignore[attr-defined] # likewise
    for changed in (content[:at], content + more, content[:at] + more + content[at:]):
        assert "damaged" in refused(changed, tmp_path / "changed")


@pytest.mark.parametrize("content", [b"", b"x" * 39, b"PK\3\4" * 100])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    assert "is damaged, or is no bundle" in refused(content, tmp_path)


def test_two_frames_and_content_behind_the_end(packed: Path, tmp_path: Path) -> None:
    plain = tar_of(packed)
    assert "damaged" in refused(sealed(plain + b"\0"), tmp_path)
    assert "damaged" in refused(sealed(plain[:-512]), tmp_path)
    assert "damaged" in refused(sealed(plain[:-1] + b"x"), tmp_path)
    frame = sealed(plain)[:-SEAL]
    both = frame + frame
    seal = bytes.fromhex("502a4d1820000000") + hashlib.sha256(both).digest()
    assert "damaged" in refused(both + seal, tmp_path)


def test_padding_that_is_not_empty(packed: Path, tmp_path: Path) -> None:
    plain = bytearray(tar_of(packed))
    at = plain.index(b"BSD") + 5
    plain[at] = 1
    assert "damaged" in refused(sealed(bytes(plain)), tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "a/../../x", "/etc/x", "a/./x", "a//x", "x", "a/b\\..\\x", "./x"),
        # As Windows reads them: of a drive, a stream, a device, the same as another.
        *("C:/x", "a/x:stream", "a/CON", "a/nul.txt", "a/com1/x", "a/x.", "a/x ", "a. /x"),
        *("a/x\n::error::", "a/\x1b[31mx", "a/x\x7f"),
    ],
)
def test_paths_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    tar = tar_with(lambda tar: tar.addfile(entry(name, b"1")[0], io.BytesIO(b"1")))
    assert "which no bundle holds" in refused(sealed(tar), tmp_path)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_devices_and_folders(tmp_path: Path, kind: bytes) -> None:
    info, _ = entry("a/b", type=kind, linkname="/etc/passwd", mode=0o644)
    assert "which no bundle holds" in refused(sealed(tar_with(lambda t: t.addfile(info))), tmp_path)


@pytest.mark.parametrize(
    "attributes",
    [{"mode": 0o4755}, {"uid": 1}, {"uname": "root"}, {"mtime": 1.5}, {"name": "a/" + "b" * 120}],
)
def test_headers_that_we_do_not_write(tmp_path: Path, attributes: dict[str, object]) -> None:
    info, _ = entry("a/b", **{"mode": 0o644, **attributes})
    tar = tar_with(lambda tar: tar.addfile(info), kind=tarfile.PAX_FORMAT)
    assert "which no bundle holds" in refused(sealed(tar), tmp_path)


def test_duplicates_clashes_of_case_and_several_folders(tmp_path: Path) -> None:
    def twice(*names: str) -> bytes:
        def add(tar: tarfile.TarFile) -> None:
            for name in names:
                info, content = entry(name, b"1", mode=0o644)
                tar.addfile(info, io.BytesIO(content))

        plain = tar_with(add)
        return sealed(plain[: (len(names)) * 1024] + bytes(1024))

    assert "holds 'a/b' twice" in refused(twice("a/b", "a/b"), tmp_path)
    assert "holds 'a/B' twice" in refused(twice("a/b", "a/B"), tmp_path)
    assert "does not hold one folder" in refused(twice("a/b", "c/b"), tmp_path)
    assert "does not hold one folder" in refused(twice("a/b", "A/c"), tmp_path)
    assert "does not hold one folder" in refused(sealed(bytes(1024)), tmp_path)
    assert "other.tar.zst is no bundle: it has no manifest" in refused(twice("a/b"), tmp_path)
    assert "Input should be an object" in refused(twice("a/b", "a/manifest.json"), tmp_path)


def test_a_file_where_a_folder_is(tmp_path: Path) -> None:
    def add(tar: tarfile.TarFile) -> None:
        for name in ("a/b", "a/b/c"):
            tar.addfile(entry(name, mode=0o644)[0])

    plain = tar_with(add)[:1024] + bytes(1024)
    assert "holds 'a/b/c' in a file" in refused(sealed(plain), tmp_path)


def test_a_folder_that_is_not_called_as_its_manifest_is(packed: Path, tmp_path: Path) -> None:
    found = archive.unpack(packed, tmp_path)
    other = found.folder.rename(tmp_path / "other")
    again = archive.pack(bundle.read(other), tmp_path / "again.tar.zst")
    assert "holds the folder 'other'" in refused(again.read_bytes(), tmp_path / "in")


@pytest.mark.parametrize("limit", ["MOST_FILES", "LARGEST", "ROOM"])
def test_bombs_are_refused_before_they_are_written(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(archive, "MOST_TIMES", 0)
    monkeypatch.setattr(archive, limit, 1)
    assert "more than a bundle can" in refused(packed.read_bytes(), tmp_path)


def test_a_bomb_of_zeros(tmp_path: Path) -> None:
    size = 200_000_000
    info, _ = entry("a/b", mode=0o644)
    info.size = size
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    frame = compressor.compress(info.tobuf(tarfile.USTAR_FORMAT))
    for _ in range(20):
        frame += compressor.compress(bytes(1_000_000))
    frame += compressor.flush()
    whole = frame + bytes.fromhex("502a4d1820000000") + hashlib.sha256(frame).digest()
    assert len(whole) < 100_000
    assert "more than a bundle can" in refused(whole, tmp_path)


def test_what_we_would_not_unpack_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = bundle.write(tmp_path / "made", manifest(), {"licenses/LICENSE: ours": b""})
    with pytest.raises(BundleError, match="LICENSE: ours' cannot be packed: not every system"):
        archive.pack(written, tmp_path / "bundle.tar.zst")
    monkeypatch.setattr(archive, "ROOM", 100_000)
    zeros = bundle.write(tmp_path / "zeros", manifest(), {"model.onnx": bytes(1_000_000)})
    with pytest.raises(BundleError, match="archives that fill a disk look so") as caught:
        archive.pack(zeros, tmp_path / "bundle.tar.zst")
    assert "sparsify" in (caught.value.hint or "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "zeros"]


def test_full_disk(packed: Path, tmp_path: Path) -> None:
    found = bundle.read(next((tmp_path / "made").iterdir()))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "target"
    target.mkdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(OutsideError, match="cannot be written") as packing:
            archive.pack(found, target / "bundle.tar.zst")
        with pytest.raises(OutsideError, match="cannot be written") as unpacking:
            archive.unpack(packed, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (packing.value.exit_code, unpacking.value.exit_code) == (3, 3)
    assert list(target.iterdir()) == []


def test_nothing_there_and_nowhere_to_go(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no "):
        archive.unpack(tmp_path / "none.tar.zst", tmp_path)
    with pytest.raises(BundleError, match="cannot be read"):
        archive.unpack(tmp_path, tmp_path)
    with pytest.raises(OutsideError, match="cannot be written"):
        archive.unpack(packed, tmp_path / "none")
    with pytest.raises(OutsideError, match="cannot be written"):
        archive.pack(bundle.read(next((tmp_path / "made").iterdir())), tmp_path / "no" / "b.zst")


def test_paths_too_long_for_a_tar(tmp_path: Path) -> None:
    written = made(tmp_path)
    deep = written.folder / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    (deep / "f").write_bytes(b"")
    with pytest.raises(BundleError, match="paths of at most 255 bytes"):
        archive.pack(written, tmp_path / "b.tar.zst")
    assert not list(tmp_path.glob("*.zst*"))
    shutil.rmtree(deep)


def test_the_manifest_is_in_it(packed: Path) -> None:
    assert FILE.encode() in tar_of(packed)
