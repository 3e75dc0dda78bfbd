"""Two places on this machine with real nginx, users who ask all the time, and a bad release."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from assay.packaging import archive, bundle, vouching
from assay.packaging.profile import FILE, Profile
from assay.packaging.signing import KeySigner
from assay.serving import trial
from onnx import helper, numpy_helper

from tests.rollout_hosts import free_port
from tests.unit.packaging.vouched import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.packaging.bundle import Bundle
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

ASSAY = Path(sys.executable).with_name("assay")
ENVIRONMENTS = """\
environments:
  staging:
    target: {{folder: "{staging}", listen: "127.0.0.1:{ports[0]}", assay: "{assay}"}}
    url: http://127.0.0.1:{ports[0]}
    steps: [100]
    interval: 0.5
    bake: 0.5
    analysis: false # nobody asks there
    key: keys/assay.pub
  production:
    after: staging
    target: {{folder: "{production}", listen: "127.0.0.1:{ports[1]}", assay: "{assay}"}}
    url: http://127.0.0.1:{ports[1]}
    steps: [25, 100]
    interval: 1
    patience: 30
    bake: 1
    analysis: {{samples: 20, latency: }} # how fast is for machines that do nothing else
    key: keys/assay.pub
"""


@dataclass
class Places:
    """Where versions are deployed to."""

    folder: Path
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))

    @property
    def config(self) -> str:
        """What `assay.yaml` says of them."""
        return ENVIRONMENTS.format(
            staging=self.folder / "staging",
            production=self.folder / "production",
            ports=self.ports,
            assay=ASSAY,
        )

    def state(self, name: str) -> dict[str, Any]:
        """What a place is like."""
        return json.loads(self._host("state", name))  # type: ignore[no-any-return]

    def down(self) -> None:
        """End everything that runs there."""
        for name in ("staging", "production"):
            if (self.folder / name / "versions").is_dir():
                self._host("down", name)

    def _host(self, verb: str, name: str) -> str:
        command = [str(ASSAY), "host", verb, "--folder", str(self.folder / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@dataclass
class Users:
    """What users of production got."""

    answers: int = 0
    bad: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)


@contextlib.contextmanager
def users(port: int, rows: list[dict[str, Any]]) -> Iterator[Users]:
    """Ask all the time, each row as a request of its own, until the block ends."""
    seen, stop = Users(), threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not stop.is_set():
            row = rows[seen.answers % len(rows)]
            try:
                connection.request("POST", "/predict", json.dumps({"rows": [row]}))
                answer = connection.getresponse()
                found = json.loads(answer.read())
                if answer.status != 200 or "predictions" not in found:
                    seen.bad.append(f"{answer.status} {found}")
                seen.versions.add(str(found.get("version")))
            except (OSError, http.client.HTTPException, ValueError) as error:
                seen.bad.append(repr(error))
                connection.close()
            seen.answers += 1
            time.sleep(0.004)
        connection.close()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(timeout=20)


def rows_of(found: Bundle, count: int = 50) -> list[dict[str, Any]]:
    """Rows that a model can be asked about."""
    profile = Profile.model_validate_json((found.folder / FILE).read_bytes())
    return list(trial.made(found.manifest.signature, profile, count))


def without_numbers(found: Bundle, parent: Path, commit: str, key: PrivateKeyTypes) -> Bundle:
    """The same release of another commit, whose model gives no number: signed like a good one."""
    path = found.folder / found.manifest.model
    old, new = path.read_bytes(), _nan(path)
    changes = {
        hashlib.sha256(old).hexdigest(): hashlib.sha256(new).hexdigest(),
        found.manifest.source.commit: commit,
    }
    files: dict[str, bytes | Path] = {}
    for entry in found.manifest.files:
        content = (found.folder / entry.path).read_bytes()
        for before, after in changes.items():
            content = content.replace(before.encode(), after.encode())
        files[entry.path] = new if entry.path == found.manifest.model else content
    source = found.manifest.source.model_copy(update={"commit": commit})
    made = bundle.write(parent, found.manifest.model_copy(update={"source": source}), files)
    vouching.add(made, KeySigner(key), RUN)  # type: ignore[arg-type]
    return made


def _nan(path: Path) -> bytes:
    """The model with probabilities that are none."""
    model = onnx.load(path)
    for output in model.graph.output:
        kind = output.type.tensor_type.elem_type
        if kind not in {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE}:
            continue
        inner = f"{output.name}_before"
        for node in model.graph.node:
            node.output[:] = [inner if name == output.name else name for name in node.output]
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        model.graph.initializer.append(
            numpy_helper.from_array(np.array(np.nan, dtype=dtype), f"{output.name}_nan")
        )
        model.graph.node.append(
            helper.make_node("Mul", [inner, f"{output.name}_nan"], [output.name])
        )
    return bytes(model.SerializeToString())


def packed(found: Bundle, folder: Path) -> dict[str, bytes]:
    """The files of its release that a deployment looks at."""
    path = archive.pack(found, folder / f"{found.manifest.source.commit}.tar.zst")
    return {
        "peak-hour.tar.zst": path.read_bytes(),
        "manifest.json": (found.folder / "manifest.json").read_bytes(),
    }
