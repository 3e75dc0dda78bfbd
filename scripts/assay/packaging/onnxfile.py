"""What an ONNX file asks of whoever runs it, read without ONNX and without loading its weights.

The file is walked field by field in protobuf's wire format
(https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto),
so a machine that only checks bundles needs no package for it, and a file of gigabytes takes no
memory.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUILT_IN = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Domains whose operators onnxruntime has in it. Those of any other are code from elsewhere."""
_DEEPEST = 64
"""Graphs in graphs; real ones have two or three."""
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 11: "input", 12: "output", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""The messages within each message, by field."""
_NUMBERS = re.compile(rb"(?:\x3d.{4})++|(?:\x40[\x80-\xff]{0,9}+[\x00-\x7f])++", re.DOTALL)
"""Runs of an attribute's floats and ints: forests have millions."""
_STRING = 0x4A
"""The tag of an attribute's strings: forests have millions of a few, as `BRANCH_LEQ`."""
_LONGEST, _MOST = 64, 16


class NotOnnxError(ValueError):
    """A file is no ONNX model."""


@dataclass
class Asked:
    """What a model asks for."""

    opset: dict[str, int] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    external: bool = False
    """Whether it reads weights from other files."""


def asked(path: Path) -> Asked:
    """What the model in a file asks for.

    Raises:
        NotOnnxError: It is none.
        OSError: It cannot be read.
    """
    found = Asked()
    with path.open("rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise NotOnnxError("it is empty") from None
        with data:
            _walk(data, (0, len(data)), "model", found)
    if not found.opset or not found.outputs:
        raise NotOnnxError("it has no graph, or no version of its operators")
    return found


def _walk(
    data: mmap.mmap, span: tuple[int, int], kind: str, found: Asked, *, depth: int = 0
) -> None:
    if depth > _DEEPEST * 3:
        raise NotOnnxError("its graphs are nested too deeply")
    if kind == "opset":
        values = {number: _value(data, *value) for number, *value in _fields(data, *span)}
        domain, version = values.get(1, b""), values.get(2, 0)
        found.opset[_text(domain)] = version if isinstance(version, int) else 0
        found.domains.add(_text(domain))
        return
    within = _MESSAGES.get(kind, {})
    for number, wire, begin, stop in _fields(data, *span):
        if number in within and wire == 2:
            _walk(data, (begin, stop), within[number], found, depth=depth + 1)
        elif kind == "node" and number == 7:
            found.domains.add(_text(_value(data, wire, begin, stop)))
        elif kind == "tensor" and (number == 13 or (number == 14 and data[begin] != 0)):
            found.external = True
        elif kind in ("input", "output") and number == 1 and depth == 2:
            names = found.inputs if kind == "input" else found.outputs
            names.append(_text(_value(data, wire, begin, stop)))


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, wire type, where the value begins, where it ends) of each field of a message."""
    skipped, strings = _NUMBERS, list[bytes]()
    while at < end:
        if run := skipped.match(data, at, end):
            at = run.end()
            continue
        start = at
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _, stop = _varint(data, at, end)
        elif wire == 2:
            size, at = _varint(data, at, end)
            stop = at + size
        elif wire in (1, 5):
            stop = at + (8 if wire == 1 else 4)
        else:
            raise NotOnnxError("it is not in protobuf's format")
        if stop > end or not number:
            raise NotOnnxError("it ends in the middle, or is not in protobuf's format")
        yield number, wire, at, stop
        at = stop
        if tag == _STRING and stop - start <= _LONGEST and len(strings) < _MOST:
            strings.append(re.escape(data[start:stop]))
            if len(strings) > 1:  # from here on, what came before says nothing new
                again = b"(?:" + b"|".join(strings) + b")++"
                skipped = re.compile(_NUMBERS.pattern + b"|" + again, re.DOTALL)


def _value(data: mmap.mmap, wire: int, begin: int, stop: int) -> int | bytes:
    return _varint(data, begin, stop)[0] if wire == 0 else data[begin:stop]


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NotOnnxError("it ends in the middle, or is not in protobuf's format")


def _text(value: int | bytes) -> str:
    if isinstance(value, int):
        raise NotOnnxError("it has a number where a name belongs")
    return value.decode(errors="replace")
