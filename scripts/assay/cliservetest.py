"""`assay serve-test`: a bundle in the real server, before it is released. Parses, calls, prints."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.clioptions import HERE, BundlePath, Root, console_of_host

if TYPE_CHECKING:
    from assay.serving.trial import Trial

_PACKAGES = ("httptools", "numpy", "onnxruntime", "orjson", "uvicorn", "zstandard")


def serve_test(
    bundle: BundlePath = None,
    *,
    root: Root = HERE,
    rows: Annotated[
        int, typer.Option(envvar="ASSAY_ROWS", min=0, help="To be asked; 0: only load it.")
    ] = 100,
    timeout: Annotated[
        float, typer.Option(envvar="ASSAY_TIMEOUT", min=1, help="Seconds for all of it.")
    ] = 120.0,
    key: Annotated[
        Path | None,
        typer.Option(
            envvar="ASSAY_VERIFICATION_KEY",
            help="The signer's public key. Without it, nobody has to vouch for the bundle.",
        ),
    ] = None,
) -> None:
    """Start the server with a bundle, and ask it by every protocol."""
    from assay import extras
    from assay.clibundle import found

    extras.require(_PACKAGES, extra="serve", what="A server needs")
    path = found(bundle, root).resolve()
    if path.is_dir():
        name, trial = _tried(path, path, root, rows=rows, timeout=timeout, key=key)
    else:
        from assay.packaging import archive

        with tempfile.TemporaryDirectory(prefix="assay-") as parent:
            folder = archive.unpack(path, Path(parent)).folder
            name, trial = _tried(path, folder, root, rows=rows, timeout=timeout, key=key)
    console = console_of_host()
    console.line(f"{name}: the server is ready after {trial.ready:.1f} s")
    if trial.rows:
        console.line(
            f"{trial.rows:,} rows: JSON rows, V2, V2 with binary tensors and TensorFlow Serving's "
            "API say the same"
        )


def _tried(
    path: Path, folder: Path, root: Path, *, rows: int, timeout: float, key: Path | None
) -> tuple[str, Trial]:
    """(the name of the model, what was found)."""
    from assay.packaging import bundle
    from assay.packaging.profile import FILE, Profile
    from assay.serving import trial

    manifest = bundle.read(folder).manifest
    beside = folder / FILE
    profile = Profile.model_validate_json(beside.read_bytes()) if beside.is_file() else None
    trust = ("--unsigned",) if key is None else ("--key", str(key.resolve()))
    return manifest.name, trial.run(
        path,
        manifest.signature,
        profile,
        name=manifest.name,
        root=root.resolve(),
        rows=rows,
        timeout=timeout,
        trust=trust,
    )
