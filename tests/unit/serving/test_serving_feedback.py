"""The truth of answers, and copies for another version: what is counted, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from assay.packaging.facts import OutputSpec
from assay.packaging.profile import Numbers, Profile
from assay.serving.bins import latency_bin
from assay.serving.errors import RequestError
from assay.serving.feedback import Feedback
from assay.serving.shadow import Shadow, agreeing, body_of, given, tolerance

if TYPE_CHECKING:
    from pathlib import Path

LABEL = OutputSpec(name="label", meaning="label", dtype="int64", shape=(None,))
TEXT = OutputSpec(name="label", meaning="label", dtype="string", shape=(None,))
VALUE = OutputSpec(name="value", meaning="value", dtype="float64", shape=(None,))


def answered(output: OutputSpec, values: Any, ident: str = "a", own: str | None = None) -> Any:
    """A call that was answered."""
    dtype = object if output.dtype == "string" else None
    return SimpleNamespace(
        id=ident,
        request=SimpleNamespace(id=own or ident, rows=len(values), feeds={}),
        answers={output.name: np.array(values, dtype)},
        body=b"",
        headers={},
    )


def told(feedback: Feedback, ident: Any, truth: Any) -> Any:
    body = json.dumps({"id": ident, "truth": truth}).encode()
    status, said, _ = feedback.page(SimpleNamespace(body=body))  # type: ignore[arg-type, misc]
    return status, json.loads(said)


@pytest.mark.parametrize(
    ("output", "said", "truth", "correct"),
    [(LABEL, [1, 0, 1], [1, 1, 1], 2), (TEXT, ["a", "b"], ["a", "c"], 1)],
)
def test_right_labels_are_counted(output: OutputSpec, said: Any, truth: Any, correct: int) -> None:
    feedback = Feedback(output)
    assert feedback.labelled() is None
    feedback.observe(answered(output, said))

    assert told(feedback, "a", truth) == (200, {"id": "a", "rows": len(said)})

    found = feedback.labelled()
    assert found is not None
    assert (found.rows, found.correct, found.absolute_error) == (len(said), correct, None)


def test_errors_of_numbers_are_counted_in_bins() -> None:
    feedback = Feedback(VALUE)
    feedback.observe(answered(VALUE, [1.0, 2.0, 3.0]))

    told(feedback, "a", [1.5, 2, 13])

    found = feedback.labelled()
    assert found is not None
    assert found.absolute_error is not None
    where = {at: count for at, count in enumerate(found.absolute_error) if count}
    assert where == {latency_bin(0.5): 1, 0: 1, latency_bin(10.0): 1}


def test_several_targets_are_one_row() -> None:
    wide = VALUE.model_copy(update={"shape": (None, 2)})
    feedback = Feedback(wide)
    feedback.observe(answered(wide, [[1.0, 2.0]]))

    told(feedback, "a", [[1.5, 3.5]])

    found = feedback.labelled()
    assert found is not None
    assert found.absolute_error is not None
    assert found.absolute_error[latency_bin(1.0)] == 1


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ([1], "`truth` has 1 rows, and the answer 2"),
        ([1, 1.5], "row 2: 1.5 is no label"),
        ([1, True], "row 2: true is no label"),
        ([1, "1"], "row 2"),
        ([1, None], "row 2: null"),
        ([1, [1]], "row 2"),
        (1, "`truth`, a list"),
    ],
)
def test_what_is_no_truth_is_refused_and_may_be_sent_again(truth: Any, said: str) -> None:
    feedback = Feedback(LABEL)
    feedback.observe(answered(LABEL, [1, 0]))

    with pytest.raises(RequestError, match=said) as caught:
        told(feedback, "a", truth)

    assert caught.value.status == 400
    assert told(feedback, "a", [1, 0])[0] == 200


def test_truth_counts_once_by_whichever_id() -> None:
    feedback = Feedback(LABEL)
    feedback.observe(answered(LABEL, [1], "header", own="body"))

    assert told(feedback, "body", [1])[0] == 200
    for ident in ("body", "header", "never"):
        with pytest.raises(RequestError) as caught:
            told(feedback, ident, [1])
        assert caught.value.status == 404


def test_only_the_latest_answers_are_remembered() -> None:
    feedback = Feedback(LABEL, most=3)
    for at in range(5):
        feedback.observe(answered(LABEL, [1], str(at)))

    assert list(feedback._answers) == ["2", "3", "4"]
    feedback.observe(answered(LABEL, [1, 1], "2"))  # an id that a client used again
    assert feedback._remembered <= 3
    assert list(feedback._answers) == ["4", "2"]


PROFILE = Profile(
    rows=1,
    features=(),
    predictions=(Numbers(name="value", count=1, nulls=0, edges=(1.0,), std=2.0),),
)


@pytest.mark.parametrize(
    ("here", "there", "near", "rows"),
    [
        ([1, 0, 1], [1, 1, 1], None, 2),
        (["a", "b"], ["a", "b"], None, 2),
        ([[1, 0], [1, 1]], [[1, 0], [0, 1]], None, 1),
        ([1.0, 2.0], [1.2, 2.21], 0.2, 1),
        ([100.0, 100.0], [101.0, 101.1], None, 1),
        ([1.0], [float("nan")], 0.2, 0),
        ([1, 2], [1], None, 0),
    ],
)
def test_rows_agree(here: Any, there: Any, near: float | None, rows: int) -> None:
    kinds = [object if isinstance(one[0], str) else None for one in (here, there)]
    assert agreeing(np.array(here, kinds[0]), np.array(there, kinds[1]), near) == rows


def test_a_tenth_of_the_spread_is_near() -> None:
    assert tolerance(PROFILE, "value") == pytest.approx(0.2)
    assert tolerance(PROFILE, "label") is None
    assert tolerance(None, "value") is None


def test_a_copy_has_null_for_what_is_missing() -> None:
    feeds = {
        "x": np.array([[1.5], [np.nan]]),
        "X": np.array([[1, 2], [3, 4]]),
        "t": np.array([["a"], [""]], object),
    }

    assert json.loads(body_of(feeds)) == {
        "inputs": {"x": [1.5, None], "X": [[1, 2], [3, 4]], "t": ["a", ""]}
    }


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"outputs": 3}', b'{"outputs": {"a": 1}}'])
def test_an_answer_without_the_output_is_none(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"no label|empty document"):
        given(answer, "label")
    assert given(b'{"outputs": [1, 0]}', "label").tolist() == [1, 0]


def shadow(**more: Any) -> Shadow:
    signature = SimpleNamespace(outputs=(LABEL,))
    return Shadow(SimpleNamespace(name="m", signature=signature, profile=None, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"socket": ""},
        {"socket": 3},
        {"socket": "/a", "share": 1.1},
        {"socket": "/a", "share": True},
        {"socket": "/a", "more": 1},
    ],
)
def test_what_cannot_be_shadowed_is_refused(body: Any) -> None:
    with pytest.raises(RequestError) as caught:
        shadow().page(SimpleNamespace(body=json.dumps(body).encode()))  # type: ignore[arg-type]
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "outputs",
    [
        b'{"outputs": ["x", "y"]}',
        b'{"outputs": [{}, []]}',
        b'{"outputs": [[1, 2], [3]]}',
        b'{"outputs": [null, null]}',
        b"[" * 2000,
        b'{"outputs": [' + b" " * 70_000 + b"1.0, 2.0]}",
    ],
)
def test_no_answer_of_another_version_ends_what_sends_copies(
    tmp_path: Path, outputs: bytes
) -> None:
    replies = iter([outputs, b'{"outputs": [1.0, 2.0]}'])

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, EOFError):
            while start := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(start.rpartition(b"content-length: ")[2]))
                body = next(replies)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async def main() -> Any:
        path = str(tmp_path / "a.sock")
        server = await asyncio.start_unix_server(reply, path)
        model = SimpleNamespace(name="m", signature=SimpleNamespace(outputs=(VALUE,)), profile=None)
        made = Shadow(model)  # type: ignore[arg-type]
        await made.begin()
        made.page(SimpleNamespace(body=json.dumps({"socket": path}).encode()))  # type: ignore[arg-type]
        for ident in "ab":
            made.observe(answered(VALUE, [1.0, 2.0], ident))
        async with asyncio.timeout(20):
            while (found := made.shadowed()) is None or found.agreed < 2:
                await asyncio.sleep(0.001)
        await made.end()
        server.close()
        return found

    found = asyncio.run(main())

    assert found.rows in (2, 4)  # nulls are numbers that agree with none
    assert (found.agreed, found.dropped) == (2, 0)
