"""The access log: a line a request, and what becomes of it where nobody reads."""

from __future__ import annotations

import json
import os

import pytest
from assay.serving.accesslog import Access, AccessLog, line

TIME = 1795477777.123456


def access(ident: str = "a", path: str = "/predict", **given: object) -> Access:
    return Access(TIME, ident, "POST", path, 200, 0.00012345678, **given)  # type: ignore[arg-type]


def test_what_is_not_there_is_left_out() -> None:
    assert json.loads(line(access(), "v1")) == {
        "time": "2026-11-23T23:49:37.123456Z",
        "id": "a",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "seconds": 0.000123,
        "version": "v1",
    }
    whole = json.loads(line(access(protocol="v2", rows=0, caller="ci", error="internal"), "v1"))
    assert (whole["protocol"], whole["rows"]) == ("v2", 0)
    assert (whole["caller"], whole["error"]) == ("ci", "internal")


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/a\nb\x00", "/a\nb\x00"), ("/" + "x" * 300, "/" + "x" * 199), ("/\ud800", "/?")],
)
def test_no_path_breaks_a_line(path: str, shown: str) -> None:
    made = line(access(path=path), "v1")

    assert made.count(b"\n") == 1
    assert json.loads(made)["path"] == shown


def test_lines_come_out_in_order() -> None:
    reader, writer = os.pipe()
    log = AccessLog("v1", fd=writer)
    for at in range(150):
        log.put(access(str(at)))
    log.flush(TIME)
    os.close(writer)

    with os.fdopen(reader) as out:
        assert [json.loads(one)["id"] for one in out] == [str(at) for at in range(150)]
    assert log.dropped == 0


def test_what_finds_the_queue_full_or_nobody_who_reads_is_counted() -> None:
    said: list[str] = []
    reader, writer = os.pipe()
    os.close(reader)
    log = AccessLog("v1", fd=writer, tell=said.append, most_waiting=100)
    for _ in range(103):
        log.put(access())
    assert log.dropped == 3

    log.flush(TIME)
    log.put(access())
    log.close()
    os.close(writer)

    assert log.dropped == 104
    assert said == ["The access log cannot be written: Broken pipe. Lines are lost."]
