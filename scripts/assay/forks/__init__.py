"""Publishing what an untrusted run found: its record read as hostile input, judged again, posted.

A pull request from a fork gets a token that may only read. So one workflow runs its code and leaves
the record as an artifact; a second one, `on: workflow_run`, holds the token that may write, checks
nothing out, and is this package. `source.py` asks GitHub what the run was; `artifact.py`,
`strictjson.py` and `hostile.py` read what it left; `identity.py`, `rules.py` and `recompute.py` put
in its place what can be known without it; `run.py` posts.
"""

from __future__ import annotations

from assay.console import printable
from assay.errors import DataError

LONGEST = 80
"""Characters of a text of the untrusted run that a sentence of ours quotes."""


class UntrustedError(DataError):
    """What the untrusted run left cannot be used. It becomes the comment, and is not raised."""


def quoted(text: object) -> str:
    """A text of the untrusted run as code within a sentence of ours, which it cannot leave."""
    shown = printable(str(text)).replace("`", "'").strip()
    return f"`{shown if len(shown) <= LONGEST else f'{shown[: LONGEST - 1]}…'}`" if shown else "``"
