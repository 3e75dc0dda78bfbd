"""What is done to the branch that holds pictures, as values. Pure functions; `assets.py` acts.

Each report's pictures are a commit without a parent, whose tree holds only them. The comment links
to that commit, whose name never changes. The branch's tip is a commit that has such commits as its
ancestors, so that GitHub keeps them; its message lists them, so that the list and what is kept
cannot differ, and one request reads both. To add is a fast forward. To drop is to make the tip
anew with fewer ancestors.

The message holds no `#5`, because GitHub would then say on that pull request that a commit names
it, and it tells other continuous integration to leave the branch alone.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from assay.forge import moment, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# What is within all of these is kept.
MOST = 200
"""Commits with pictures."""
MOST_BYTES = 50 * 2**20
"""Of pictures: a clone of the user's repository fetches this branch too."""
KEPT_FOR = timedelta(days=180)
SLACK = 1.25
"""How far beyond one of these the branch may be before it is pruned, so that not every report does
it: pruning is the only thing that two runs at once can undo for each other."""
GRACE = timedelta(hours=1)
"""A picture that a newer one of the same report replaced is kept so long: the comment may not show
the newer one yet."""
WIDEST = 32
"""Parents of one commit. Git and GitHub take more, but GitHub's pages fail on very many
(https://github.com/isaacs/github/issues/677)."""
FRESH = timedelta(days=7)
"""For how long pictures that a comment shows are taken to be there. Then they are stored again,
because others may have pushed them out."""

TITLE = "Pictures of Assay's reports [skip ci]"
_LINE = re.compile(
    r"(?P<commit>[0-9a-f]{40}|[0-9a-f]{64}) (?P<date>\S+Z) (?P<size>\d{1,12})"
    r" (?P<pull>\d{1,12}|-) (?P<key>[a-z0-9-]{1,60})"
)
_NOTE = re.compile(
    r"<!-- assay:images ([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{32}) (\d{4}-\S{1,20}Z) -->"
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One report's pictures."""

    commit: str
    date: datetime
    """When they were stored, in whole seconds."""
    size: int
    """Bytes."""
    pull_request: int | None
    key: str
    """See `slug`."""

    @property
    def report(self) -> tuple[int | None, str]:
        """Which report it is: a newer entry of the same one replaces this."""
        return self.pull_request, self.key


@dataclass(frozen=True)
class Tip:
    """The branch as it stands."""

    sha: str
    tree: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Plan:
    """The next tip."""

    parents: tuple[tuple[str, ...], ...]
    """Of the commits to make, one after another; each has the one before as a parent too."""
    entries: tuple[Entry, ...]
    """What the new tip lists."""
    force: bool = False
    """Whether it does not descend from the tip of now."""


@dataclass(frozen=True)
class Stored:
    """Pictures that a comment shows, as a line of the comment that nobody sees.

    The line is trusted because of where it stands: only lines of ours come before the first line
    that people see. A link further down may be in a text that the user's repository gave.
    """

    commit: str
    digest: str
    since: datetime

    @classmethod
    def of(cls, commit: str, files: Mapping[str, bytes], now: datetime) -> Stored:
        """What `assets.store` has just stored."""
        return cls(commit, digest(files), _second(now))

    @property
    def note(self) -> str:
        """The line."""
        return f"<!-- assay:images {self.commit} {self.digest} {stamp(self.since)} -->"


def known(body: str, files: Mapping[str, bytes], *, now: datetime) -> Stored | None:
    """The pictures that our comment shows, if they are these; then nothing has to be stored.

    Args:
        body: Of our comment, as it stands.
        files: The pictures wanted, by path.
        now: The time; see `FRESH`.
    """
    for line in _hidden(body):
        if found := _NOTE.fullmatch(line):
            commit, told, since = found[1], found[2], moment(found[3])
            if told == digest(files) and since and abs(now - since) <= FRESH:
                return Stored(commit, told, since)
    return None


def has_note(body: str) -> bool:
    """Whether our comment shows pictures that were stored."""
    return any(_NOTE.fullmatch(line) for line in _hidden(body))


def digest(files: Mapping[str, bytes]) -> str:
    """What tells these files, by path, from any others."""
    whole = hashlib.sha256()
    for path, content in sorted(files.items()):
        whole.update(hashlib.sha256(path.encode()).digest() + hashlib.sha256(content).digest())
    return whole.hexdigest()[:32]


def slug(key: str) -> str:
    """A report's key as part of a path or a line: lower case letters, digits and hyphens.

    Another key than a slug gets a hash, so that different keys stay different.
    """
    words = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:40].strip("-")
    if words and words == key:
        return key
    mark = hashlib.sha256(key.encode(errors="backslashreplace")).hexdigest()[:12]
    return f"{words}-{mark}" if words else mark


