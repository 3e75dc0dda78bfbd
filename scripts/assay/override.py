"""Accepting a gate that said no: whose word counts, for which commit, and why another's does not.

Pure functions. `publish` asks the forge what people wrote and who may write; this module decides.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from assay.ci import DEFAULT_KEY
from assay.section import Fact

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from assay.forge.comment import Shown
    from assay.forge.thread import Voice

LEAST_REASON = 10
"""Letters and digits. `because ok` is no reason that anybody can learn from later."""
LONGEST_GATE, LONGEST_REASON = 200, 1_000
"""Characters that the record keeps: who may not write should not fill it."""
USAGE = "/assay accept GATE because REASON"

_LINE_ENDS = re.compile(r"\r\n|\r|\n")  # GitHub's; `str.splitlines` knows ten more
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_QUOTE = re.compile(r" {0,3}>")
_ANY_CASE = re.IGNORECASE | re.ASCII
_HIDDEN = re.compile(r"<!--|<(pre|blockquote|code|script|style|textarea)\b", _ANY_CASE)
_COMMAND = re.compile(r"/assay(?=[ \t]|$)", _ANY_CASE)
# On a line whose spaces are single: with runs of them this would take quadratic time.
_ACCEPT = re.compile(
    r"/assay accept (?P<gate>.+?)(?: for (?P<sha>[0-9a-f]{7,64}))? because[ :](?P<why>.*)",
    _ANY_CASE,
)
_LIMIT = re.compile(r": (?:true|[-+.e0-9]+)(?= on |$)")
_LABEL = re.compile(r"assay: ?accept (?P<gate>.+)", _ANY_CASE)


class Override(Fact):
    """Somebody's word that a gate may be passed over, and whether it counts."""

    gate: str
    who: str
    """The login."""
    when: datetime
    """By the forge's clock."""
    why: str
    """Empty where a label gave none."""
    sha: str
    """The commit that it was given for; empty where that is not known."""
    how: Literal["comment", "label"]
    url: str
    by_author: bool = False
    """Whether it was the author of the pull request."""
    refused: str = ""
    """Why it does not count; empty: it does."""


@dataclass(frozen=True)
class Command:
    """One line to us, as far as it can be understood."""

    gate: str
    why: str = ""
    sha: str = ""
    """The commit that it names, or the beginning of it."""
    problem: str = ""


def commands(voice: Voice) -> Iterator[Command]:
    """What a comment or a label asks of us."""
    if voice.how == "label":
        if found := _LABEL.fullmatch(voice.text):
            yield Command(gate=found["gate"].strip()[:LONGEST_GATE])
        return
    for line, stands_alone in _own_lines(voice.text):
        if _COMMAND.match(line):
            yield _command(line, stands_alone=stands_alone)


def _command(line: str, *, stands_alone: bool) -> Command:
    line = re.sub(r"[ \t]+", " ", line).strip()
    found = _ACCEPT.fullmatch(line)
    if found is None:
        return Command(line[:LONGEST_GATE], problem=f"it is not of the form `{USAGE}`")
    gate = found["gate"].strip("` ")[:LONGEST_GATE]
    why = found["why"].strip()
    sha = (found["sha"] or "").lower()
    problem = ""
    if not stands_alone:
        problem = "it needs an empty line before it"
    elif gate.lower() in {"all", "*", "everything"}:
        problem = "gates are accepted one by one, each with its reason"
    elif sum(map(str.isalnum, why)) < LEAST_REASON:
        problem = f"its reason has fewer than {LEAST_REASON} letters"
    cut = why if len(why) <= LONGEST_REASON else f"{why[: LONGEST_REASON - 1]}…"
    return Command(gate, cut, sha, problem)


def _own_lines(text: str) -> Iterator[tuple[str, bool]]:
    """The lines that the writer says: not quoted, not code, not hidden.

    With each, whether it stands alone: at the start, after an empty line or after a command. Any
    other line may be the rest of something: of a quote, whose later lines need no `>`, or of code
    between backticks.
    https://spec.commonmark.org/0.31.2/#lazy-continuation-line
    """
    alone, quoted = True, False
    end: re.Pattern[str] | None = None
    for line in _LINE_ENDS.split(text):
        if end is not None:
            if end.search(line):
                end, alone, quoted = None, False, False
            continue
        if not line.strip(" \t"):
            alone, quoted = True, False
        elif fence := _FENCE.match(line):
            mark = fence[1]
            end = re.compile(rf"^ {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*$")
        elif quoted or _QUOTE.match(line):
            alone, quoted = False, True
        else:
            yield line, alone
            alone = alone and bool(_COMMAND.match(line))
            end = _hidden_until(line)


def _hidden_until(line: str) -> re.Pattern[str] | None:
    """What ends the HTML comment or the element for code and quotes that this line leaves open."""
    at = 0
    while opened := _HIDDEN.search(line, at):
        end = re.compile(f"</{opened[1]}" if opened[1] else "-->", _ANY_CASE)
        closed = end.search(line, opened.end())
        if closed is None:
            return end
        at = closed.end()
    return None


