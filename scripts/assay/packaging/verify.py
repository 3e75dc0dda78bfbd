"""Whether a bundle is what it says it is, and by whom. Offline; no code of the bundle is run."""

from __future__ import annotations

import functools
import tempfile
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.console import printable
from assay.errors import AssayError, OutsideError, UsageError
from assay.packaging import attest, bundle, envelope, modelfile
from assay.packaging.envelope import FILE as SIGNATURE
from assay.packaging.manifest import FILE as MANIFEST
from assay.packaging.manifest import OUTSIDE, PROVENANCE, TEST_RESULTS
from assay.report.wording import listed, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assay.packaging.signing import Trust

Result = Literal["ok", "refused", "not checked"]
NOBODY = "Nobody vouches for this bundle: whoever changed it can have made all of it fit."
_WHOSE = "--key, --certificate or --identity tells by whom; until then it may be by anybody."
_ANEW = "Do not use it. Get the bundle anew from where it was released."
_MOST_FINDINGS = 5
_LARGEST = 5_000_000
"""Bytes of a signature or an attestation, which are read into memory."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    result: Result
    detail: str
    hint: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What was found."""

    path: str
    checks: tuple[Check, ...]
    name: str | None = None
    """The bundle's; `None` of what could not be read."""
    digest: str | None = None
    """Its address."""
    commit: str | None = None
    signer: str | None = None
    """Who vouches for it."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every file, as it was when it was checked."""

    @property
    def whole(self) -> bool:
        """Whether nothing was refused."""
        return all(check.result != "refused" for check in self.checks)

    @property
    def accepted(self) -> bool:
        """Whether, beside that, somebody who is trusted vouches for it."""
        return self.whole and self.signer is not None

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        found = {"accepted": self.accepted, "whole": self.whole}
        return {**found, **self.__dict__, "checks": [*map(vars, self.checks)]}


def verify(path: Path, trust: Trust | None, *, checker: bool = True) -> Verdict:
    """Check a bundle.

    Args:
        path: Its folder, or its archive.
        trust: Whose signature counts; `None` to look at nothing but whether it is whole.
        checker: Whether ONNX's own checker is asked, where it is installed. Whoever loads the model
            right afterwards is told the same by the runtime, and need not wait for it.

    Raises:
        UsageError: There is nothing of that name.
        OutsideError: The archive cannot be unpacked, as on a full disk.
    """
    if path.is_dir():
        return _of_folder(path, trust, shown=path, checker=checker)
    if not path.is_file():
        raise UsageError(f"There is no {path}.", hint="Name a bundle: its folder or .tar.zst.")
    from assay.packaging import archive

    try:
        with tempfile.TemporaryDirectory(prefix="assay-") as parent:
            unpacked = archive.unpack(path, Path(parent))
            return _of_folder(unpacked.folder, trust, shown=path, checker=checker)
    except bundle.BundleError as error:
        return Verdict(str(path), (_refused("files", error),))


def _of_folder(
    folder: Path,
    trust: Trust | None,
    *,
    shown: Path,
    checker: bool,
) -> Verdict:
    try:
        found = bundle.read(folder)
    except bundle.BundleError as error:
        return Verdict(str(shown), (_refused("files", error),))
    # Hashed once: for the manifest's digests, for the signature's, and for the verdict.
    digest = functools.cache(bundle.sha256)
    files = _files(found, digest)
    if files.result == "refused":
        return Verdict(str(shown), (files,), found.manifest.name, found.digest)
    digests = {name: digest(path) for name, path in bundle.files_of(folder).items()}
    signature, signer = _signature(found, digests, trust)
    checks = [files, signature]
    # What a stranger made is not given to the readers of models and documents.
    if signature.result != "refused":
        checks += [
            _attestations(found, signed=trust is not None),
            *_contents(found, checker=checker),
        ]
    return Verdict(
        str(shown),
        tuple(checks),
        name=found.manifest.name,
        digest=found.digest,
        commit=found.manifest.source.commit,
        signer=signer,
        files=digests,
    )


def _files(found: bundle.Bundle, digest: Callable[[Path], str]) -> Check:
    try:
        damage = [*_too_large(found.folder), *bundle.damage(found, digest=digest)]
        if digest(found.folder / MANIFEST) != found.digest:
            damage.append(f"{MANIFEST} changes while it is read.")
    except OSError as error:
        damage = [f"A file of it cannot be read: {error.strerror}: {error.filename}."]
    if damage:
        return _refusal("files", damage)
    total = sum(entry.bytes for entry in found.manifest.files)
    count = len(found.manifest.files)
    return Check("files", "ok", f"{count} files, {size(total)}, are as they were packaged")


def _too_large(folder: Path) -> Iterator[str]:
    """What no manifest gives a size, and would be hashed without end."""
    for name in OUTSIDE:
        path = folder / name
        if path.is_file() and path.stat().st_size > _LARGEST:
            yield f"{name} is larger than it can be."


