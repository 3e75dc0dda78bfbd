"""Packages and their versions, as lock files and requirements have them.

A version is text: `1.9.1` where it is pinned, `>=1.5,<2` where a range is all that is said. Every
reader takes what it knows and passes over the rest; what is damaged raises `ValueError`.
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from typing import TYPE_CHECKING, Any

from assay import yamlfile
from assay.console import printable
from assay.errors import AssayError
from assay.workspace.dvccli import without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from assay.causes.packages import Upwards

LIMIT = 20_000_000
"""Bytes. A larger file is no lock that anybody wrote."""
ANY = "any version"
_LONGEST = 100
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = re.compile(rf"\s*({_NAME})\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]*(\S.*)")

Packages = dict[str, str]
"""Version by normalized name."""


def normalized(name: str) -> str:
    """A name as packages are compared by (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_pinned(version: str) -> bool:
    """Whether a version is one, and not a range."""
    return version[:1].isalnum() and version != ANY


def text_of(tree: Upwards, path: str) -> str | None:
    """The text of a file, or `None` where there is none.

    Raises:
        ValueError: It is too large, or not UTF-8.
    """
    content = tree.read(path)
    if content is None:
        return None
    if len(content) > LIMIT:
        message = f"it is larger than {LIMIT // 1_000_000} MB"
        raise ValueError(message)
    return content.decode("utf-8-sig")


def toml(text: str) -> dict[str, Any]:
    """A TOML document.

    Raises:
        ValueError: It is none.
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error


def read(tree: Upwards, path: str) -> Packages:
    """The packages that one file declares.

    Raises:
        ValueError: The file is damaged.
    """
    name = posixpath.basename(path)
    if name not in READERS:
        return requirements(tree, path)
    return READERS[name](text_of(tree, path) or "")


def requirements(tree: Upwards, path: str) -> Packages:
    """A file for `pip install -r`, with what it includes, each file once."""
    found: Packages = {}
    seen, reading = {path}, [(path, _lines(tree, path))]
    while reading:
        file, entries = reading[-1]
        entry = next(entries, None)
        if entry is None:
            reading.pop()
        elif match := _INCLUDE.match(entry):
            inner = posixpath.normpath(posixpath.join(posixpath.dirname(file), match[1].strip()))
            if inner not in seen and "://" not in match[1]:
                seen.add(inner)
                reading.append((inner, _lines(tree, inner)))
        elif entry and not entry.startswith("-"):
            _merge(found, specifiers([entry]))
    return found


def _lines(tree: Upwards, path: str) -> Iterator[str]:
    """The entries of such a file: continued lines joined, comments taken off."""
    text = (text_of(tree, path) or "").replace("\\\r\n", " ").replace("\\\n", " ")
    for line in text.splitlines():
        yield re.sub(r"(?:^|\s)#.*", "", line).strip()


def specifiers(entries: Iterable[object]) -> Packages:
    """Requirements as PEP 508 writes them: `numpy[extra]>=1.26; python_version < "3.13"`."""
    found: Packages = {}
    for entry in entries:
        match = _REQUIREMENT.fullmatch(str(entry)) if isinstance(entry, str) else None
        # `./wheels/own.whl` and `https://...` have no name that could be compared.
        if match and (not match[2] or match[2][0] in "=<>!~@;( "):
            _merge(found, {normalized(match[1]): _version(match[2])})
    return found


def _version(rest: str) -> str:
    rest = re.split(r"\s--|\s*;", rest, maxsplit=1)[0].strip().strip("()")
    if rest.startswith("@"):
        return _clipped(without_credentials(rest))
    spec = re.sub(r"\s+", "", rest)
    pin = re.fullmatch(r"===?([^,*<>=!~]+)", spec)
    return _clipped(pin[1] if pin else spec or ANY)


def _merge(found: Packages, more: Packages) -> None:
    """Add packages; a pin beats a range, as a constraints file does."""
    for name, version in more.items():
        if name not in found or (is_pinned(version) and not is_pinned(found[name])):
            found[name] = version


def _clipped(text: str) -> str:
    return printable(text)[:_LONGEST]


def _packages(entries: object) -> Packages:
    """Tables with `name` and `version`, of which a lock has one a platform or extra."""
    versions: dict[str, set[str]] = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        source = entry.get("source")
        source = source if isinstance(source, dict) else {}
        if source.keys() & {"editable", "virtual", "directory"}:
            continue  # the project itself: its code is compared as code
        version = entry.get("version")
        text = str(version) if isinstance(version, str) else ANY
        if commit := _commit(entry, source):
            text = f"{text} at {commit[:10]}"
        versions.setdefault(normalized(entry["name"]), set()).add(_clipped(text))
    return {name: ", ".join(sorted(found)) for name, found in versions.items()}


def _commit(entry: dict[str, Any], source: dict[str, Any]) -> str:
    """The commit of a package that comes from git, as uv, Poetry, PDM and PEP 751 write it."""
    vcs = entry.get("vcs")
    candidates = (
        str(source.get("git") or "").partition("#")[2],
        source.get("resolved_reference"),
        entry.get("revision"),
        vcs.get("commit-id") if isinstance(vcs, dict) else None,
    )
    return next((str(found) for found in candidates if found), "")


def _pipfile_lock(text: str) -> Packages:
    try:
        content = json.loads(text)
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error
    found: Packages = {}
    for part in ("default", "develop"):
        entries = content.get(part) if isinstance(content, dict) else None
        for name, entry in (entries if isinstance(entries, dict) else {}).items():
            version = entry.get("version") if isinstance(entry, dict) else None
            _merge(found, {normalized(name): _version(str(version or ""))})
    return found


def _conda(text: str) -> Packages:
    """`environment.yml`: `numpy=1.26`, `numpy >=1.26`, and a list for pip; or conda-lock's file."""
    try:
        content = yamlfile.load(text, file="environment.yml")
    except AssayError as error:
        raise ValueError(error.message) from error
    content = content if isinstance(content, dict) else {}
    if "package" in content:
        return _packages(content["package"])
    found: Packages = {}
    listed = content.get("dependencies")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict):
            inner = entry.get("pip")
            _merge(found, specifiers(inner if isinstance(inner, list) else []))
        elif match := re.fullmatch(rf"(?:\S+::)?({_NAME})\s*(.*)", str(entry)):
            # conda's `=1.26` is a prefix, and the build comes after a second `=`.
            version = re.sub(r"^==?\s*([\w.!+]+)(?:=.*)?$", r"\1", match[2].strip())
            _merge(found, {normalized(match[1]): _clipped(version or ANY)})
    return found


