"""The pages for people: what is served here, and how to ask it. They load nothing from elsewhere.

All that a bundle says is text in them. A policy (`Content-Security-Policy`) lets the browser run
the one script and apply the one style that are here, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assay.serving.loaded import Loaded
    from assay.serving.protocols.base import Document, Headers

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff }
code, pre, textarea { font: 14px/1.4 ui-monospace, monospace }
pre, textarea { background: #f4f4f4; border: 1px solid #ccc; border-radius: 4px; padding: .75rem;
  overflow: auto; width: 100%; box-sizing: border-box }
table { border-collapse: collapse } td, th { text-align: left; padding: .25rem 1rem .25rem 0 }
button { font: inherit; padding: .4rem 1rem }
:focus-visible { outline: 3px solid #0b57d0 }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616 } a { color: #8ab4f8 }
  pre, textarea { color: #eee; background: #222; border-color: #555 } }
"""
_SCRIPT = """
const button = document.getElementById("ask");
const answer = document.getElementById("answer");
button.addEventListener("click", async () => {
  const headers = { "Content-Type": "application/json" };
  const key = document.getElementById("key").value;
  if (key) headers["Authorization"] = "Bearer " + key;
  try {
    const response = await fetch("predict", {
      method: "POST", headers, body: document.getElementById("request").value });
    const text = await response.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 1); } catch { }
    answer.textContent = response.status + "\\n" + shown;
  } catch (error) {
    answer.textContent = String(error);
  }
});
"""
_TALLEST = 30
"""Lines of the field that a request is written in."""


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


_POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Headers = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


def index(loaded: Loaded) -> bytes:
    """What is served here."""
    facts = {
        "Version": loaded.version,
        "Bundle": loaded.digest,
        "Signed by": loaded.signer or "nobody",
        "Task": loaded.signature.task,
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><code>{escape(text)}</code></td></tr>'
        for name, text in facts.items()
    )
    links = {
        "docs": "How to ask it",
        "openapi.json": "The same as an OpenAPI document",
        "metrics": "Metrics, for Prometheus",
        "health/ready": "Whether it wants requests",
    }
    listed = "".join(f'<li><a href="{path}">{text}</a></li>' for path, text in links.items())
    about = f"<p>{escape(loaded.description)}</p>" if loaded.description else ""
    return _page(loaded.name, f"{about}<table>{rows}</table><ul>{listed}</ul>")


def docs(loaded: Loaded, document: Document) -> bytes:
    """How to ask it: every path, an example of each, and a form for the plainest."""
    first = _example(document["paths"]["/predict"]["post"])
    lines = min(first.count("\n") + 2, _TALLEST)
    form = (
        '<h2>Try it</h2><p><label for="request">Rows, as JSON</label></p>'
        f'<textarea id="request" rows="{lines}" spellcheck="false">{escape(first)}</textarea>'
        "<p><label>API key or token, where one is needed "
        '<input id="key" type="password" autocomplete="off"></label></p>'
        '<p><button id="ask" type="button">Predict</button></p>'
        '<pre id="answer" role="status" aria-label="The answer"></pre>'
        f"<script>{_SCRIPT}</script>"
    )
    about = f"<p>{escape(loaded.description)}</p>" if loaded.description else ""
    return _page(loaded.name, f"{about}{form}{''.join(_operations(document))}")


def _operations(document: Document) -> Iterator[str]:
    yield "<h2>Paths</h2>"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
            yield f"<p>{escape(operation['summary'])}</p>"
            if "requestBody" in operation:
                yield f"<pre>{escape(_example(operation))}</pre>"


def _example(operation: Document) -> str:
    media = operation["requestBody"]["content"]["application/json"]
    return json.dumps(media["example"], indent=1, ensure_ascii=False)


def _page(title: str, body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    ).encode()
