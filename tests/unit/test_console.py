"""What people see, and what the runner must not take for a command."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from assay.console import Console, command, printable
from assay.section import Reason
from hypothesis import given, settings
from hypothesis import strategies as st


def _console(*, github: bool = True) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(github=github, out=out), out


def _unescape(text: str, *, prop: bool = False) -> str:
    """As the runner does: https://github.com/actions/runner, `ActionCommand.cs`."""
    pairs = [("%0D", "\r"), ("%0A", "\n")]
    pairs += [("%3A", ":"), ("%2C", ",")] if prop else []
    for escaped, plain in [*pairs, ("%25", "%")]:
        text = text.replace(escaped, plain)
    return text


def _commands(text: str) -> list[str]:
    """The lines that the runner would act on."""
    lines = re.split(r"\r\n|\r|\n", text)
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


@settings(deadline=None, derandomize=True)
@given(st.text(), st.text())
def test_a_command_comes_back_as_it_was(message: str, file: str) -> None:
    line = command("error", message, {"file": file, "line": 3, "col": None})
    assert "\n" not in line
    assert "\r" not in line
    match = re.fullmatch(r"::error file=([^,:]*),line=3::(.*)", line, re.DOTALL)
    assert match is not None
    assert _unescape(match[1], prop=True) == file
    assert _unescape(match[2]) == message


