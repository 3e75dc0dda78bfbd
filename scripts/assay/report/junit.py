"""A run as JUnit XML, for readers of test results.

GitLab, Jenkins, `dorny/test-reporter` and `EnricoMi/publish-unit-test-result-action` take it. The
elements are those of Jenkins' `junit-10.xsd`, which has no `file` or `line` of a test case: places
stand in the text of a failure.

What stops the run is a failure, an inconclusive gate too. What could not be read or run is an
error. What was not decided, only warns, or was accepted is skipped, with the reason: these formats
have no warning, and a failure would contradict the verdict.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from assay.report import check, contract, wording
from assay.section import Status
from assay.stages.validate import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.gates import Gate
    from assay.record import RunRecord
    from assay.section import Reason, Section
    from assay.stages.test import FailedTest
    from assay.stages.validate import FileResult
    from assay.verdict import Verdict

LONGEST_NAME, LONGEST_MESSAGE, LONGEST_TEXT = 500, 1_000, 10_000
"""Characters; the record holds everything."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test case."""

    group: str
    """The class name, by which readers group cases."""
    name: str
    outcome: Literal["passed", "failure", "error", "skipped"] = "passed"
    kind: str = ""
    """The type of a failure."""
    message: str = ""
    text: str = ""
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Test cases of one kind."""

    name: str
    cases: tuple[Case, ...]
    seconds: float = 0.0
    properties: tuple[tuple[str, str], ...] = ()


def render(record: RunRecord, verdict: Verdict) -> str:
    """The run as a JUnit document; the same record gives the same text."""
    suites = [suite for suite in _suites(record, verdict) if suite.cases]
    total = f"{sum(section.seconds for _, section in record.sections()):.3f}"
    root = ET.Element("testsuites", {"name": _line(check.name(record), LONGEST_NAME)})
    root.set("tests", str(sum(len(suite.cases) for suite in suites)))
    for outcome, attribute in (("failure", "failures"), ("error", "errors")):
        root.set(attribute, str(sum(_count(suite, outcome) for suite in suites)))
    root.set("time", total)
    when = record.created.strftime("%Y-%m-%dT%H:%M:%S")
    for suite in suites:
        _append(root, suite, when)
    ET.indent(root)
    content = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{content}\n'


def _suites(record: RunRecord, verdict: Verdict) -> Iterator[Suite]:
    prefix = check.name(record)
    compare, validation, test = record.compare, record.validation, record.test
    if compare is not None:
        accepted = record.accepted()
        cases = tuple(
            _gate(
                gate,
                None
                if (word := accepted.get(gate.name)) is None
                else f"accepted by @{word.who}: {word.why or 'no reason given'}",
            )
            for gate in compare.gates
        )
        yield Suite(name=f"{prefix}: gates", cases=cases, seconds=compare.seconds)
    if validation is not None:
        cases = tuple(case for file in validation.files for case in _file(file))
        yield Suite(name=f"{prefix}: data contract", cases=cases, seconds=validation.seconds)
    if test is not None:
        cases = (
            *map(_failed_test, test.failures),
            *_counted(test.passed, "passed", "passed"),
            *_counted(test.skipped, "skipped", "skipped"),
        )
        counts = {"passed": test.passed, "failed": test.failed, "errors": test.errors}
        counts["skipped"] = test.skipped
        properties = tuple((f"tests.{name}", str(count)) for name, count in counts.items())
        yield Suite(
            name=f"{prefix}: tests", cases=cases, seconds=test.seconds, properties=properties
        )
    cases = tuple(_stage(stage, section, verdict) for stage, section in record.sections())
    yield Suite(name=f"{prefix}: stages", cases=cases, seconds=sum(c.seconds or 0 for c in cases))


def _gate(gate: Gate, accepted: str | None) -> Case:
    case = Case(group=f"gates.{gate.column or gate.metric}", name=gate.name)
    numbers = {"value": gate.value, "limit": gate.limit, "head": gate.head, "base": gate.base}
    lines = [f"{name}: {value:.6g}" for name, value in numbers.items() if value is not None]
    if gate.test is not None:
        lines += [f"p-value: {gate.test.adjusted:.3g}, held against {gate.test.alpha:g}"]
    if gate.rows_needed is not None:
        lines += [f"rows that would tell: {gate.rows_needed:,}"]
    text = "\n".join(lines)
    if gate.result == "passed":
        return case
    if gate.result == "not decided" or accepted is not None or not gate.stops:
        kind = "accepted" if accepted else "not decided" if not gate.warns else "warning"
        why = f"{gate.message}; {accepted}" if accepted else gate.message
        return _with(case, "skipped", kind, why, text)
    return _with(case, "failure", gate.result, gate.message, text)


def _file(file: FileResult) -> Iterator[Case]:
    """A file that keeps its contract is one case; else each check that it breaks is one.

    Those that hold are one case together.
    """
    if file.error is not None:
        yield _with(Case(group=file.path, name="can be checked"), "error", "data", file.error, "")
    elif not file.failures:
        yield Case(group=file.path, name=f"keeps every rule of {file.schema_name}")
    elif held := contract.held(file):
        yield Case(group=file.path, name=f"{wording.count(held, 'check')} passed")
    for failure in file.failures:
        column = "table" if failure.column is None else failure.column
        where = [] if failure.file is None else [_place(failure.file, failure.line)]
        yield _with(
            Case(group=file.path, name=f"{column}: {failure.check}"),
            "failure",
            "check",
            describe(failure, file.rows),
            "\n".join([*where, *failure.examples]),
        )
    for warning in file.warnings:
        yield _with(Case(group=file.path, name=warning), "skipped", "warning", warning, "")


def _failed_test(failure: FailedTest) -> Case:
    test, bracket, parameters = failure.name.partition("[")
    group, _, name = test.rpartition("::")
    case = Case(group=group or "tests", name=f"{name}{bracket}{parameters}")
    place = "" if failure.file is None else f"{_place(failure.file, failure.line)}\n"
    outcome: Literal["failure", "error"] = "failure" if failure.outcome == "failed" else "error"
    return _with(case, outcome, failure.outcome, failure.message, f"{place}{failure.details}")


def _counted(count: int, word: str, outcome: Literal["passed", "skipped"]) -> Iterator[Case]:
    """One case for all of them: the record has the names of those that failed alone."""
    if count:
        name = f"{wording.count(count, 'test')} {word}"
        yield Case(group="tests", name=name, outcome=outcome, message=name, kind=word)


def _stage(stage: str, section: Section, verdict: Verdict) -> Case:
    case = Case(group="stages", name=stage, seconds=section.seconds)
    why = section.reasons[0].message if section.reasons else f"{stage}: {section.status.value}"
    text = "\n".join(_reason(reason) for reason in section.reasons)
    if section.status is Status.PASS:
        return case
    if section.status is Status.ERROR:
        return _with(case, "error", "error", why, text)
    # Where every gate that says no was accepted, the comparison does not stop the run.
    if section.status is Status.FAIL and (stage != "compare" or verdict.exit_code):
        return _with(case, "failure", "fail", why, text)
    kind = "skipped" if section.status is Status.SKIPPED else "warning"
    return _with(case, "skipped", kind, why, text)


def _reason(reason: Reason) -> str:
    place = "" if reason.file is None else f"{_place(reason.file, reason.line)}: "
    return f"{place}{reason.message}{f' {reason.hint}' if reason.hint else ''}"


def _place(file: str, line: int | None) -> str:
    return file if line is None else f"{file}:{line}"


def _with(
    case: Case,
    outcome: Literal["failure", "error", "skipped"],
    kind: str,
    message: str,
    text: str,
) -> Case:
    return replace(case, outcome=outcome, kind=kind, message=message, text=text)


def _append(root: ET.Element, suite: Suite, when: str) -> None:
    element = ET.SubElement(
        root,
        "testsuite",
        {
            "name": _line(suite.name, LONGEST_NAME),
            "tests": str(len(suite.cases)),
            "failures": str(_count(suite, "failure")),
            "errors": str(_count(suite, "error")),
            "skipped": str(_count(suite, "skipped")),
            "time": f"{suite.seconds:.3f}",
            "timestamp": when,
        },
    )
    if suite.properties:
        properties = ET.SubElement(element, "properties")
        for name, value in suite.properties:
            ET.SubElement(properties, "property", {"name": name, "value": value})
    for name, case in zip(_unique(suite.cases), suite.cases, strict=True):
        _append_case(element, case, name)


def _append_case(parent: ET.Element, case: Case, name: str) -> None:
    attributes = {"classname": _line(case.group, LONGEST_NAME), "name": name}
    attributes["time"] = f"{case.seconds or 0.0:.3f}"
    element = ET.SubElement(parent, "testcase", attributes)
    if case.outcome == "passed":
        return
    said = {"message": _line(case.message, LONGEST_MESSAGE), "type": case.kind}
    ET.SubElement(element, case.outcome, said).text = _text(case.text, LONGEST_TEXT) or None


def _unique(cases: Sequence[Case]) -> Iterator[str]:
    """The names of cases: readers take two of one name and class for two runs of one test."""
    seen: set[tuple[str, str]] = set()
    last: Counter[tuple[str, str]] = Counter()
    for case in cases:
        group, name = _line(case.group, LONGEST_NAME), _line(case.name, LONGEST_NAME)
        unique = name
        while (group, unique) in seen:
            # Goes on where the last one of this name stood: a stranger's may be very many.
            last[group, name] += 1
            unique = f"{name} ({last[group, name] + 1})"
        seen.add((group, unique))
        yield unique


def _count(suite: Suite, outcome: str) -> int:
    return sum(case.outcome == outcome for case in suite.cases)


def _line(text: str, most: int) -> str:
    """Text for an attribute: on one line, and never empty."""
    return " ".join(_text(text, most).split()) or "unnamed"


def _text(text: str, most: int) -> str:
    r"""Text that XML can hold, with what it cannot hold spelled out (`\x1b`, `\udc80`)."""
    return check.clean(wording.short(text, most))
