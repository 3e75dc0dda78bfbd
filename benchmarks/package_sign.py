"""Signing and verifying a bundle of 1 GB, against `sha256sum` of it, and OpenSSF's own tool."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Bench, Command

if TYPE_CHECKING:
    from assay.packaging.bundle import Bundle

GB = 1_000_000_000
_PIECE = 1 << 24
_SIGN = """
import sys
from pathlib import Path
from assay.packaging import bundle, vouching
from tests.unit.packaging import vouched
made = bundle.read(Path(sys.argv[1]))
vouching.add(made, vouched.KeySigner(vouched.KEY), vouched.RUN)
"""


def run(bench: Bench) -> None:
    from assay.packaging import vouching

    from tests.unit.packaging import vouched

    one = _made(bench.folder("bundles"))
    # From here on it has attestations, whoever signs next.
    vouching.add(one, vouched.KeySigner(vouched.KEY), vouched.RUN)
    keys = bench.folder("keys")
    (keys / "key").write_bytes(vouched.private_pem(vouched.KEY))
    (keys / "pub").write_bytes(vouched.public_pem(vouched.KEY))
    programs = Path(sys.executable).parent
    summed = Command(["sha256sum", one.folder / "model.onnx"])
    signature = ["--signature", one.folder / "model.sig"]
    sign, verify = [programs / "model_signing", "sign"], [programs / "model_signing", "verify"]
    sides = {
        "sha256sum": summed,
        "sign": Command([sys.executable, "-c", _SIGN, one.folder]),
        "verify": Command([programs / "assay", "verify", one.folder, "--key", keys / "pub"]),
        "model_signing verify": Command(
            [*verify, "key", one.folder, *signature, "--public_key", keys / "pub"]
        ),
        "model_signing sign": Command(
            [*sign, "key", one.folder, *signature, "--private_key", keys / "key"]
        ),
    }
    taken = bench.take_turns("1 GB", sides, runs=3)
    bench.ratio("sign 1 GB / sha256sum", taken["sign"], taken["sha256sum"], limit=2)
    bench.ratio("verify 1 GB / sha256sum", taken["verify"], taken["sha256sum"], limit=2)
    for name in ("sign", "verify"):
        bench.ratio(
            f"{name} 1 GB / model_signing", taken[name], taken[f"model_signing {name}"], limit=1
        )


def _made(parent: Path) -> Bundle:
    """A bundle whose model has weights of 1 GB."""
    from assay.packaging import bundle

    from tests.unit.packaging import vouched

    small = vouched.made(parent / "small", content=vouched.onnx_model())
    large = parent / "model.onnx"
    with large.open("wb") as file:
        file.write(vouched.onnx_model())
        # A second part of the graph with one more tensor; protobuf puts the parts together.
        tensor = b"\x08" + _varint(GB) + b"\x10\x02\x42\x01w\x4a" + _varint(GB)
        within = b"\x2a" + _varint(len(tensor) + GB) + tensor
        file.write(b"\x3a" + _varint(len(within) + GB) + within)
        for _ in range(GB // _PIECE):
            file.write(os.urandom(_PIECE))
        file.write(os.urandom(GB % _PIECE))
    documents = {"parity.json": b"{}\n"}
    return bundle.write(parent, small.manifest, {"model.onnx": large, **documents})


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
