"""Verifying a bundle: what is accepted, and that nothing else is."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import UsageError
from assay.packaging import archive, attest, bundle, signing, verify, vouching
from assay.packaging.manifest import GateResult
from assay.packaging.signing import KeySigner, KeyTrust
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.packaging.vouched import KEY, OTHER_KEY, RUN, made, onnx_model, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRUST = KeyTrust(KEY.public_key())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bundle.Bundle, bytes]:
    """A signed bundle, and its archive."""
    parent = tmp_path_factory.mktemp("whole")
    one = signed(parent)
    return one, archive.pack(one, parent / "bundle.tar.zst").read_bytes()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def refusals(path: Path, trust: signing.Trust | None = TRUST) -> dict[str, str]:
    verdict = verify.verify(path, trust)
    found = {check.name: check.detail for check in verdict.checks if check.result == "refused"}
    assert verdict.whole == (not found)
    assert all(check.hint for check in verdict.checks if check.result == "refused")
    return found


def test_a_bundle_that_is_what_it_says(tmp_path: Path) -> None:
    one = signed(tmp_path)
    packed = archive.pack(one, tmp_path / "bundle.tar.zst")
    for path in (one.folder, packed):
        verdict = verify.verify(path, TRUST)
        assert verdict.accepted
        assert [check.result for check in verdict.checks] == ["ok"] * 5
        assert (verdict.name, verdict.digest, verdict.commit) == (
            "peak-hour",
            one.digest,
            one.manifest.source.commit,
        )
        assert verdict.signer is not None
        # What was checked can be held against what is used.
        assert verdict.files == {
            file.relative_to(one.folder).as_posix(): bundle.sha256(file)
            for file in _files(one.folder)
        }
        assert max(len(line) for line in verify.text(verdict).splitlines()[1:]) <= 80
        assert json.loads(json.dumps(verdict.facts()))["accepted"] is True


@settings(max_examples=60)
@given(st.data())
def test_no_byte_of_a_folder_can_change(
    whole: tuple[bundle.Bundle, bytes], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(_files(whole[0].folder)))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    other = content[at] ^ data.draw(st.integers(1, 255))
    path.write_bytes(content[:at] + bytes([other]) + content[at + 1 :])
    try:
        assert refusals(whole[0].folder)
    finally:
        path.write_bytes(content)


@settings(max_examples=40)
@given(st.data())
def test_no_byte_of_an_archive_can_change(
    whole: tuple[bundle.Bundle, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    content = whole[1]
    at = data.draw(st.integers(0, len(content) - 1))
    other = content[at] ^ data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.tar.zst"
    path.write_bytes(content[:at] + bytes([other]) + content[at + 1 :])
    assert refusals(path)


@pytest.mark.parametrize("cut", [0, 1, 40, 1000])
def test_half_an_archive(whole: tuple[bundle.Bundle, bytes], tmp_path: Path, cut: int) -> None:
    path = tmp_path / "bundle.tar.zst"
    path.write_bytes(whole[1][:cut])
    assert "files" in refusals(path)


def _added(folder: Path) -> None:
    (folder / "serve.py").write_text("import os")


def _attached(folder: Path) -> None:
    (folder / "attestations" / "vsa.json").write_text("{}")


def _renamed(folder: Path) -> None:
    (folder / "README.md").rename(folder / "Readme.md")


def _twin(folder: Path) -> None:
    (folder / "MODEL.onnx").write_bytes(b"other")


def _accented(folder: Path) -> None:
    # Looks the same, and is another name.
    (folder / "README\N{COMBINING ACUTE ACCENT}.md").write_bytes(b"other")


def _linked(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to("/etc/hostname")


def _linked_signature(folder: Path) -> None:
    (folder / "model.sig").rename(folder.parent / "elsewhere")
    (folder / "model.sig").symlink_to(folder.parent / "elsewhere")


def _linked_folder(folder: Path) -> None:
    (folder / "attestations").rename(folder.parent / "away")
    (folder / "attestations").symlink_to(folder.parent / "away")


def _removed(folder: Path) -> None:
    (folder / "README.md").unlink()


def _unattested(folder: Path) -> None:
    shutil.rmtree(folder / "attestations")


def _unsigned(folder: Path) -> None:
    (folder / "model.sig").unlink()


def _piped(folder: Path) -> None:
    (folder / "model.sig").unlink()
    os.mkfifo(folder / "model.sig")


def _endless(folder: Path) -> None:
    with (folder / "attestations" / "provenance.json").open("wb") as file:
        file.truncate(10**13)  # hashing it takes hours


def _emptied(folder: Path) -> None:
    (folder / "plots" / "more").mkdir(parents=True)


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (_added, "serve.py is not listed in manifest.json"),
        (_attached, "attestations/vsa.json is not listed in manifest.json"),
        (_renamed, "README.md is missing. Readme.md is not listed"),
        (_twin, "MODEL.onnx is not listed"),
        (_accented, "is not listed"),
        (_linked, "README.md is a link"),
        (_linked_signature, "model.sig is a link"),
        (_linked_folder, "attestations is a link"),
        (_removed, "README.md is missing"),
        (_unattested, "attestations/provenance.json was signed, and is not there"),
        (_unsigned, "The bundle is not signed. Nobody vouches"),
        (_endless, "attestations/provenance.json is larger than it can be"),
        (_emptied, "plots/more is an empty folder; a bundle has none"),
        (_piped, "model.sig is a link or a device"),
    ],
)
def test_attacks_on_a_folder(tmp_path: Path, attack: Any, said: str) -> None:
    one = signed(tmp_path)
    attack(one.folder)
    assert said in " ".join(refusals(one.folder).values())


def test_a_swapped_model_with_a_manifest_that_fits(tmp_path: Path) -> None:
    honest = signed(tmp_path / "honest")
    forged = made(tmp_path / "forged", content=onnx_model() + b"\x12\x01x")  # a producer's name
    vouching.add(forged, None, RUN)
    shutil.copy(honest.folder / "model.sig", forged.folder)
    found = refusals(forged.folder)
    assert list(found) == ["signature"]
    assert "manifest.json is not the file that was signed" in found["signature"]
    assert "model.onnx is not the file that was signed" in found["signature"]
    assert list(refusals(forged.folder, None)) == ["signature"]
    # Without a signature all of it fits: that is why it is no pass.
    (forged.folder / "model.sig").unlink()
    assert refusals(forged.folder, None) == {}


def test_attestations_of_another_bundle_that_were_signed(tmp_path: Path) -> None:
    other, one = made(tmp_path / "other", confidence=0.9), signed(tmp_path)
    (one.folder / "attestations" / "provenance.json").write_text(
        attest.text(attest.provenance(other, RUN))
    )
    digests = {
        path.relative_to(one.folder).as_posix(): bundle.sha256(path)
        for path in _files(one.folder)
        if path.name != "model.sig"
    }
    content = signing.sign(one.folder.name, digests, KeySigner(KEY))
    (one.folder / "model.sig").write_bytes(content)
    found = refusals(one.folder)
    assert list(found) == ["attestations"]
    assert "is of another bundle" in found["attestations"]


def test_another_key(tmp_path: Path) -> None:
    one = signed(tmp_path, KeySigner(OTHER_KEY))
    assert "not by the one that is trusted" in refusals(one.folder)["signature"]
    # What a stranger made is not read any further.
    verdict = verify.verify(one.folder, TRUST)
    assert [check.name for check in verdict.checks] == ["files", "signature"]


def test_a_folder_that_was_renamed(tmp_path: Path) -> None:
    one = signed(tmp_path)
    moved = one.folder.rename(tmp_path / "model")
    assert "The folder is not called peak-hour-" in refusals(moved)["files"]


def test_a_manifest_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = signed(tmp_path)
    before = replace(one, digest="0" * 64, folder=one.folder)
    monkeypatch.setattr(bundle, "read", lambda _: before)
    assert "manifest.json changes while it is read" in refusals(one.folder)["files"]


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = signed(tmp_path)

    def sha256(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(bundle, "sha256", sha256)
    assert "A file of it cannot be read: Permission denied" in refusals(one.folder)["files"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"dsseEnvelope":{"payload":1}}'])
def test_a_signature_that_is_none_is_refused_whoever_is_trusted(
    tmp_path: Path, content: bytes
) -> None:
    one = signed(tmp_path)
    (one.folder / "model.sig").write_bytes(content)
    for trust in (TRUST, None):
        assert list(refusals(one.folder, trust)) == ["signature"]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ((), "gates: none"),
        (("passed", "failed", "passed"), "gates: 2 passed, 1 failed"),
        (("not decided",), "gates: 1 not decided"),
    ],
)
def test_how_the_gates_ended_is_said(tmp_path: Path, results: tuple[Any, ...], said: str) -> None:
    gates = tuple(
        GateResult(name=f"{number}", result=result, message="")
        for number, result in enumerate(results)
    )
    one = signed(tmp_path, gates=gates)
    assert f"; {said}" in " ".join(verify.text(verify.verify(one.folder, TRUST)).split())


@pytest.mark.parametrize(
    ("make", "detail", "end"),
    [
        (made, "There is none. Nobody vouches for this bundle: ", "UNSIGNED: "),
        (signed, "There is one, of these files. --key, --certificate or", "SIGNER NOT CHECKED: "),
    ],
)
def test_whoever_made_it(tmp_path: Path, make: Any, detail: str, end: str) -> None:
    verdict = verify.verify(make(tmp_path).folder, None)
    assert verdict.whole
    assert verdict.signer is None
    facts = json.loads(json.dumps(verdict.facts()))
    assert (facts["accepted"], facts["whole"]) == (False, True)
    (check,) = [check for check in verdict.checks if check.name == "signature"]
    assert check.result == "not checked"
    assert check.detail.startswith(detail)
    assert verify.text(verdict).splitlines()[-1].startswith(end)


def test_many_findings_are_a_few_lines(tmp_path: Path) -> None:
    one = signed(tmp_path)
    for number in range(40):
        (one.folder / f"{number:02}").write_bytes(b"")
    assert refusals(one.folder)["files"].endswith("04 is not listed in manifest.json. And 35 more.")


def test_names_in_a_message_are_printable(tmp_path: Path) -> None:
    one = signed(tmp_path, name="\x1b[2J\n::error::")
    (one.folder / "\x1b[2Jx\n::error::x").write_bytes(b"")
    shown = verify.text(verify.verify(one.folder, TRUST))
    assert "\x1b" not in shown
    assert "\n::error" not in shown


@pytest.mark.parametrize("name", ["none", "none/deeper"])
def test_nothing_of_that_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="There is no") as caught:
        verify.verify(tmp_path / name, TRUST)
    assert caught.value.exit_code == 2


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    assert "is no bundle: it has no manifest.json" in refusals(tmp_path)["files"]


def _entries(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in _files(folder):
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def test_vouching_again_replaces_what_was_there(tmp_path: Path) -> None:
    one = signed(tmp_path, KeySigner(OTHER_KEY))
    before = dict(_entries(one.folder))
    again = vouching.vouch(one.folder, into=tmp_path, signer=KeySigner(KEY), run=RUN)
    assert refusals(again.bundle.folder) == refusals(again.archive) == {}
    after = dict(_entries(again.bundle.folder))
    assert {path for path in before if before[path] != after[path]} == {"model.sig"}
    assert again.bundle.digest == one.digest
    # And from the archive, to another place.
    there = vouching.vouch(again.archive, into=tmp_path / "there", signer=None, run=RUN)
    assert not (there.bundle.folder / "model.sig").exists()
    assert {path.name for path in (tmp_path / "there").iterdir()} == {
        one.folder.name,
        "bundle.tar.zst",
    }


def test_nobody_vouches_for_what_is_damaged(tmp_path: Path) -> None:
    one = made(tmp_path)
    (one.folder / "README.md").write_bytes(b"other")
    with pytest.raises(bundle.BundleError, match=r"is not signed: README\.md is not the file"):
        vouching.vouch(one.folder, into=tmp_path / "out", signer=KeySigner(KEY), run=RUN)
    assert list((tmp_path / "out").iterdir()) == []


def test_each_byte_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, hashed = made(tmp_path), []
    plain = bundle.sha256

    def sha256(path: Path) -> str:
        hashed.append(path.name)
        return plain(path)

    monkeypatch.setattr(bundle, "sha256", sha256)
    vouching.add(one, KeySigner(KEY), RUN)
    assert sorted(hashed) == sorted({*hashed})
    assert "model.onnx" in hashed
    hashed.clear()
    assert refusals(one.folder) == {}
    assert sorted(hashed) == sorted({path.name for path in _files(one.folder)})
