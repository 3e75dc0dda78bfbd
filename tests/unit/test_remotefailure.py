"""What DVC 3.67 printed when a remote failed, and what we make of it."""

from __future__ import annotations

import pytest
from assay.process import Completed
from assay.workspace import remotefailure
from assay.workspace.dvccli import Remote

CLOUD = Remote(name="cloud", url="s3://models/bikes")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("unexpected error - [Errno 28] No space left on device", "the disk is full"),
        ("unexpected error - Unable to locate credentials", "there are no credentials for it"),
        ("unexpected error - Forbidden: An error occurred (403)", "access was denied"),
        ("unexpected error - Permission denied for user root", "access was denied"),
        ("An error occurred (InvalidAccessKeyId) when calling", "the access key is unknown"),
        ("An error occurred (SignatureDoesNotMatch)", "the secret key is wrong"),
        ("An error occurred (ExpiredToken)", "the credentials have expired"),
        ("[Errno 111] Connect call failed ('127.0.0.1', 34509)", "it cannot be reached"),
        ('Could not connect to the endpoint URL: "http://x"', "it cannot be reached"),
        ("[Errno -2] Name or service not known", "it cannot be reached"),
        (
            "unexpected error - gs is supported, but requires 'dvc-gs' to be installed",
            "DVC lacks the package for this kind of remote",
        ),
        (
            "URL 's3://x' is supported but requires these missing dependencies: ['s3fs'].",
            "DVC lacks the package for this kind of remote",
        ),
        ("Host key is not trusted for host x", "its host key is not known"),
    ],
)
def test_causes(said: str, cause: str) -> None:
    done = Completed(code=255, tail=f"something\nERROR: {said}\nmore", seconds=1)
    error = remotefailure.explain(done, CLOUD)
    start = "Pulling from the remote `cloud` (s3://models/bikes) failed: "
    assert error.message == f"{start}{cause}. DVC said: {said}"
    assert error.hint
    assert error.exit_code == 3


def test_a_cause_that_nobody_foresaw() -> None:
    done = Completed(code=255, tail="ERROR: strange\x1b[31m", seconds=1)
    assert remotefailure.explain(done, CLOUD).message.endswith(r"failed: DVC said: strange\x1b[31m")
    killed = Completed(code=-9, tail="", seconds=1)
    assert remotefailure.explain(killed, CLOUD).message.endswith("dvc was killed by SIGKILL")


def test_many_names_are_cut() -> None:
    assert remotefailure.listed(["a", "b\n"]) == r"a, b\n"
    assert remotefailure.listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
