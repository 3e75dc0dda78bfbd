"""Why data could not be had from a remote, in our words: from what DVC printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.console import printable
from assay.errors import RemoteError
from assay.workspace import dvccli

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.process import Completed
    from assay.workspace.dvccli import Remote
    from assay.workspace.objects import CacheObject

# DVC passes over an object that is not there, but not over a file of a folder, nor over a list of
# the files of a folder that is damaged.
_ABSENT = ("No such file or directory", "NoSuchKey", "is corrupted")

_DENIED = ("access was denied", "Check the credentials that this step gets.")
_UNREACHABLE = ("it cannot be reached", "Check its address and the network.")
_NO_PACKAGE = (
    "DVC lacks the package for this kind of remote",
    "Add the `dvc[s3]`, `dvc[ssh]`, ... extra to the project's requirements.",
)
# What is printed -> what it means, what to do. The first that fits counts.
_CAUSES: Mapping[str, tuple[str, str]] = {
    "No space left on device": ("the disk is full", "Free some space, or use a larger runner."),
    "Unable to locate credentials": (
        "there are no credentials for it",
        "Pass them as environment variables (`env:` from secrets) to this step.",
    ),
    "InvalidAccessKeyId": ("the access key is unknown", "Check AWS_ACCESS_KEY_ID."),
    "SignatureDoesNotMatch": ("the secret key is wrong", "Check AWS_SECRET_ACCESS_KEY."),
    "ExpiredToken": ("the credentials have expired", "Renew them."),
    "Host key is not trusted": (
        "its host key is not known",
        "Add it to ~/.ssh/known_hosts in a step before, for example with ssh-keyscan.",
    ),
    "Permission denied": _DENIED,
    "AccessDenied": _DENIED,
    "Forbidden": _DENIED,
    "Could not connect": _UNREACHABLE,
    "Connect call failed": _UNREACHABLE,
    "Connection refused": _UNREACHABLE,
    "Connection lost": _UNREACHABLE,
    "Name or service not known": _UNREACHABLE,
    "nodename nor servname": _UNREACHABLE,
    "Temporary failure in name resolution": _UNREACHABLE,
    "No route to host": _UNREACHABLE,
    "Network is unreachable": _UNREACHABLE,
    "timed out": _UNREACHABLE,
    "timeout on endpoint": _UNREACHABLE,
    "requires these missing dependencies": _NO_PACKAGE,
    "is supported, but requires 'dvc-": _NO_PACKAGE,
}


def explain(
    done: Completed, remote: Remote | None, absent: Sequence[CacheObject] = ()
) -> RemoteError:
    """The error of a `dvc pull` or `fetch` that failed; `absent` is what it did not bring."""
    if absent and remote and any(sign in done.tail for sign in _ABSENT):
        return not_in_remote(absent, remote)
    where = f"the remote `{remote.name}` ({remote.url})" if remote else "DVC"
    said = dvccli.explanation(done.tail) or f"dvc {done.ending}"
    for sign, (cause, hint) in _CAUSES.items():
        if sign in done.tail:
            return RemoteError(f"Pulling from {where} failed: {cause}. DVC said: {said}", hint=hint)
    return RemoteError(f"Pulling from {where} failed: DVC said: {said}")


def not_in_remote(absent: Sequence[CacheObject], remote: Remote | None) -> RemoteError:
    """The error of objects that are not there."""
    names = listed([found.name for found in absent])
    where = f"the remote `{remote.name}` ({remote.url})" if remote else "the cache"
    if remote and "://" not in remote.url and not Path(remote.url).is_dir():
        return RemoteError(
            f"{names} cannot be fetched: {where} does not exist.",
            hint="Check its address in .dvc/config, and that its disk is mounted.",
            file=".dvc/config",
        )
    return RemoteError(
        f"{names} {'is' if len(absent) == 1 else 'are'} not in {where}, or damaged there.",
        hint="Run `dvc push` where the data is.",
        file=absent[0].output.path,
    )


def is_only_unsaved(done: Completed) -> bool:
    """Whether DVC merely refused to overwrite data that somebody is working on."""
    return "unsaved files without confirmation" in done.tail


def listed(names: Sequence[str]) -> str:
    """A few names, safe to print, and how many more there are."""
    shown = ", ".join(printable(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
