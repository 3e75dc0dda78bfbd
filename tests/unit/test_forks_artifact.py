"""Archives of strangers: one file is read from an honest one, and nothing from any other."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from assay.forge.refusal import ForbiddenError, MissingError
from assay.forks import UntrustedError, artifact
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.forks_api import Answers

if TYPE_CHECKING:
    from assay.errors import ForgeError

RECORD = b'{"format": 1}'


def archive(*members: tuple[str | zipfile.ZipInfo, bytes], comment: bytes = b"") -> bytes:
    held = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            file.writestr(name, content)
        file.comment = comment
    return held.getvalue()


HONEST = archive(("record.json", RECORD), ("report.html", b"<p>"), ("report.md", b"#"))


def link(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = (stat.S_IFLNK | 0o777) << 16
    return found


def entry(**changes: tuple[int, bytes]) -> bytes:
    """The honest archive with bytes of its first entry in the list of members replaced."""
    content = bytearray(archive(("record.json", RECORD)))
    start = content.index(b"PK\1\2")
    for at, new in changes.values():
        content[start + at : start + at + len(new)] = new
    return bytes(content)


def test_the_record_is_read_from_what_upload_artifact_makes() -> None:
    assert artifact.record(HONEST) == RECORD


def test_a_stream_whose_sizes_follow_the_data_is_read() -> None:
    class Pipe(io.RawIOBase):
        """Cannot go back, as upload-artifact's stream cannot."""

        def __init__(self) -> None:
            self.held = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.held += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("record.json", RECORD)
    assert artifact.record(bytes(pipe.held)) == RECORD


def test_a_bomb_is_not_unpacked() -> None:
    content = archive(("record.json", bytes(artifact.LIMIT + 1)))
    assert len(content) < 20_000
    with pytest.raises(UntrustedError, match="more than 10 MB"):
        artifact.record(content)


def test_a_bomb_that_says_it_is_small_is_not_believed() -> None:
    content = bytearray(archive(("record.json", bytes(artifact.LIMIT * 3))))
    start = content.index(b"PK\1\2")
    content[start + 24 : start + 28] = struct.pack("<L", 100)  # the size that it states
    with pytest.raises(UntrustedError, match=r"damaged|10 MB"):
        artifact.record(bytes(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(("report.md", b"")), "holds no record.json"),
        (archive((".assay/record.json", RECORD)), "holds no record.json"),
        (archive(("record.json", RECORD), ("record.json", b"{}")), "2 files that are called"),
        (archive(("record.json", RECORD), ("../../etc/cron", b"")), "leads out of it: `../../etc"),
        (archive(("record.json", RECORD), ("/etc/cron", b"")), "leads out of it: `/etc/cron`"),
        (archive(("record.json", RECORD), ("a\\..\\b", b"")), "leads out of it"),
        (archive((link("record.json"), b"/etc/passwd")), "symbolic link: `record.json`"),
        (archive(("record.json", RECORD), (link("x"), b"/")), "symbolic link: `x`"),
        (archive(*((f"{i}", b"") for i in range(101))), "more than 100 files"),
        (archive(*((f"{'x' * 900}{i}", b"") for i in range(90))), "more than 100 files"),
        (entry(flag=(8, b"\1\0")), "encrypted"),
        (entry(method=(10, b"\x0c\0")), "packed in a way"),
        (entry(crc=(16, b"\0\0\0\0")), "damaged archive: `Bad CRC-32"),
        (entry(name=(46, b"recordsjson")), "holds no record.json"),
        (HONEST[:-1], "no archive that"),
        (HONEST[40:], "damaged archive"),
        (b"", "no archive that"),
        (b"<html>not found</html>", "no archive that"),
        (archive(("record.json", RECORD), comment=b"PK\5\6 hidden"), "no archive that"),
        (HONEST[:-22] + b"PK\6\7" + bytes(16) + HONEST[-22:], "zip64"),
    ],
    ids=range(20),
)
def test_what_no_honest_run_makes_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UntrustedError, match=message):
        artifact.record(content)


def test_a_name_that_goes_on_behind_a_zero_byte_is_another_one() -> None:
    content = archive(("record.json?x", RECORD)).replace(b"record.json?x", b"record.json\0x")
    with pytest.raises(UntrustedError, match=r"holds no record\.json"):
        artifact.record(content)


def test_a_place_beyond_all_numbers_is_refused() -> None:
    content = archive(("record.json", RECORD))
    at, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    # Its header lies where no number of the platform can say: by the extra field of zip64.
    entry = bytearray(content[at:end])
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, 12)
    entry += struct.pack("<HHQ", 1, 8, 2**64 - 5)
    closing = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), at, 0)
    with pytest.raises(UntrustedError, match="damaged archive"):
        artifact.record(content[:at] + bytes(entry) + closing)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_archive_gives_the_record_or_an_error_of_ours(data: st.DataObject) -> None:
    content = bytearray(HONEST)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        found = artifact.record(bytes(content))
    except UntrustedError:
        return
    assert found == RECORD  # its checksum says so


def listed(number: int, name: str = "assay-report", **more: Any) -> dict[str, Any]:
    return {"id": number, "name": name, "size_in_bytes": 900, "expired": False, **more}


PATH = "/repos/acme/bikes/actions/runs/7/artifacts"


def test_the_newest_artifact_of_that_name_is_taken() -> None:
    found = [listed(3), listed(9, "other"), listed(5), listed(8, expired=True)]
    api = Answers(**{PATH: {"artifacts": found}})
    chosen = artifact.find(api, "acme/bikes", 7, "assay-report")
    assert chosen == artifact.Artifact(5, 900, expired=False)
    assert artifact.find(api, "acme/bikes", 7, "Assay-report") is None


def test_what_is_expired_or_too_large_is_not_downloaded() -> None:
    api = Answers()
    with pytest.raises(UntrustedError, match="expired") as caught:
        artifact.download(api, "acme/bikes", artifact.Artifact(5, 900, expired=True))
    assert caught.value.hint == "Run the check again."
    large = artifact.Artifact(5, artifact.MOST_BYTES + 1, expired=False)
    with pytest.raises(UntrustedError, match="more than 50 MB"):
        artifact.download(api, "acme/bikes", large)
    assert api.asked == []


class Refusing(Answers):
    """Answers every download with an error."""

    def __init__(self, error: ForgeError) -> None:
        super().__init__()
        self.error = error

    def download(self, path: str, limit: int) -> bytes:
        raise self.error


def test_an_artifact_that_github_does_not_have_is_said_to_be_missing() -> None:
    there = artifact.Artifact(5, 900, expired=False)
    with pytest.raises(UntrustedError, match="cannot be downloaded: it is gone"):
        artifact.download(Refusing(MissingError("it is gone")), "acme/bikes", there)
    # That the token may not is no fault of the run.
    with pytest.raises(ForbiddenError):
        artifact.download(Refusing(ForbiddenError("no")), "acme/bikes", there)