def test_a_command_without_properties() -> None:
    assert command("group", "a: 100%", {"file": None}) == "::group::a: 100%25"


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_printable_is_one_line_that_changes_no_terminal(text: str) -> None:
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ünï 🚲 ok", "ünï 🚲 ok"),
        ("a\nb\x1b[31m\u202ec", r"a\nb\x1b[31m\u202ec"),
        ("bad\udcffbyte", r"bad\udcffbyte"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


NAMES = [
    "::error::no",
    "  ::set-output name=verdict::pass",
    "a\n::error::no",
    "before ##[set-env name=X]y",
    "##[error]no",
]


@pytest.mark.parametrize("text", NAMES)
def test_a_line_is_never_a_command(text: str) -> None:
    console, out = _console()
    console.line(text)
    assert _commands(out.getvalue()) == []
    assert out.getvalue().replace("\u200b", "") == f"{text}\n"


@pytest.mark.parametrize("text", NAMES)
def test_a_line_on_a_laptop_is_left_alone(text: str) -> None:
    console, out = _console(github=False)
    console.line(text)
    assert out.getvalue() == f"{text}\n"


@pytest.mark.parametrize("title", ["train", *NAMES])
def test_a_group_is_one_command(title: str) -> None:
    console, out = _console()
    with console.group(title):
        console.line("inside")
    first, inside, last = out.getvalue().splitlines()
    assert first == f"::group::{printable(title)}"
    assert (inside, last) == ("inside", "::endgroup::")


def test_a_group_ends_when_its_work_fails() -> None:
    console, out = _console()
    with pytest.raises(KeyError), console.group("train"):
        raise KeyError
    assert out.getvalue().endswith("::endgroup::\n")


def test_what_users_print_is_fenced_by_an_unguessable_word() -> None:
    words = set()
    for _ in range(3):
        console, out = _console()
        with contextlib.suppress(KeyError), console.untrusted():
            console.raw("::error::mine")
            with console.untrusted():
                console.raw("nested")
            raise KeyError
        start, *inside, end = out.getvalue().splitlines()
        match = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", start)
        assert match is not None
        assert end == f"::{match[1]}::"
        assert inside == ["::error::mine", "nested"]
        words.add(match[1])
    assert len(words) == 3


def test_the_fence_stands_until_the_last_of_two_programs_has_ended() -> None:
    console, out = _console()
    first, second = console.untrusted(), console.untrusted()
    first.__enter__()
    second.__enter__()
    console.raw("::error::of the first")
    first.__exit__(None, None, None)
    console.raw("::error::of the second")
    second.__exit__(None, None, None)
    start, *inside, end = out.getvalue().splitlines()
    assert start.startswith("::stop-commands::")
    assert end == f"::{start.rpartition('::')[2]}::"
    assert inside == ["::error::of the first", "::error::of the second"]


def test_a_laptop_needs_no_fence() -> None:
    console, out = _console(github=False)
    with console.untrusted():
        console.raw("::error::mine")
    assert out.getvalue() == "::error::mine\n"


@pytest.mark.parametrize(
    ("reason", "github", "terminal"),
    [
        (
            Reason(message="It is wrong.", hint="Mend it.", file="a,b:c.yaml", line=3),
            "::error file=a%2Cb%3Ac.yaml,line=3::It is wrong. Mend it.",
            "error: a,b:c.yaml:3: It is wrong. Mend it.",
        ),
        (
            Reason(message="100%\n::error::no", severity="warning"),
            "::warning::100%25%0A::error::no",
            "warning: 100%\n  ::error::no",  # it cannot pass for a line of ours
        ),
        (
            Reason(message="it is refused (403)", hint="Ask.", severity="warning"),
            "::warning::it is refused (403). Ask.",
            "warning: it is refused (403). Ask.",
        ),
        (
            Reason(message="It ends.\nits log\x1b[2J", hint="Look.", severity="error", file="x"),
            "::error file=x::It ends.%0Aits log\x1b[2J. Look.",
            "error: x: It ends.\n  its log\\x1b[2J\nLook.",
        ),
        (
            Reason(message="By the way", severity="note", file="x"),
            "::notice file=x::By the way",
            "note: x: By the way",
        ),
    ],
)
def test_annotations(reason: Reason, github: str, terminal: str) -> None:
    for is_github, expected in ((True, github), (False, terminal)):
        console, out = _console(github=is_github)
        console.annotate(reason)
        assert out.getvalue() == f"{expected}\n"


def test_a_terminal_without_the_character_shows_something() -> None:
    raw = io.BytesIO()
    console = Console(out=io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    console.line("── 🚲")
    assert raw.getvalue() == rb"\u2500\u2500 \U0001f6b2" + b"\n"


def test_progress_is_silent_where_nobody_watches() -> None:
    console, out = _console()
    with console.progress() as bar:
        bar.update(bar.add_task("pulling", total=10), completed=10)
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("file", "line", "message", "shown"),
    [
        (None, None, "Bad.", "error: Bad."),
        ("assay.yaml", 3, "f1 is low.", "error: assay.yaml:3: f1 is low."),
        ("a/raw.csv", None, "a/raw.csv: no rows.", "error: a/raw.csv: no rows."),
        ("p/a/raw.csv", 6, "a/raw.csv is ragged.", "error: p/a/raw.csv:6 is ragged."),
        ("schema.py", 9, "a/raw.csv: no rows.", "error: schema.py:9: a/raw.csv: no rows."),
        ("test_a.py", 2, "test_a.py::b failed", "error: test_a.py:2: test_a.py::b failed"),
        ("a\n.csv", None, "b", r"error: a\n.csv: b"),
    ],
)
def test_a_terminal_names_the_file_once(
    file: str | None, line: int | None, message: str, shown: str
) -> None:
    console, out = _console(github=False)
    console.annotate(Reason(message=message, file=file, line=line))
    assert out.getvalue() == f"{shown}\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_no_line_of_a_text_is_a_command(end: str) -> None:
    """The runner reads a carriage return alone as the end of a line."""
    console, out = _console()
    console.line(f"a file named x{end}::error::forged")
    assert _commands(out.getvalue()) == []


def test_what_an_exception_says_is_no_command() -> None:
    def fail() -> None:
        raise ValueError("no\n::add-mask::e")

    console, out = _console()
    try:
        fail()
    except ValueError:
        console.trace()
    first, *inside, last = out.getvalue().splitlines()
    assert last == f"::{first.removeprefix('::stop-commands::')}::"
    assert inside[-1] == "::add-mask::e", "between the two it is only text"