def project(content: dict[str, Any]) -> Packages:
    """The requirements that `pyproject.toml` states itself: by PEP 621, groups, Poetry or PDM."""
    return specifiers(_stated(content)) | _poetry(content)


def _stated(content: dict[str, Any]) -> Iterator[object]:
    own, tool = table(content, "project"), table(content, "tool")
    yield from _entries(own.get("dependencies"))
    groups = (
        table(own, "optional-dependencies"),
        table(content, "dependency-groups"),
        table(tool, "pdm", "dev-dependencies"),
    )
    for group in groups:
        for entries in group.values():
            yield from _entries(entries)
    yield from _entries(table(tool, "uv").get("dev-dependencies"))


def _poetry(content: dict[str, Any]) -> Packages:
    poetry = table(content, "tool", "poetry")
    tables = [table(poetry, "dependencies"), table(poetry, "dev-dependencies")]
    tables += [table(group, "dependencies") for group in table(poetry, "group").values()]
    return {name: version for each in tables for name, version in _named(each).items()}


def _named(entries: dict[str, Any]) -> Packages:
    """`name = "^1.2"` or `name = {version = "^1.2"}`, as Poetry and pipenv write requirements."""
    found = {}
    for name, value in entries.items():
        version = value.get("version") if isinstance(value, dict) else value
        if normalized(name) != "python":
            found[normalized(name)] = _clipped(version) if isinstance(version, str) else ANY
    return found


def pipfile(content: dict[str, Any]) -> Packages:
    """The requirements that a `Pipfile` states."""
    return _named(table(content, "packages")) | _named(table(content, "dev-packages"))


def table(content: object, *keys: str) -> dict[str, Any]:
    """A table inside of tables; an empty one where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _entries(value: object) -> list[object]:
    return value if isinstance(value, list) else []


READERS: dict[str, Callable[[str], Packages]] = {
    "uv.lock": lambda text: _packages(toml(text).get("package")),
    "pylock.toml": lambda text: _packages(toml(text).get("packages")),
    "poetry.lock": lambda text: _packages(toml(text).get("package")),
    "pdm.lock": lambda text: _packages(toml(text).get("package")),
    "Pipfile.lock": _pipfile_lock,
    "conda-lock.yml": _conda,
    "environment.yml": _conda,
    "environment.yaml": _conda,
    "pyproject.toml": lambda text: project(toml(text)),
}
"""Every other name is a file of requirements."""
