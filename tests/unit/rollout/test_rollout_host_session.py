"""Questions to the agent over a pipe, good and bad."""

from __future__ import annotations

import io
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import DataError
from assay.rollout.host import session
from assay.rollout.targets import sshsession
from assay.rollout.targets.base import TargetError
from hypothesis import given
from hypothesis import strategies as st

from tests.rollout_hosts import version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A session ignores hang-ups; the tests' process shall not from then on."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def asked(*questions: object, more: bytes = b"") -> list[dict[str, Any]]:
    """The answers."""
    text = b"".join(
        one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in questions
    )
    sink = io.BytesIO()
    session.run(io.BytesIO(text + more), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def question(folder: Path, verb: str, **given: object) -> dict[str, object]:
    usual = {"format": 1, "folder": str(folder), "owner": None, "settings": None, "arguments": {}}
    return {**usual, "verb": verb, **given}


def test_a_folder_without_anything(tmp_path: Path) -> None:
    (state, seen, events) = asked(
        *(question(tmp_path / "none", verb) for verb in ("state", "observe", "events"))
    )

    assert state["result"]["stable"] is None
    assert seen == {"format": 1, "result": {"seen": []}}
    assert events == {"format": 1, "result": []}
    assert not (tmp_path / "none").exists()


def test_another_format_says_what_to_do(tmp_path: Path) -> None:
    (answer,) = asked(question(tmp_path, "state", format=2))

    assert answer["error"]["kind"] == "UsageError"
    assert answer["error"]["hint"] == "Install the same version of Assay on both."


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "no such"},
        {"arguments": None, "verb": "start"},
        {"verb": "start"},
        {"verb": "start", "arguments": {"version": {"digest": 1}}},
        {"verb": "route", "arguments": {"routing": {}}},
        {"settings": {"keep": 1}},
        {"folder": 1},
        {"verb": "acquire", "arguments": {"owner": "", "ttl": 1, "force": False}},
        {"verb": "acquire", "arguments": {"owner": "me", "ttl": 0, "force": False}},
        {"settings": {"listen": "unix:1"}},
    ],
)
def test_what_is_not_understood(tmp_path: Path, changed: dict[str, object]) -> None:
    (answer, after) = asked(
        question(tmp_path / "host", "state") | changed, question(tmp_path / "none", "events")
    )

    assert answer["error"]["kind"] == "UsageError"
    assert after == {"format": 1, "result": []}


@given(line=st.binary(max_size=60).filter(lambda one: b"\n" not in one))
def test_any_line_gets_one_answer(line: bytes) -> None:
    (answer,) = asked(line + b"\n")

    assert answer["error"]["kind"] == "UsageError"


def test_a_digest_that_leads_elsewhere(tmp_path: Path) -> None:
    bad = version("v1.0.0").model_copy(update={"digest": "../../../etc"}).model_dump()

    for verb in ("place", "start", "stop"):
        (answer,) = asked(question(tmp_path / "host", verb, arguments={"version": bad}))

        assert answer["error"]["message"] == "'../../../etc' is no digest of a bundle."


def test_a_bundle_that_breaks_off(tmp_path: Path) -> None:
    given = {"version": version("v1.0.0").model_dump()}

    (answer,) = asked(question(tmp_path / "host", "place", arguments=given, size=100), more=b"x")

    assert answer["error"]["kind"] == "PlaceError"
    assert "the connection ended" in answer["error"]["message"]
    assert [*(tmp_path / "host" / "tmp").iterdir()] == []


def test_an_error_that_the_pipe_does_not_know_is_the_nearest_one() -> None:
    assert session._error(DataError("what", hint="do"))["kind"] == "UsageError"
    assert [*session.KINDS] == sorted(session.KINDS)


def test_nobody_listens_any_more(tmp_path: Path) -> None:
    class Gone(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    text = json.dumps(question(tmp_path, "events")).encode() + b"\n"

    session.run(io.BytesIO(text), Gone())


@pytest.mark.parametrize(
    "more",
    [{"arguments": []}, {"arguments": {"routing": []}}, {"folder": 3}, {"verb": []}, {"verb": "x"}],
)
def test_what_is_not_understood_does_not_end_the_session(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    deep = b"[" * 200_000 + b"\n"

    odd = {**question(tmp_path, "route"), **more}

    found = asked(odd, deep, question(tmp_path / "no", "events"))

    assert [one.get("error", {}).get("kind") for one in found] == ["UsageError"] * 2 + [None]


@pytest.mark.parametrize(
    "line", [b"[" * 200_000, b"[]", b'{"format": 1, "error": {"kind": ["x"], "hint": {}}}']
)
def test_a_host_that_answers_anything_is_an_error(line: bytes) -> None:
    with pytest.raises(TargetError):
        sshsession._result(line, "ml1")
