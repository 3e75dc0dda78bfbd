"""`assay serve`: a bundle as a server. Parses, calls, prints."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (Typer reads the annotations)
from typing import Annotated

import typer

from assay import cliserveoptions as options
from assay.clioptions import (
    HERE,
    Identity,
    Issuer,
    Root,
    Roots,
    SignerKey,
    console_of_host,
)

_PACKAGES = ("httptools", "numpy", "onnxruntime", "orjson", "uvicorn", "zstandard")


def serve(
    bundle: Annotated[
        Path,
        typer.Argument(
            envvar="ASSAY_BUNDLE", show_default=False, help="A bundle: its folder or .tar.zst."
        ),
    ],
    *,
    root: Root = HERE,
    key: SignerKey = None,
    certificate: Roots = None,
    identity: Identity = None,
    issuer: Issuer = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Serve it whoever made it, if it is whole.")
    ] = False,
    host: Annotated[
        str, typer.Option(envvar="ASSAY_SERVE_HOST", help="Where to listen.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="ASSAY_SERVE_PORT", help="0: any that is free.")
    ] = 8080,
    uds: Annotated[
        Path | None,
        typer.Option(envvar="ASSAY_SERVE_UDS", help="A unix socket, in place of host and port."),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            "--as", envvar="ASSAY_SERVE_VERSION", help="The version's name. Default: its digest."
        ),
    ] = None,
    max_body: Annotated[
        int, typer.Option(envvar="ASSAY_SERVE_MAX_BODY", help="Bytes of a request.")
    ] = 1_000_000,
    max_rows: Annotated[
        int, typer.Option(envvar="ASSAY_SERVE_MAX_ROWS", help="Rows of a request.")
    ] = 1000,
    timeout: Annotated[
        float, typer.Option(envvar="ASSAY_SERVE_TIMEOUT", help="Seconds to send, and to answer.")
    ] = 10.0,
    concurrency: Annotated[
        int, typer.Option(envvar="ASSAY_SERVE_CONCURRENCY", help="Requests inside at once.")
    ] = 64,
    drain: Annotated[
        float,
        typer.Option(envvar="ASSAY_SERVE_DRAIN", help="Seconds to finish when it is to end."),
    ] = 10.0,
    admin: Annotated[
        bool,
        typer.Option(
            "--admin", envvar="ASSAY_SERVE_ADMIN", help="Answer /assay/: where it is private."
        ),
    ] = False,
    bins: Annotated[
        Path | None,
        typer.Option(envvar="ASSAY_SERVE_BINS", help="A profile.json to count predictions by."),
    ] = None,
    access_log: options.AccessLog = False,
    log: options.Log = None,
    log_format: options.LogFormat = "jsonl",
    log_share: options.LogShare = 1.0,
    log_drop: options.LogDrop = None,
    log_bytes: options.LogBytes = 64_000_000,
    log_seconds: options.LogSeconds = 300.0,
    api_keys: options.ApiKeys = None,
    oidc_issuer: options.OidcIssuer = None,
    oidc_audience: options.OidcAudience = "",
    oidc_jwks: options.OidcKeys = None,
    batch_rows: options.BatchRows = 0,
    batch_wait: options.BatchWait = 2.0,
    feedback: options.Feedback = False,
    label: options.Label = None,
) -> None:
    """Answer requests with a bundle's model, verified first."""
    from assay import extras
    from assay.clibundle import found, trust_of
    from assay.section import Reason
    from assay.serving.settings import ServeSettings

    extras.require(_PACKAGES, extra="serve", what="A server needs")
    settings = ServeSettings(
        host=host,
        port=port,
        uds=uds,
        max_body=max_body,
        max_rows=max_rows,
        timeout=timeout,
        concurrency=concurrency,
        drain=drain,
        admin=admin,
        version=version,
        bins=bins,
    )
    beside = options.beside(
        access_log=access_log,
        log=options.log_settings(
            log, log_format, log_share, most_bytes=log_bytes, most_seconds=log_seconds
        ),
        drop=log_drop,
        keys=api_keys,
        provider=options.provider(oidc_issuer, oidc_audience, oidc_jwks),
        batch=(batch_rows, batch_wait),
        feedback=feedback,
        labels=label,
    )
    trust = trust_of(key, certificate, identity, at=None, issuer=issuer, unsigned=unsigned)
    from assay.serving import drain as draining
    from assay.serving.app import create_app
    from assay.serving.beside import hooks
    from assay.serving.loaded import load

    console = console_of_host()
    loaded = load(found(bundle, root), trust, version=version, root=root.resolve())
    if trust is None:
        console.annotate(
            Reason(
                severity="warning",
                message=f"{loaded.name} is served unsigned: nobody vouches for it.",
                hint="Give the signer's public key as --key.",
            )
        )
    app = create_app(loaded, settings, hooks(loaded, settings, beside))
    by = f", signed by {loaded.signer}" if loaded.signer else ""

    def said(where: str) -> None:
        console.line(f"Serving {loaded.name} {loaded.version} on {where}{by}")
        if log is not None:
            without = options.left_out(loaded, beside)
            console.line(f"Predictions are logged in {log}{without}")

    draining.serve(app, settings, said)
