"""A bundle's server as part of an application of the user's own.

FastAPI and Starlette take it below a prefix:

    from assay.serving.mounting import application

    app.mount("/model", application("bundle.tar.zst", key="assay.pub"))

A WSGI application, as Flask's, takes it by `a2wsgi`:

    from a2wsgi import ASGIMiddleware
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    model = ASGIMiddleware(application("bundle.tar.zst", key="assay.pub"))
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/model": model})

What runs beside requests starts with the first one, because a mounted application is not told when
the server starts; a prediction log is made whole when the process ends in order.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.packaging import keys, signing
from assay.serving.app import create_app
from assay.serving.beside import Beside, hooks
from assay.serving.loaded import load
from assay.serving.settings import ServeSettings

if TYPE_CHECKING:
    from assay.packaging.signing import Trust
    from assay.serving.app import App


def application(
    bundle: str | Path,
    *,
    key: str | Path | None = None,
    unsigned: bool = False,
    trust: Trust | None = None,
    settings: ServeSettings | None = None,
    beside: Beside | None = None,
    root: str | Path = ".",
) -> App:
    """The application of a bundle, verified before it is loaded.

    Args:
        bundle: Its folder, or its archive.
        key: The signer's public key, a file.
        unsigned: Whether nobody has to vouch for it.
        trust: Whose signature counts, where that is no key.
        settings: Limits.
        beside: Logs, keys and the like.
        root: The project, whose classes a native model may need.

    Raises:
        AssayError: It is not what it says it is, or cannot be loaded.
        ValueError: Not exactly one of `key`, `unsigned` and `trust` is given.
    """
    if sum((key is not None, unsigned, trust is not None)) != 1:
        raise ValueError("give one of `key`, `trust` and `unsigned=True`")
    if key is not None:
        pem = keys.read(Path(key), what="a public key")
        trust = signing.KeyTrust(keys.public(pem, shown=str(key)))
    settings = settings or ServeSettings()
    loaded = load(Path(bundle), trust, version=settings.version, root=Path(root).resolve())
    return create_app(loaded, settings, hooks(loaded, settings, beside or Beside()))
