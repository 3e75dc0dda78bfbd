"""Python that asks a model of a bundle, as its card shows it: run inside of the folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assay.packaging.licenses import LIBRARIES
from assay.packaging.profile import Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assay.packaging.facts import InputSpec, Signature
    from assay.packaging.manifest import Manifest
    from assay.packaging.profile import Categories, Profile

MOST_INPUTS = 30
"""Inputs that are written out; more are made from the manifest."""

_ONNX = """\
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("{model}", providers=["CPUExecutionProvider"])
{rows}
{outputs} = session.run({names}, rows)
print({shown})
"""
_FROM_MANIFEST = """\
import json
from pathlib import Path

inputs = json.loads(Path("manifest.json").read_bytes())["signature"]["inputs"]
rows = {
    one["name"]: np.full(
        [1, *one["shape"][1:]],
        "" if one["dtype"] == "string" else 0,
        dtype=object if one["dtype"] == "string" else one["dtype"],
    )
    for one in inputs
}"""
_NATIVE = """\
import pandas as pd
import skops.io

trusted = skops.io.get_untrusted_types(file="{model}")
print(trusted)  # classes that skops does not know: look at them before you trust them
model = skops.io.load("{model}", trusted=trusted)
{rows}
print(model.predict(rows))
"""
_TABLE_FROM_MANIFEST = """\
import json
from pathlib import Path

inputs = json.loads(Path("manifest.json").read_bytes())["signature"]["inputs"]
rows = pd.DataFrame(
    {one["name"]: ["" if one["dtype"] == "string" else 0] for one in inputs}
)"""


def packages(manifest: Manifest, needed: Mapping[str, str]) -> str:
    """What the program needs, as arguments of pip, in the versions that were there."""
    there = {**manifest.environment.packages, **needed}
    names = ["onnxruntime", "numpy"]
    if manifest.kind == "native":
        # A model is restored by the version that saved it, and by no other for certain.
        libraries = [name for name in ("scikit-learn", *LIBRARIES.values()) if name in needed]
        names = ["skops", *libraries, "pandas"]
    return " ".join(f"{name}=={there[name]}" if name in there else name for name in names)


def code(manifest: Manifest, profile: Profile) -> str:
    """A program that gives the model one row like those that it was tested on."""
    if manifest.kind == "native":
        return _NATIVE.format(model=manifest.model, rows=_table(manifest.signature, profile))
    names = [one.name for one in manifest.signature.outputs]
    return _ONNX.format(
        model=manifest.model,
        rows=_arrays(manifest.signature, profile),
        outputs=", ".join(names) if len(names) > 1 else f"[{names[0]}]",
        names=json.dumps(names),
        shown=", ".join(names),
    )


def _arrays(signature: Signature, profile: Profile) -> str:
    """`rows` as arrays by input."""
    if len(signature.inputs) > MOST_INPUTS:
        return _FROM_MANIFEST
    lines = []
    for one, value in _examples(signature, profile):
        dtype = "object" if one.dtype == "string" else f'"{one.dtype}"'
        row = f"[[{literal(value)}]]" if one.shape[1:] == (1,) else f"[{_row(one, profile)}]"
        lines.append(f"    {literal(one.name)}: np.array({row}, dtype={dtype}),\n")
    return f"rows = {{\n{''.join(lines)}}}"


def _table(signature: Signature, profile: Profile) -> str:
    """`rows` as a table."""
    first = signature.inputs[0]
    if first.shape[1:] != (1,):
        return f"rows = [{_row(first, profile)}]"
    if len(signature.inputs) > MOST_INPUTS:
        return _TABLE_FROM_MANIFEST
    lines = [
        f"    {literal(one.name)}: [{literal(value)}],\n"
        for one, value in _examples(signature, profile)
    ]
    return f"rows = pd.DataFrame({{\n{''.join(lines)}}})"


def columns(one: InputSpec, profile: Profile) -> Sequence[Numbers | Categories]:
    """The columns of a matrix, in order; none where the profile lacks a sensitive one."""
    return profile.features if len(profile.features) == one.shape[-1] else ()


def row(signature: Signature, profile: Profile) -> dict[str, Any]:
    """A row like those that the model was tested on, by input; of a matrix a list."""
    return {
        one.name: value if one.shape[1:] == (1,) else _cells(one, profile)
        for one, value in _examples(signature, profile)
    }


def _cells(one: InputSpec, profile: Profile) -> list[Any]:
    """A row of a matrix."""
    known = columns(one, profile)
    if not known:
        return ["" if one.dtype == "string" else 0] * (one.shape[-1] or 1)
    return [
        _example(one.model_copy(update={"name": seen.name}), {seen.name: seen}) for seen in known
    ]


def _row(one: InputSpec, profile: Profile) -> str:
    """A row of a matrix, as Python has it."""
    known = columns(one, profile)
    if not known or len(known) > MOST_INPUTS:
        return f"[{literal('' if one.dtype == 'string' else 0)}] * {one.shape[-1]}"
    return f"[{', '.join(map(literal, _cells(one, profile)))}]"


def literal(value: Any) -> str:
    """A value as Python has it, whatever characters are in it."""
    if isinstance(value, str) and value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    return ascii(value)


def _examples(signature: Signature, profile: Profile) -> Iterator[tuple[InputSpec, Any]]:
    """A value of each input: the median of numbers, the most frequent category."""
    known = {one.name: one for one in profile.features}
    for one in signature.inputs:
        yield one, _example(one, known)


def _example(one: InputSpec, known: Mapping[str, Numbers | Categories]) -> Any:
    seen = known.get(one.name)
    value: Any = "" if one.dtype == "string" else 0
    if one.categories:
        value = one.categories[0]
    elif isinstance(seen, Numbers):
        value = seen.edges[len(seen.edges) // 2] if seen.edges else 0
    elif seen is not None and seen.values and one.dtype == "string":
        value = seen.values[0]
    if one.dtype == "bool":
        return bool(value)
    if isinstance(value, float) and not one.dtype.startswith("float"):
        return int(value)
    return value
