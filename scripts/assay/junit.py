"""JUnit XML as pytest writes it: read as data of a stranger, for it was written by user code."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from assay.console import printable
from assay.errors import DataError
from assay.stages.test import FailedTest

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 100_000_000
"""Bytes; ten thousand failures with long tracebacks are a tenth of it."""
DETAILS = 4000
NAME = 1000
MESSAGE = 300

_PLACE = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d{1,7}): ?", re.MULTILINE)
_NATIVE = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d{1,7})', re.MULTILINE)
_RAISED = re.compile(r"^E {2,}(?P<text>\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Places:
    """What file names in the results are relative to."""

    project: Path
    """Where pytest ran: the names in tracebacks start from there, and so do the result's."""
    rootdir: Path
    """pytest's own root, which the document's names start from."""


@dataclass(frozen=True)
class Suite:
    """What the document says."""

    counts: Counter[str]
    """Of `passed`, `failed`, `error`, `skipped`."""
    failures: tuple[FailedTest, ...]


def read(path: Path, places: Places) -> Suite:
    """Read a JUnit document.

    Raises:
        DataError: It is too large, not XML, or XML of a kind that pytest does not write.
    """
    root = _parse(path)
    counts: Counter[str] = Counter()
    failures = []
    for case in root.iter("testcase"):
        if (failure := _failure(case, places)) is not None:
            counts[failure.outcome] += 1
            failures.append(failure)
        else:
            counts["passed" if case.find("skipped") is None else "skipped"] += 1
    return Suite(counts=counts, failures=tuple(failures))


def _parse(path: Path) -> ET.Element:
    if (size := path.stat().st_size) > LIMIT:
        raise DataError(
            f"The test results are too large to read: {size:,} bytes, at most {LIMIT:,}.",
            hint="Set `--tb=short` in pytest's own options.",
        )
    try:
        # As text, so that no other encoding can hide a declaration from the search.
        text = path.read_text(encoding="utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise DataError("The test results hold a DTD, which pytest does not write.")
        return ET.fromstring(text)  # noqa: S314 (see above)
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise DataError(
            f"The test results are not XML: {printable(str(error))}.",
            hint="The tests may have been killed while pytest wrote them.",
        ) from error


def _failure(case: ET.Element, places: Places) -> FailedTest | None:
    outcome: Literal["failed", "error"] = "failed"
    if (element := case.find("failure")) is None:
        outcome = "error"
        if (element := case.find("error")) is None:
            return None
    details = element.text or ""
    said = element.get("message") or ""
    if said == "collection failure":  # says nothing; the exception is in the text
        raised = _RAISED.findall(details)
        said = raised[-1] if raised else said
    file, line = _place(case, details, places)
    message = next((text.strip() for text in said.splitlines() if text.strip()), "no message")
    return FailedTest(
        name=_node_id(case)[:NAME],
        outcome=outcome,
        message=message[:MESSAGE],
        details=details[-DETAILS:],
        file=file,
        line=line,
    )


def _node_id(case: ET.Element) -> str:
    """`file::Class::name`, put together again from what xunit1 holds."""
    name, file, classname = (case.get(key) or "" for key in ("name", "file", "classname"))
    if not file:
        return "::".join(part for part in (classname, name) if part)
    module = ".".join(PurePosixPath(file.replace("\\", "/")).with_suffix("").parts)
    classes = classname.removeprefix(module).strip(".")
    return "::".join([file, *(classes.split(".") if classes else []), name])


def _place(case: ET.Element, details: str, places: Places) -> tuple[str | None, int | None]:
    """Where to point: the last line of the traceback in the test's own file, or its definition."""
    own = _inside(case.get("file"), places.rootdir, places)
    mentioned = [
        (found, int(line))
        for file, line in _mentioned(details)
        if (found := _inside(file, places.project, places) or _inside(file, places.rootdir, places))
    ]
    if own is None:
        return mentioned[-1] if mentioned else (None, None)
    for file, number in reversed(mentioned):
        if file == own:
            return file, number
    defined = case.get("line") or ""
    return own, int(defined) + 1 if defined.isdecimal() else None


def _mentioned(details: str) -> Iterator[tuple[str, str]]:
    for pattern in (_NATIVE, _PLACE):
        for match in pattern.finditer(details):
            yield match["file"], match["line"]


def _inside(file: str | None, start: Path, places: Places) -> str | None:
    """The file relative to the project, if it exists there."""
    if not file:
        return None
    try:
        path = (start / file).resolve()
        root = places.project.resolve()
        if path.is_file() and path.is_relative_to(root) and "site-packages" not in path.parts:
            return path.relative_to(root).as_posix()
    except (OSError, ValueError):  # a name that cannot be a file's: too long, a null byte
        pass
    return None
