"""What is attested of a bundle: where it comes from, and which gates its model passed.

In-toto statements (https://github.com/in-toto/attestation, Statement v1) with the predicates of
SLSA provenance v1 and of test results v0.1. They are plain JSON, and the bundle's signature covers
them. docs/verify.md says what each field holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assay import __version__
from assay.packaging.envelope import STATEMENT
from assay.packaging.manifest import FILE, PROVENANCE, TEST_RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from assay.ci import CiContext
    from assay.packaging.bundle import Bundle
    from assay.packaging.manifest import GateResult, Tracked

SLSA = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
_DOCUMENT = "https://github.com/your-org/assay/blob/main/docs/verify.md"
BUILD_TYPE = f"{_DOCUMENT}#provenance"
Statement = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """The run that attests."""

    builder: str
    """The address of what ran: on GitHub the workflow at its revision."""
    finished: datetime
    """UTC."""
    repository: str | None = None
    """Its address, without a name and password in it."""
    ref: str | None = None
    workflow: str | None = None
    invocation: str | None = None
    """The address of this very run."""


def run_of(
    ci: CiContext, environ: Mapping[str, str], *, now: datetime, remote: str | None = None
) -> Run:
    """The run that this process is part of.

    Args:
        ci: What the environment says.
        environ: The environment variables themselves.
        now: UTC.
        remote: The address of git's remote, where the host of the run names no repository.
    """
    # `owner/name/.github/workflows/release.yml@refs/tags/v1`
    place = environ.get("GITHUB_WORKFLOW_REF") if ci.host == "github" else None
    attempt = environ.get("GITHUB_RUN_ATTEMPT") if ci.host == "github" else None
    invocation = ci.run_url
    if invocation and attempt:
        invocation = f"{invocation}/attempts/{attempt}"
    file = place.partition("@")[0].split("/", 2)[-1] if place else None
    return Run(
        builder=f"{ci.server_url}/{place}" if place else f"{_DOCUMENT}#{ci.host}",
        finished=now,
        repository=f"{ci.server_url}/{ci.repository}" if ci.repository else public(remote),
        ref=(environ.get("GITHUB_REF") if ci.host == "github" else None) or ci.head_ref,
        workflow=file or ci.workflow,
        invocation=invocation,
    )


def public(remote: str | None) -> str | None:
    """A remote's address as anybody may read it: no name and password, and no path of a disk."""
    if not remote:
        return None
    host, colon, path = remote.partition(":")
    if colon and "/" not in host and not path.startswith("//"):  # git@github.com:owner/name.git
        remote = f"ssh://{host}/{path}"
    try:
        parts = urlsplit(remote)
        name, port = parts.hostname, f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https", "ssh", "git") or not name:
        return None
    return f"{parts.scheme}://{name}{port}{parts.path}"


def provenance(bundle: Bundle, run: Run) -> Statement:
    """Where a bundle comes from: SLSA provenance v1.

    Its dependencies are the commit, the model and the data, each with its digest.
    """
    source = bundle.manifest.source
    external = {"repository": run.repository, "ref": run.ref, "workflow": run.workflow}
    return _statement(
        bundle,
        SLSA,
        {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _known({**external, "artifact": bundle.manifest.name}),
                "internalParameters": {"environment": bundle.manifest.environment.model_dump()},
                "resolvedDependencies": [
                    _known(
                        {
                            "uri": f"git+{run.repository}" if run.repository else None,
                            "name": "commit",
                            "digest": {"gitCommit": source.commit},
                        }
                    ),
                    *(_tracked(one, source.project) for one in (source.model, *source.data)),
                ],
            },
            "runDetails": {
                "builder": {"id": run.builder, "version": {"assay": __version__}},
                "metadata": _known(
                    {
                        "invocationId": run.invocation,
                        "finishedOn": run.finished.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    }
                ),
            },
        },
    )


def test_results(bundle: Bundle) -> Statement:
    """Which gates the model passed: a test result v0.1.

    A gate that could not tell is a warning, and so is that nothing was judged.
    """
    manifest = bundle.manifest
    names = {kind: list(_named(manifest.gates, kind)) for kind in ("passed", "failed")}
    warned = [one.name for one in manifest.gates if one.result not in ("passed", "failed")]
    if names["failed"] or manifest.verdict in ("fail", "error"):
        result = "FAILED"
    else:
        result = "PASSED" if manifest.verdict == "pass" and not warned else "WARNED"
    return _statement(
        bundle,
        TEST_RESULT,
        {
            "result": result,
            "configuration": [
                # The gates, and the commit with the assay.yaml that names them.
                _subject(FILE, bundle.digest),
                {"name": "commit", "digest": {"gitCommit": manifest.source.commit}},
            ],
            "passedTests": names["passed"],
            "warnedTests": warned,
            "failedTests": names["failed"],
        },
    )


def contradictions(bundle: Bundle, statements: Mapping[str, bytes]) -> Iterator[str]:
    """What attestations say that the bundle does not, one sentence a finding.

    Args:
        bundle: The bundle.
        statements: Content by path.
    """
    for path in (PROVENANCE, TEST_RESULTS):
        if path not in statements:
            yield f"{path} is missing."
            continue
        found = parsed(statements[path])
        if found is None:
            yield f"{path} is no in-toto statement."
        elif found.get("subject") != _subjects(bundle):
            yield f"{path} is of another bundle: its subject is not this one."
        elif path == TEST_RESULTS and found != test_results(bundle):
            yield f"{path} does not say of the gates what {FILE} says."
        elif path == PROVENANCE and not _same_source(found, bundle):
            yield f"{path} does not name the commit, the model and the data that {FILE} names."


def parsed(content: bytes) -> Statement | None:
    """A statement; `None` for what is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("_type") == STATEMENT else None


def text(statement: Statement) -> str:
    """As it is written."""
    return json.dumps(statement, indent=1) + "\n"


def _same_source(found: Statement, bundle: Bundle) -> bool:
    """Whether provenance is of this commit and data; the run that it names may be any."""
    definition = _part(_part(found, "predicate"), "buildDefinition")
    given = definition.get("resolvedDependencies")
    source = bundle.manifest.source
    expected = [_tracked(one, source.project) for one in (source.model, *source.data)]
    return (
        found.get("predicateType") == SLSA
        and definition.get("buildType") == BUILD_TYPE
        and isinstance(given, list)
        and _part(given[0] if given else None, "digest") == {"gitCommit": source.commit}
        and given[1:] == expected
    )


def _part(value: object, name: str) -> dict[str, Any]:
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}


def _statement(bundle: Bundle, kind: str, predicate: dict[str, Any]) -> Statement:
    return {
        "_type": STATEMENT,
        "subject": _subjects(bundle),
        "predicateType": kind,
        "predicate": predicate,
    }


def _subjects(bundle: Bundle) -> list[dict[str, Any]]:
    """The manifest, whose digest is the bundle's address, and the model."""
    model = bundle.manifest.model
    digests = {entry.path: entry.sha256 for entry in bundle.manifest.files}
    subjects = {FILE: bundle.digest, model: digests[model]} if model in digests else {}
    return [_subject(name, digest) for name, digest in subjects.items()]


def _subject(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}


def _tracked(one: Tracked, project: str) -> dict[str, Any]:
    """A resource as DVC tracks it; the MD5 of a folder is of the list of its files."""
    return {"name": f"{project}{one.path}", "digest": {"md5": one.md5.removesuffix(".dir")}}


def _named(gates: Sequence[GateResult], result: str) -> Iterator[str]:
    return (gate.name for gate in gates if gate.result == result)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
