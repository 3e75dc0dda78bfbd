"""A bundle as a model that can be asked: verified first, and only then loaded."""

from __future__ import annotations

import hashlib
import importlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.packaging.bundle import BundleError
from assay.packaging.manifest import FILE as MANIFEST
from assay.packaging.manifest import Manifest
from assay.packaging.profile import FILE as PROFILE
from assay.packaging.profile import Profile
from assay.serving import packed
from assay.serving.inputs import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from assay.packaging.facts import Parity, Signature
    from assay.packaging.signing import Trust
    from assay.packaging.verify import Verdict
    from assay.serving.protocols.base import Answers, Feeds

_ANEW = "Do not serve it. Get the bundle anew from where it was released."
_FAST = 1e-3
"""Seconds that the event loop may be held for one prediction."""
_ASKED = 3
"""Times that a model is asked about a number of rows before it serves."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model that is ready to be asked."""

    name: str
    version: str
    digest: str
    """Of the bundle: its address."""
    signature: Signature
    predict: Callable[[Feeds], Answers]
    """What the model says of checked feeds. It may raise anything; threads may share it."""
    parity: Parity | None = None
    profile: Profile | None = None
    description: str | None = None
    signer: str | None = None
    """Who vouches for it; `None` of an unsigned one."""
    kind: str = "onnx"
    inline_rows: int = field(default=0)
    """Up to how many rows are so fast that they are asked on the event loop; 0: none."""


def load(path: Path, trust: Trust | None, *, version: str | None = None, root: Path) -> Loaded:
    """Verify a bundle, load it, and warm it up.

    Args:
        path: Its folder, or its archive.
        trust: Whose signature counts; `None`: nobody's has to.
        version: What its version is called; by default the start of its digest.
        root: Where the classes of a native model may be found, beside known packages.

    Raises:
        BundleError: It is not what it says it is, or not by whom it has to be.
        AssayError: It cannot be read, unpacked or loaded.
    """
    if path.is_dir() or not path.is_file():
        return _of_folder(path, trust, version, root, shown=path)
    from assay.packaging import archive

    with tempfile.TemporaryDirectory(prefix="assay-") as parent:
        unpacked = archive.unpack(path, Path(parent))
        return _of_folder(unpacked.folder, trust, version, root, shown=path)


def _of_folder(
    folder: Path, trust: Trust | None, version: str | None, root: Path, *, shown: Path
) -> Loaded:
    from assay.packaging import verify

    verdict = verify.verify(folder, trust, checker=False)
    _check(verdict, trust, shown)
    read = _Checked(folder, verdict.files)
    manifest = Manifest.model_validate_json(read(MANIFEST))
    content = read(manifest.model)
    has_profile = PROFILE in verdict.files
    make = _onnx if manifest.kind == "onnx" else _native
    digest = str(verdict.digest)
    predict = make(content, manifest.signature, root)
    return Loaded(
        name=manifest.name,
        version=version or digest[:12],
        digest=digest,
        signature=manifest.signature,
        predict=predict,
        parity=manifest.parity,
        profile=Profile.model_validate_json(read(PROFILE)) if has_profile else None,
        description=manifest.description,
        signer=verdict.signer,
        kind=manifest.kind,
        inline_rows=_warmed(predict, manifest.signature) if manifest.kind == "onnx" else 0,
    )


def _check(verdict: Verdict, trust: Trust | None, shown: Path) -> None:
    if verdict.whole if trust is None else verdict.accepted:
        return
    refused = [one for one in verdict.checks if one.result == "refused"]
    first = refused[0] if refused else None
    detail = "nobody who is trusted vouches for it." if first is None else first.detail
    raise BundleError(f"{shown} is not served: {detail}", hint=(first and first.hint) or _ANEW)


@dataclass(frozen=True)
class _Checked:
    """Reads files of a bundle once, and only as they were when they were verified."""

    folder: Path
    digests: Mapping[str, str]

    def __call__(self, name: str) -> bytes:
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise BundleError(
                f"{name} of the bundle cannot be read: {error.strerror}.", hint=_ANEW
            ) from error
        if hashlib.sha256(content).hexdigest() != self.digests.get(name):
            raise BundleError(f"{name} changes while the bundle is loaded.", hint=_ANEW)
        return content


def _onnx(content: bytes, signature: Signature, root: Path) -> Callable[[Feeds], Answers]:
    """A graph in onnxruntime, with one thread a request: more spin on cores that others need."""
    del root
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what matters is raised
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes derive from nothing in common
        first = (str(error).splitlines() or [""])[0][:200]
        raise BundleError(f"onnxruntime does not load the model: {first}.") from error
    names = [one.name for one in signature.outputs]
    flat = {one.name: len(one.shape) == 1 for one in signature.outputs}
    run, bound = session.run, _bound(session, signature)

    def predict(feeds: Feeds) -> Answers:
        if type(feeds) is packed.Row:
            answers = None if bound is None else bound.ask(feeds)
            if answers is not None:
                return answers
            feeds = dict(feeds)
        found = run(names, feeds)
        return {
            name: values.reshape(-1) if flat[name] else values
            for name, values in zip(names, found, strict=True)
        }

    return predict


def _bound(session: Any, signature: Signature) -> packed.Bound | None:
    """What asks a graph about single rows of numbers; `None` where it cannot be asked so."""
    packing = packed.packing(Column.of(one, None) for one in signature.inputs)
    if packing is None:
        return None
    try:
        return packed.Bound(session, packing, signature.outputs)
    except Exception:  # noqa: BLE001 (onnxruntime's own; there is the usual way, which tells)
        return None


def _native(content: bytes, signature: Signature, root: Path) -> Callable[[Feeds], Answers]:
    """An estimator of scikit-learn's kind, as skops wrote it."""
    from assay.contract import usercode
    from assay.packaging import native
    from assay.packaging.parity.answers import Original
    from assay.packaging.signature import MATRIX

    frames = importlib.import_module("pandas")
    with usercode.importable(root):
        estimator = native.loaded(content, root=root)
    first = signature.inputs[0]
    is_matrix = len(signature.inputs) == 1 and first.name == MATRIX
    outputs = tuple(one.name for one in signature.outputs)
    original = Original(estimator, first.dtype if is_matrix else None, outputs)

    def predict(feeds: Feeds) -> Answers:
        if is_matrix:
            return original.ask(frames.DataFrame(feeds[MATRIX]))
        return original.ask(frames.DataFrame({name: one[:, 0] for name, one in feeds.items()}))

    return predict


def example(signature: Signature, rows: int = 1) -> Feeds:
    """Rows that a model can be asked about, of zeros and first categories."""
    feeds: dict[str, NDArray[Any]] = {}
    for one in signature.inputs:
        shape = (rows, *(length or 1 for length in one.shape[1:]))
        value: Any = one.categories[0] if one.categories else "" if one.dtype == "string" else 0
        feeds[one.name] = np.full(shape, value, object if one.dtype == "string" else one.dtype)
    return feeds


def _warmed(predict: Callable[[Feeds], Answers], signature: Signature) -> int:
    """How many rows are asked on the event loop: a thread costs more than a fast model takes."""
    fast = 0
    try:
        predict(example(signature))  # the first call makes what later ones use
        for rows in (1, 10, 100):
            if _seconds(predict, example(signature, rows)) > _FAST:
                break
            fast = rows
    except Exception:  # noqa: BLE001 (onnxruntime's own; a made-up row proves nothing against it)
        return 0
    return fast


def _seconds(predict: Callable[[Feeds], Answers], feeds: Feeds) -> float:
    """The median time of a prediction."""
    times = []
    for _ in range(_ASKED):
        start = time.perf_counter()
        predict(feeds)
        times.append(time.perf_counter() - start)
    return sorted(times)[_ASKED // 2]
