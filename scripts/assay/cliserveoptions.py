"""Options of `assay serve` for what a server has beside its core."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assay.serving.auth import Keys
    from assay.serving.beside import Beside
    from assay.serving.loaded import Loaded
    from assay.serving.logfiles import Form
    from assay.serving.oidc import Provider
    from assay.serving.predictionlog import LogSettings

_KEYS = "ASSAY_SERVE_API_KEYS"

AccessLog = Annotated[
    bool,
    typer.Option(
        "--access-log", envvar="ASSAY_SERVE_ACCESS_LOG", help="A JSON line a request, on stdout."
    ),
]
Log = Annotated[
    Path | None,
    typer.Option(envvar="ASSAY_SERVE_LOG", help="Log what is asked and answered in this folder."),
]
LogFormat = Annotated[
    str, typer.Option(envvar="ASSAY_SERVE_LOG_FORMAT", help="jsonl, or parquet (needs pyarrow).")
]
LogShare = Annotated[
    float, typer.Option(envvar="ASSAY_SERVE_LOG_SHARE", help="Of the requests, from 0 to 1.")
]
LogDrop = Annotated[
    list[str] | None,
    typer.Option(
        envvar="ASSAY_SERVE_LOG_DROP",
        help="An input not to log; sensitive ones never are.",
        show_default=False,
    ),
]
LogBytes = Annotated[
    int, typer.Option(envvar="ASSAY_SERVE_LOG_BYTES", help="Of a file of the log.")
]
LogSeconds = Annotated[
    float, typer.Option(envvar="ASSAY_SERVE_LOG_SECONDS", help="That a file is written to.")
]
ApiKeys = Annotated[
    Path | None,
    typer.Option(
        envvar=f"{_KEYS}_FILE", help=f"A file of keys that may ask. Else {_KEYS} has its text."
    ),
]
OidcIssuer = Annotated[
    str | None,
    typer.Option(envvar="ASSAY_SERVE_OIDC_ISSUER", help="Whose bearer tokens may ask."),
]
OidcAudience = Annotated[
    str, typer.Option(envvar="ASSAY_SERVE_OIDC_AUDIENCE", help="What the tokens are for.")
]
OidcKeys = Annotated[
    str | None,
    typer.Option(
        "--oidc-jwks", envvar="ASSAY_SERVE_OIDC_JWKS", help="Their keys. Default: discovered."
    ),
]
BatchRows = Annotated[
    int, typer.Option(envvar="ASSAY_SERVE_BATCH_ROWS", help="Ask for so many at once; 0: do not.")
]
BatchWait = Annotated[
    float, typer.Option(envvar="ASSAY_SERVE_BATCH_WAIT", help="Milliseconds to wait for them.")
]
Feedback = Annotated[
    bool,
    typer.Option("--feedback", envvar="ASSAY_SERVE_FEEDBACK", help="Take the truth, later."),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        envvar="ASSAY_SERVE_LABELS",
        help="A name of the version in TensorFlow Serving's API.",
        show_default=False,
    ),
]


def beside(
    *,
    access_log: bool,
    log: LogSettings | None,
    drop: list[str] | None,
    keys: Path | None,
    provider: Provider | None,
    batch: tuple[int, float],
    feedback: bool,
    labels: list[str] | None,
) -> Beside:
    """What is asked for.

    Args:
        access_log: Whether requests are listed.
        log: Where predictions go.
        drop: Inputs that are not logged.
        keys: A file of API keys.
        provider: Of tokens.
        batch: (rows of a micro-batch, milliseconds that it waits).
        feedback: Whether the truth is taken.
        labels: Names of the version.

    Raises:
        UsageError: Something of it cannot be.
    """
    from assay.serving.beside import Beside

    return Beside(
        access_log=access_log,
        log=log,
        drop=tuple(drop or ()),
        keys=_keys(keys),
        provider=provider,
        batch_rows=batch[0],
        batch_wait=batch[1] / 1000,
        feedback=feedback,
        labels=tuple(labels or ()),
    )


def log_settings(
    folder: Path | None, form: str, share: float, *, most_bytes: int, most_seconds: float
) -> LogSettings | None:
    """Where and how predictions are logged; `None`: they are not.

    Raises:
        UsageError: It cannot be so.
        ProjectEnvironmentError: pyarrow is needed, and not installed.
    """
    from assay import extras
    from assay.errors import UsageError
    from assay.serving.predictionlog import LogSettings

    if folder is None:
        return None
    forms: dict[str, Form] = {"jsonl": "jsonl", "parquet": "parquet"}
    if form not in forms:
        raise UsageError(f"`--log-format` is {form!r}.", hint="It is `jsonl` or `parquet`.")
    if form == "parquet":
        extras.require(("pyarrow",), extra="parquet", what="A log in Parquet needs")
    if not 0 <= share <= 1:
        raise UsageError(f"`--log-share` is {share:g}; it has to be from 0 to 1.")
    if most_bytes < 1 or not most_seconds > 0:
        raise UsageError("`--log-bytes` and `--log-seconds` have to be more than 0.")
    return LogSettings(
        folder=folder,
        form=forms[form],
        share=share,
        most_bytes=most_bytes,
        most_seconds=most_seconds,
    )


def left_out(loaded: Loaded, beside: Beside) -> str:
    """The inputs that the log does not hold, as the end of a sentence."""
    from assay.report.wording import listed
    from assay.serving.beside import logged

    names = logged(loaded, beside).dropped
    return f", without {listed([f'`{name}`' for name in names])}" if names else ""


def provider(issuer: str | None, audience: str, jwks: str | None) -> Provider | None:
    """Whose tokens are good; `None` of nobody.

    Raises:
        UsageError: Half of it is missing.
    """
    from assay.errors import UsageError

    if issuer is None:
        if audience or jwks:
            raise UsageError("`--oidc-audience` and `--oidc-jwks` go with `--oidc-issuer`.")
        return None
    from assay.serving.oidc import Provider

    return Provider(issuer, audience, jwks)


def _keys(path: Path | None) -> Keys | None:
    from assay.serving import auth

    if path is not None:
        return auth.keys_of(path)
    text = os.environ.get(_KEYS, "")
    return auth.keys(text, shown=_KEYS) if text.strip() else None
