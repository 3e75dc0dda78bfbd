"""Read one section of `params.yaml` into the dataclass of the stage that owns it."""

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

PARAMS = Path("params.yaml")

T = TypeVar("T")


def read(section: str, kind: type[T], path: Path = PARAMS) -> T:
    """Return `kind(**section)`; a key too many or too few is an error that names it."""
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")).get(section) or {}
    expected = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if wrong := expected ^ values.keys():
        state = {name: "missing" if name in expected else "unknown" for name in sorted(wrong)}
        raise ValueError(
            f"{path}: section {section!r}: {state}; it has the keys {sorted(expected)}"
        )
    return kind(**values)
