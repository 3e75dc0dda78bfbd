"""What a server answered over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """What was wrong; the answer has to be nothing but that."""
        found = self.json
        assert list(found) == ["error"]
        assert self.headers["content-type"] == "application/json"
        return str(found["error"])