def request(gate: str, sha: str, key: str = DEFAULT_KEY) -> str | None:
    """The line that accepts a gate; `None` where its name is one that no line can hold."""
    name = qualified(bare(gate), key)
    line = f"/assay accept {name} for {sha} because REASON"
    found = _command(line.replace("REASON", "of a good reason"), stands_alone=True)
    return line if (found.gate, found.sha, found.problem) == (name, sha, "") else None


def speakers(voices: Iterable[Voice]) -> set[str]:
    """The people whose permission has to be asked for."""
    return {voice.who for voice in voices if voice.person and any(commands(voice))}


def judge(
    voices: Iterable[Voice],
    *,
    permitted: Collection[str],
    author: str,
    head: str,
    shown: Sequence[Shown],
    gates: Collection[str] | None,
    key: str = DEFAULT_KEY,
) -> tuple[Override, ...]:
    """Every word that was said, with why it does not count where it does not.

    Args:
        voices: Comments and labels, oldest first.
        permitted: Who may write to the repository, of `speakers`.
        author: The author of the pull request.
        head: The commit that the pull request is at.
        shown: The commits that our comment has shown, oldest first.
        gates: The names of the gates that did not pass; `None` if they are not known.
        key: What tells the report from others on the pull request: each checks another model, and
            a word about one must not count for all that have such a gate.
    """
    found = []
    names = {qualified(gate, key): gate for gate in gates or ()}
    for voice in voices:
        for command in commands(voice):
            given_for, void = _binding(command, voice, head=head, shown=shown)
            refused = _whose(voice, permitted) or command.problem or void
            name = command.gate if gates is None else _named(command.gate, names)
            if not refused and name is None:
                refused = _unknown(command.gate, names)
            found.append(
                Override(
                    gate=names.get(name or "", command.gate),
                    who=voice.who,
                    when=voice.when,
                    why=command.why,
                    sha=given_for,
                    how=voice.how,
                    url=voice.url,
                    by_author=voice.who.lower() == author.lower(),
                    refused=refused,
                )
            )
            if voice.who not in permitted:
                break  # the first line tells; strangers may not fill the record
    return tuple(found)


def accepted(overrides: Iterable[Override], head: str | None) -> Mapping[str, Override]:
    """The words that count, by gate, for this commit and no other; the first of several."""
    counting: dict[str, Override] = {}
    for override in overrides:
        if not override.refused and override.sha == head:
            counting.setdefault(override.gate, override)
    return counting


def _whose(voice: Voice, permitted: Collection[str]) -> str:
    if not voice.person:
        return "only a person can accept a gate"
    if voice.who not in permitted:
        return "that needs write permission on the repository"
    if voice.edited:
        # GitHub's answer does not say who edited it: everybody who may write can.
        return "the comment was edited: a new one is needed"
    return ""


def _binding(
    command: Command, voice: Voice, *, head: str, shown: Sequence[Shown]
) -> tuple[str, str]:
    """The commit that a word was given for, and why it is void where that is not `head`.

    By the whole name of the commit, or by the forge's clock: our comment showed it at the time.
    Never by the dates in commits, which are the author's to choose.
    """
    whole = len(command.sha) == len(head)
    if command.sha and not head.startswith(command.sha):
        return command.sha, f"it was given for `{command.sha[:7]}`"
    if whole:
        return head, ""
    before = [entry for entry in shown if entry.since is not None and entry.since < voice.when]
    seen = before[-1] if before else None
    if seen is not None and seen == shown[-1] and seen.sha == head:
        return head, ""
    if seen is not None and seen.sha != head:
        return seen.sha, f"it was given for `{seen.sha[:7]}`"
    if shown and shown[-1].sha == head:
        return "", f"it was given before the result for `{head[:7]}` was shown"
    return "", f"no comment shows which commit it was given for; add `for {head}` to the command"


def qualified(gate: str, key: str) -> str:
    """A gate as people name it where several models are checked: `churn:metrics.f1.min`."""
    return gate if key == DEFAULT_KEY else f"{key}:{gate}"


def bare(gate: str) -> str:
    """The name of a gate without its limit, as people write it: `metrics.f1.min`."""
    return " ".join(_LIMIT.sub("", gate, count=1).split())


def _named(gate: str, gates: Collection[str]) -> str | None:
    """The gate that is meant, with its limit or without; `None` where several may be."""
    exactly = [name for name in gates if " ".join(name.split()) == gate]
    alike = exactly or [name for name in gates if bare(name) == gate]
    return alike[0] if len(alike) == 1 else None


def _unknown(gate: str, gates: Collection[str]) -> str:
    close = difflib.get_close_matches(gate, map(bare, gates), n=3, cutoff=0.5)
    if close:
        return f"no such gate failed; did you mean {', '.join(f'`{name}`' for name in close)}?"
    return "no such gate failed"
