"""One whole number in a parameters file: found, and replaced with nothing else changed."""

from __future__ import annotations

import difflib
import json
import posixpath
import re
from typing import Any

import yaml

from assay import metricsfile
from assay.console import printable
from assay.errors import ConfigError

DEFAULT = "params.yaml"
_KEY = ("seeds", "param")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")


def located(param: str) -> tuple[str, str]:
    """File and key of a parameter, as DVC writes it: `train.seed`, or `file.yaml:train.seed`."""
    file, colon, key = param.partition(":")
    return (posixpath.normpath(file), key) if colon else (DEFAULT, param)


def number(text: str, *, file: str, key: str) -> int:
    """The whole number at `key`, such as `train.seed`.

    Raises:
        ConfigError: The file has no such key, holds something else there, or is of a kind that
            cannot be changed.
        DataError: The file cannot be parsed.
    """
    if not file.endswith((".yaml", ".yml", ".json", ".toml")):
        raise ConfigError(
            f"`seeds.param` names {printable(file)}, which is no YAML, JSON or TOML.",
            key=_KEY,
            hint="Keep the seed in a file of parameters, as DVC's `params.yaml`.",
        )
    values = metricsfile.leaves(text.encode(), file=file)
    if key not in values:
        raise ConfigError(
            f"There is no parameter `{printable(key)}` in {printable(file)}.",
            key=_KEY,
            hint=_guess(key, list(values)),
        )
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(
            f"`{printable(key)}` in {printable(file)} is {printable(repr(value))[:80]}; a seed "
            "is a whole number.",
            key=_KEY,
            hint="Name the parameter with the seed that training uses.",
        )
    return value


def _guess(key: str, known: list[str]) -> str:
    same_last = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
    close = difflib.get_close_matches(key, known, n=3, cutoff=0.7)
    guesses = list(dict.fromkeys([*same_last, *close]))[:3]
    if not guesses:
        return "Write it as `train.seed`, or `file.yaml:train.seed` for another file."
    return f"Did you mean {' or '.join(f'`{printable(name)}`' for name in guesses)}?"


def replaced(text: str, *, file: str, key: str, value: int) -> str:
    """The text of the file with another number at `key`, which `number` has found.

    Raises:
        ConfigError: It stands there in a way that cannot be replaced (hexadecimal, merged).
    """
    path = key.split(".")
    try:
        if file.endswith(".json"):
            document = json.loads(text)
            _set(document, path, value)
            return json.dumps(document, indent=2)
        if file.endswith(".toml"):
            import tomlkit  # comes with DVC, which writes such files with it

            content = tomlkit.parse(text)
            _set(content, path, value)
            return tomlkit.dumps(content)
        begin, end = _place(text, path)
    except KeyError as error:
        raise ConfigError(
            f"`{printable(key)}` in {printable(file)} cannot be changed as it is written there.",
            key=_KEY,
            hint="Write it as a plain number in its own place, without `<<` and `0x`.",
        ) from error
    return f"{text[:begin]}{value}{text[end:]}"


def _set(document: Any, path: list[str], value: int) -> None:
    *parents, last = path
    for part in parents:
        document = document[part]
    if last not in document:
        raise KeyError(last)
    document[last] = value


def _place(text: str, path: list[str]) -> tuple[int, int]:
    """Where in a YAML text the number stands: what is around it stays, to the last comment.

    Raises:
        KeyError: Nowhere, or not as a plain number.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            raise KeyError(part)
        node = next((child for key, child in node.value if key.value == part), None)
    if not isinstance(node, yaml.ScalarNode) or not _WHOLE.fullmatch(node.value):
        raise KeyError(path[-1])
    # From the end: an anchor stands before the number, and belongs to the same node.
    end = int(node.end_mark.index)
    begin = end - len(node.value)
    if text[begin:end] != node.value:
        raise KeyError(path[-1])
    return begin, end