def _signature(
    found: bundle.Bundle,
    digests: dict[str, str],
    trust: Trust | None,
) -> tuple[Check, str | None]:
    """The signature, and who made it."""
    if SIGNATURE not in digests:
        if trust is None:
            return Check("signature", "not checked", f"There is none. {NOBODY}"), None
        hint = "Get the signed bundle; or sign it with `assay sign`, if it is your own."
        return Check("signature", "refused", f"The bundle is not signed. {NOBODY}", hint), None
    try:
        signed, by = _signed((found.folder / SIGNATURE).read_bytes(), trust)
    except OutsideError:
        raise
    except AssayError as error:
        return _refused("signature", error), None
    except OSError as error:
        return _refusal("signature", [f"{SIGNATURE} cannot be read: {error.strerror}."]), None
    there = {path: sha256 for path, sha256 in digests.items() if path != SIGNATURE}
    if differences := list(_differences(signed, there)):
        return _refusal("signature", differences), None
    if by is None:
        check = Check("signature", "not checked", f"There is one, of these files. {_WHOSE}")
    else:
        check = Check("signature", "ok", f"by {by}, over all {len(there)} files")
    return check, by


def _signed(content: bytes, trust: Trust | None) -> tuple[dict[str, str], str | None]:
    """(the files that were signed, by whom)."""
    if trust is None:
        return envelope.claimed(content), None
    from assay.packaging import signing

    signed = signing.verify(content, trust)
    return signed.digests, signed.by


def _differences(signed: dict[str, str], there: dict[str, str]) -> Iterator[str]:
    for path in sorted(signed.keys() | there.keys()):
        if path not in there:
            yield f"{path} was signed, and is not there."
        elif path not in signed:
            yield f"{path} was not signed."
        elif signed[path] != there[path]:
            yield f"{path} is not the file that was signed."


def _attestations(found: bundle.Bundle, *, signed: bool) -> Check:
    """What is attested, held against the manifest."""
    try:
        statements = {
            name: (found.folder / name).read_bytes()
            for name in (PROVENANCE, TEST_RESULTS)
            if (found.folder / name).is_file()
        }
    except OSError as error:
        return _refusal("attestations", [f"They cannot be read: {error.strerror}."])
    if not statements and not signed:
        return Check("attestations", "not checked", "there are none; `assay sign` writes them")
    if contradictions := list(attest.contradictions(found, statements)):
        return _refusal("attestations", contradictions)
    counts = Counter(gate.result for gate in found.manifest.gates)
    gates = ", ".join(f"{count} {result}" for result, count in counts.items()) or "none"
    commit = found.manifest.source.commit[:12]
    return Check("attestations", "ok", f"of this bundle: commit {commit}; gates: {gates}")


def _contents(found: bundle.Bundle, *, checker: bool) -> Iterator[Check]:
    """The model, and the documents beside it."""
    if complaints := list(modelfile.complaints(found, checker=checker)):
        yield _refusal("model", complaints)
    else:
        yield Check("model", "ok", modelfile.described(found))
    if strangers := list(modelfile.strangers(found)):
        yield _refusal("documents", strangers)
    else:
        listed_files = {entry.path for entry in found.manifest.files}
        documents = [name for name in (modelfile.CARD, modelfile.BOM) if name in listed_files]
        if documents:
            yield Check("documents", "ok", f"{listed(documents)} are of this model")


def _refused(name: str, error: AssayError) -> Check:
    return Check(name, "refused", error.message, error.hint or _ANEW)


def _refusal(name: str, findings: Sequence[str]) -> Check:
    shown = " ".join(findings[:_MOST_FINDINGS])
    more = len(findings) - _MOST_FINDINGS
    return Check(name, "refused", f"{shown} And {more:,} more." if more > 0 else shown, _ANEW)


def text(verdict: Verdict) -> str:
    """A verdict for a terminal of 80 columns."""
    lines = [printable(f"{verdict.path}: {verdict.name or 'a bundle that cannot be read'}"), ""]
    for check in verdict.checks:
        start = f"  {check.name:<12}  {check.result:<11}  "
        lines += _wrapped(start, check.detail)
        if check.hint is not None:
            lines += _wrapped(" " * len(start), check.hint)
    lines += ["", f"digest  {verdict.digest or 'unknown'}"]
    return "\n".join([*lines, _conclusion(verdict)])


def _conclusion(verdict: Verdict) -> str:
    if not verdict.whole:
        return "REFUSED. Do not use it."
    if verdict.signer is not None:
        return f"Accepted: signed by {verdict.signer}."
    if SIGNATURE in verdict.files:
        return "SIGNER NOT CHECKED: the files fit together, by whomever they are."
    return "UNSIGNED: the files fit together, and nobody vouches for them."


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        width=80,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )
