"""Lines of Prometheus' text format, version 0.0.4: what a server counts, and what a monitor found.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def head(name: str, kind: str, help_: str) -> Iterator[str]:
    """What comes before a metric's samples; `help_` is one line without a backslash."""
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"


def sample(name: str, labels: dict[str, str], value: float) -> str:
    """One value; the labels may hold any text."""
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value}" if inner else f"{name} {value}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
