"""Copies of Pandera's schemas, to be changed without changing the user's."""

from __future__ import annotations

import copy
from typing import Any


def copied(schema: Any) -> Any:
    """A copy of a schema, or of a part of one, that shares the parts but not the attributes.

    In older versions of Pandera `copy.copy` gives an object with the very same attributes: what is
    set on the copy is set on the user's schema, which then promises nothing.
    """
    found = copy.copy(schema)
    found.__dict__ = dict(schema.__dict__)
    return found