def message(entries: Iterable[Entry]) -> str:
    """The message of a tip that keeps these."""
    lines = (
        f"{entry.commit} {stamp(entry.date)} {entry.size} {_pull(entry)} {entry.key}"
        for entry in entries
    )
    return "\n".join([TITLE, "", *lines]).rstrip() + "\n"


def entries(message: str) -> tuple[Entry, ...]:
    """What a tip's message lists. Other lines are a person's: they keep nothing."""
    found = []
    for match in filter(None, map(_LINE.fullmatch, message.splitlines())):
        if date := moment(match["date"]):
            pull = None if match["pull"] == "-" else int(match["pull"])
            entry = Entry(
                commit=match["commit"],
                date=date,
                size=int(match["size"]),
                pull_request=pull,
                key=match["key"],
            )
            found.append(entry)
    return tuple(found)


def adding(tip: Tip | None, new: Entry, *, now: datetime, prune: bool = True) -> Plan | None:
    """How the branch comes to keep `new`; None when it does.

    Args:
        tip: The branch; None when there is none.
        new: Pictures that were stored.
        now: The time.
        prune: Whether the tip may be made anew, without what is too much.
    """
    if tip is None:
        return Plan(((new.commit,),), (new,))
    if any(entry.commit == new.commit and entry.report == new.report for entry in tip.entries):
        return None
    everything = (*tip.entries, new)
    if prune and _overfull(everything, now):
        rest = kept(everything, new=new, now=now)
        if len(rest) < len(everything):
            return Plan(tuple(_groups([entry.commit for entry in rest])), rest, force=True)
    return Plan(((tip.sha, new.commit),), everything)


def kept(everything: Sequence[Entry], *, new: Entry, now: datetime) -> tuple[Entry, ...]:
    """What stays of the branch, in the order that it has.

    What a newer entry of the same report on the same pull request replaced goes first. Beyond the
    limits the oldest go. What the pull request at hand still shows never does.
    """
    stays: set[Entry] = {new}
    seen = {new.report}
    size = new.size
    for entry in sorted(everything, key=lambda entry: entry.date, reverse=True):
        if entry in stays:
            continue
        at_hand = entry.pull_request is not None and entry.pull_request == new.pull_request
        if entry.report in seen and entry.pull_request is not None and now - entry.date > GRACE:
            continue
        within = len(stays) < MOST and size + entry.size <= MOST_BYTES
        if at_hand or (within and now - entry.date <= KEPT_FOR):
            stays.add(entry)
            seen.add(entry.report)
            size += entry.size
    return tuple(entry for entry in dict.fromkeys(everything) if entry in stays)


def _overfull(everything: Sequence[Entry], now: datetime) -> bool:
    return (
        len(everything) > MOST * SLACK
        or sum(entry.size for entry in everything) > MOST_BYTES * SLACK
        or any(now - entry.date > KEPT_FOR * SLACK for entry in everything)
    )


def _groups(commits: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Parents for a chain of commits, each of which has the one before it as one of `WIDEST`."""
    remaining = iter(dict.fromkeys(commits))
    while group := tuple(itertools.islice(remaining, WIDEST - 1)):
        yield group


def _hidden(body: str) -> Iterator[str]:
    """The lines at the top of a comment that nobody sees: those are ours."""
    lines = (line.strip() for line in body.splitlines())
    return itertools.takewhile(lambda line: re.fullmatch("<!-- .* -->", line), lines)


def _pull(entry: Entry) -> str:
    return "-" if entry.pull_request is None else str(entry.pull_request)


def _second(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)
