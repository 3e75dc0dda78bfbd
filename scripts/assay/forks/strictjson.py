"""JSON of a stranger: one meaning, few levels, no huge numbers, lists that can be drawn in time."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

from assay.forks import UntrustedError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

DEEPEST = 40
"""Levels; a record has a dozen."""
MOST_VALUES = 1_000_000
LONGEST_NUMBER = 40
"""Digits."""
LONGEST_KEY = 1_000
LONGEST_TEXT = 8_000
"""Characters of one text. A report shows 300, of the end of a traceback 4,000."""
MOST_ITEMS = 5_000
"""Of one list, or entries of one mapping. A report shows fewer."""
MOST_OF = {"curves": 40, "plots": 200, "failures": 1_000, "reasons": 1_000}
"""Of the lists whose every item is drawn, or held against every other."""
_MOST_CUTS = 5


def parse(content: bytes) -> tuple[object, tuple[str, ...]]:
    """The document, and what was cut away to keep it small.

    Raises:
        UntrustedError: It is not JSON in UTF-8, says something twice, or is beyond the limits.
    """
    # Each value but the first follows one of these, so that this bounds them before they are built.
    values = sum(content.count(mark) for mark in (b",", b"[", b"{"))
    if values > MOST_VALUES:
        raise UntrustedError(f"The record holds more than {MOST_VALUES:,} values.")
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_number,
        )
    except UnicodeDecodeError as error:
        raise UntrustedError("The record is not UTF-8.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise UntrustedError(f"The record is no JSON: {quoted(error)}.") from error
    cuts: list[str] = []
    return _trimmed(document, (), cuts), _told(cuts)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        twice = next(key for key, count in times.items() if count > 1)
        raise UntrustedError(f"The record says {quoted(twice)} twice in one place.")
    return found


def _constant(text: str) -> NoReturn:
    raise UntrustedError(f"The record holds {quoted(text)}, which is no number.")


def _whole(text: str) -> int:
    _check_length(text)
    return int(text)


def _number(text: str) -> float:
    _check_length(text)
    value = float(text)
    if not math.isfinite(value):
        raise UntrustedError(f"The record holds {quoted(text)}, which is too large a number.")
    return value


def _check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise UntrustedError(f"The record holds a number of {len(text):,} digits.")


def _too_deep() -> UntrustedError:
    return UntrustedError(f"The record is nested more than {DEEPEST} levels deep.")


def _trimmed(value: Any, path: tuple[str, ...], cuts: list[str]) -> Any:
    if len(path) > DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        return _text(value, path, cuts)
    if isinstance(value, list):
        most = MOST_OF.get(path[-1] if path else "", MOST_ITEMS)
        if len(value) > most:
            cuts.append(f"{_named(path)} has {len(value):,} entries, of which {most:,} are read")
        return [_trimmed(item, (*path, ""), cuts) for item in value[:most]]
    if isinstance(value, dict):
        if len(value) > MOST_ITEMS:
            cuts.append(f"{_named(path)} has {len(value):,} keys, of which {MOST_ITEMS:,} are read")
        kept = list(value.items())[:MOST_ITEMS]
        return {_key(key): _trimmed(item, (*path, key), cuts) for key, item in kept}
    return value


def _text(value: str, path: tuple[str, ...], cuts: list[str]) -> str:
    if len(value) > LONGEST_TEXT:
        cuts.append(f"{_named(path)} has {len(value):,} characters, most of which are left out")
        value = f"{value[: LONGEST_TEXT - 1]}…"
    return _encodable(value)


def _key(key: str) -> str:
    if len(key) > LONGEST_KEY:
        raise UntrustedError(f"The record holds a key of {len(key):,} characters.")
    return _encodable(key)


def _encodable(text: str) -> str:
    # A lone surrogate is JSON, and no text that could be sent anywhere.
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode("utf-8")


def _named(path: Sequence[str]) -> str:
    return quoted(".".join(filter(None, path)) or "the record")


def _told(cuts: list[str]) -> tuple[str, ...]:
    """The first few; a stranger may not fill the report with them."""
    told = [f"The record is larger than any report: {cut}." for cut in cuts[:_MOST_CUTS]]
    if len(cuts) > _MOST_CUTS:
        told.append(f"{len(cuts) - _MOST_CUTS:,} more parts of the record were cut.")
    return tuple(told)
