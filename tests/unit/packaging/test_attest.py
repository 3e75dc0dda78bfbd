"""Attestations: what in-toto's own library reads in them, and what contradicts a bundle."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from assay.ci import detect
from assay.packaging import attest
from assay.packaging.manifest import PROVENANCE, TEST_RESULTS, GateResult

from tests.unit.packaging import vouched

if TYPE_CHECKING:
    from pathlib import Path

    from assay.packaging.bundle import Bundle

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/bikes",
    "GITHUB_REF": "refs/tags/peak-hour@v1.2.3",
    "GITHUB_REF_NAME": "peak-hour@v1.2.3",
    "GITHUB_SHA": "c" * 40,
    "GITHUB_RUN_ID": "12",
    "GITHUB_RUN_ATTEMPT": "3",
    "GITHUB_WORKFLOW": "Release",
    "GITHUB_WORKFLOW_REF": "acme/bikes/.github/workflows/r.yml@refs/tags/peak-hour@v1.2.3",
}


@pytest.fixture
def made(tmp_path: Path) -> Bundle:
    return vouched.made(tmp_path)


def _as_read_by_in_toto(statement: attest.Statement) -> Any:
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    parsed = json_format.Parse(attest.text(statement), statement_pb2.Statement())
    whole = Statement.copy_from_pb(parsed)
    whole.validate()
    return parsed


def test_in_toto_reads_provenance(made: Bundle) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor

    statement = attest.provenance(made, vouched.RUN)
    read = _as_read_by_in_toto(statement)
    assert read.predicate_type == "https://slsa.dev/provenance/v1"
    subjects = {one.name: one.digest["sha256"] for one in read.subject}
    model = next(one.sha256 for one in made.manifest.files if one.path == "model.onnx")
    assert subjects == {"manifest.json": made.digest, "model.onnx": model}
    # An unknown or a misspelled field is an error of this parser.
    predicate = json_format.ParseDict(statement["predicate"], provenance_pb2.Provenance())
    for one in predicate.build_definition.resolved_dependencies:
        ResourceDescriptor.copy_from_pb(one).validate()
    commit, model_file, data, folder = predicate.build_definition.resolved_dependencies
    assert (commit.uri, dict(commit.digest)) == (
        "git+https://github.com/acme/bikes",
        {"gitCommit": "c" * 40},
    )
    assert (model_file.name, model_file.digest["md5"]) == ("models/model.joblib", "a" * 32)
    assert data.name == "data/evaluation.csv"
    assert folder.digest["md5"] == "b" * 32
    assert predicate.run_details.metadata.finished_on.ToDatetime(UTC) == vouched.NOW
    assert predicate.run_details.metadata.invocation_id.endswith("/runs/1/attempts/1")
    assert predicate.run_details.builder.id == vouched.RUN.builder


def test_in_toto_reads_test_results(made: Bundle) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2

    statement = attest.test_results(made)
    read = _as_read_by_in_toto(statement)
    assert read.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
    predicate = json_format.ParseDict(statement["predicate"], test_result_pb2.TestResult())
    assert predicate.result == "PASSED"
    assert list(predicate.passed_tests) == ["roc_auc min"]
    assert predicate.configuration[0].digest["sha256"] == made.digest


@pytest.mark.parametrize(
    ("results", "verdict", "expected"),
    [
        (["passed"], "pass", "PASSED"),
        (["passed", "inconclusive"], "pass", "WARNED"),
        (["not decided"], "pass", "WARNED"),
        (["passed", "failed"], "pass", "FAILED"),
        (["passed"], "fail", "FAILED"),
        (["passed"], "error", "FAILED"),
        (["passed"], "warn", "WARNED"),
        ([], "no gate", "WARNED"),
    ],
)
def test_no_result_is_better_than_the_gates(
    tmp_path: Path, results: list[Any], verdict: str, expected: str
) -> None:
    gates = tuple(
        GateResult(name=f"{n} {result}", result=result, message="")
        for n, result in enumerate(results)
    )
    predicate = attest.test_results(vouched.made(tmp_path, gates=gates, verdict=verdict))[
        "predicate"
    ]
    assert predicate["result"] == expected
    kinds = ("passedTests", "warnedTests", "failedTests")
    named = [name for kind in kinds for name in predicate[kind]]
    assert sorted(named) == [gate.name for gate in gates]


def test_a_run_on_github() -> None:
    run = attest.run_of(detect(GITHUB), GITHUB, now=vouched.NOW, remote="git@elsewhere:x/y")
    assert run == attest.Run(
        builder="https://github.com/acme/bikes/.github/workflows/r.yml@refs/tags/peak-hour@v1.2.3",
        finished=vouched.NOW,
        repository="https://github.com/acme/bikes",
        ref="refs/tags/peak-hour@v1.2.3",
        workflow=".github/workflows/r.yml",
        invocation="https://github.com/acme/bikes/actions/runs/12/attempts/3",
    )


def test_a_run_on_a_laptop(made: Bundle) -> None:
    run = attest.run_of(detect({}), {}, now=datetime(2026, 1, 2, tzinfo=UTC))
    assert run.builder.endswith("docs/verify.md#local")
    assert (run.repository, run.ref, run.workflow, run.invocation) == (None, None, None, None)
    statement = attest.provenance(made, run)
    _as_read_by_in_toto(statement)
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"artifact": "peak-hour"}
    assert "uri" not in definition["resolvedDependencies"][0]
    assert statement["predicate"]["runDetails"]["metadata"] == {
        "finishedOn": "2026-01-02T00:00:00Z"
    }


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://me:ghp_secret@github.com/acme/bikes.git", "https://github.com/acme/bikes.git"),
        ("https://ghp_secret@github.com:8443/acme/bikes", "https://github.com:8443/acme/bikes"),
        ("https://github.com/acme/bikes?token=secret#x", "https://github.com/acme/bikes"),
        ("git@github.com:acme/bikes.git", "ssh://github.com/acme/bikes.git"),
        ("ssh://git@github.com/acme/bikes", "ssh://github.com/acme/bikes"),
        ("/home/me/secret/bikes.git", None),
        ("file:///home/me/secret", None),
        ("../bikes", None),
        ("https://[half", None),
        ("", None),
        (None, None),
    ],
)
def test_no_secret_of_a_remote_is_attested(remote: str | None, expected: str | None) -> None:
    assert attest.public(remote) == expected


def _statements(made: Bundle) -> dict[str, attest.Statement]:
    return {
        PROVENANCE: attest.provenance(made, vouched.RUN),
        TEST_RESULTS: attest.test_results(made),
    }


def _contradictions(made: Bundle, statements: dict[str, Any]) -> list[str]:
    contents = {path: json.dumps(one).encode() for path, one in statements.items()}
    return list(attest.contradictions(made, contents))


def test_what_we_attest_contradicts_nothing(made: Bundle) -> None:
    assert _contradictions(made, _statements(made)) == []


def test_attestations_of_another_bundle(made: Bundle, tmp_path: Path) -> None:
    other = vouched.made(tmp_path / "other", confidence=0.9)
    assert _contradictions(made, _statements(other)) == [
        "attestations/provenance.json is of another bundle: its subject is not this one.",
        "attestations/test-results.json is of another bundle: its subject is not this one.",
    ]


def test_another_commit_data_and_gates(made: Bundle, tmp_path: Path) -> None:
    source = made.manifest.source
    failed = GateResult(name="roc_auc min", result="failed", message="")
    for update, said in (
        ({"source": source.model_copy(update={"commit": "d" * 40})}, "the commit"),
        ({"source": source.model_copy(update={"data": source.data[:1]})}, "the data"),
        ({"gates": (failed,)}, "of the gates"),
    ):
        other = vouched.made(tmp_path / said, **update)
        statements = _statements(other)
        for one in statements.values():  # as somebody would who wants it to fit
            one["subject"] = _statements(made)[PROVENANCE]["subject"]
            if "configuration" in one["predicate"]:
                one["predicate"]["configuration"][0]["digest"] = {"sha256": made.digest}
        assert any(said in found for found in _contradictions(made, statements)), said


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"_type": "https://in-toto.io"}']
)
def test_what_is_no_statement(made: Bundle, content: bytes) -> None:
    found = list(attest.contradictions(made, {PROVENANCE: content}))
    assert found == [
        "attestations/provenance.json is no in-toto statement.",
        "attestations/test-results.json is missing.",
    ]


@pytest.mark.parametrize(
    "predicate",
    [None, [], {}, {"buildDefinition": []}, {"buildDefinition": {"resolvedDependencies": [[]]}}],
)
def test_provenance_of_another_shape(made: Bundle, predicate: object) -> None:
    statements = _statements(made)
    statements[PROVENANCE]["predicate"] = predicate
    (found,) = _contradictions(made, statements)
    assert "does not name the commit, the model and the data" in found
