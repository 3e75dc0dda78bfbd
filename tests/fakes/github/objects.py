"""Git's objects: stored as git stores them, so that their names are the real ones.

https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Base64Bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Raw = Base64Bytes
"""Bytes that a file of the state holds as Base64."""
Kind = Literal["blob", "tree", "commit", "tag"]


@dataclass
class GitObject:
    kind: Kind
    content: Raw
    """As git hashes it, without its header."""


Objects = dict[str, GitObject]


@dataclass(frozen=True)
class Entry:
    """A line of a tree."""

    mode: str
    name: str
    sha: str

    @property
    def kind(self) -> Kind:
        return {"40000": "tree", "160000": "commit"}.get(self.mode, "blob")  # type: ignore[return-value]


@dataclass(frozen=True)
class Person:
    name: str
    email: str
    date: str
    """ISO 8601."""

    def line(self) -> str:
        when = datetime.fromisoformat(self.date)
        return f"{self.name} <{self.email}> {int(when.timestamp())} {when:%z}"


@dataclass(frozen=True)
class Commit:
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class Tag:
    """An annotated one."""

    target: str
    kind: str
    name: str
    tagger: Person
    message: str


def put(objects: Objects, kind: Kind, content: bytes) -> str:
    """Store an object; its name comes back."""
    name = hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()
    objects.setdefault(name, GitObject(kind, content))
    return name


def put_tree(objects: Objects, entries: Sequence[Entry]) -> str:
    """Store the tree; git sorts a folder as if its name ended in a slash."""
    ordered = sorted(entries, key=lambda e: e.name.encode() + (b"/" if e.kind == "tree" else b""))
    lines = [f"{e.mode} {e.name}\0".encode() + bytes.fromhex(e.sha) for e in ordered]
    return put(objects, "tree", b"".join(lines))


def put_commit(objects: Objects, commit: Commit) -> str:
    lines = [
        f"tree {commit.tree}",
        *(f"parent {parent}" for parent in commit.parents),
        f"author {commit.author.line()}",
        f"committer {commit.committer.line()}",
    ]
    return put(objects, "commit", "\n".join([*lines, "", commit.message]).encode())


def put_tag(objects: Objects, tag: Tag) -> str:
    lines = [
        f"object {tag.target}",
        f"type {tag.kind}",
        f"tag {tag.name}",
        f"tagger {tag.tagger.line()}",
    ]
    return put(objects, "tag", "\n".join([*lines, "", tag.message]).encode())


def put_files(objects: Objects, files: Mapping[str, bytes]) -> str:
    """Store a tree with these files, by their paths."""
    blobs = {path: Entry("100644", "", put(objects, "blob", data)) for path, data in files.items()}
    return changed(objects, None, blobs)


def entries(objects: Objects, tree: str) -> list[Entry]:
    found, content = [], objects[tree].content
    while content:
        head, _, rest = content.partition(b"\0")
        mode, _, name = head.decode().partition(" ")
        found.append(Entry(mode, name, rest[:20].hex()))
        content = rest[20:]
    return found


def walk(objects: Objects, tree: str, *, recursive: bool) -> Iterator[tuple[str, Entry]]:
    """The tree's entries with their paths, folders before what is in them."""
    for entry in entries(objects, tree):
        yield entry.name, entry
        if recursive and entry.kind == "tree":
            for path, below in walk(objects, entry.sha, recursive=True):
                yield f"{entry.name}/{path}", below


def changed(objects: Objects, tree: str | None, changes: Mapping[str, Entry | None]) -> str:
    """A tree with entries set, or taken away (None), by their paths.

    Raises:
        KeyError: What is to be taken away is not there.
    """
    old = {entry.name: entry for entry in entries(objects, tree)} if tree else {}
    below: dict[str, dict[str, Entry | None]] = {}
    for path, entry in changes.items():
        name, _, rest = path.partition("/")
        if rest:
            below.setdefault(name, {})[rest] = entry
        elif entry is None:
            del old[name]
        else:
            old[name] = Entry(entry.mode, name, entry.sha)
    for name, inner in below.items():
        folder = old.get(name)
        sha = changed(objects, folder.sha if folder and folder.kind == "tree" else None, inner)
        old[name] = Entry("40000", name, sha)
        if not objects[sha].content:  # git keeps no empty folders
            del old[name]
    return put_tree(objects, list(old.values()))


def read_commit(objects: Objects, sha: str) -> Commit:
    head, _, message = objects[sha].content.decode().partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.splitlines():
        name, _, value = line.partition(" ")
        fields.setdefault(name, []).append(value)
    (tree,), (author,), (committer,) = fields["tree"], fields["author"], fields["committer"]
    parents = tuple(fields.get("parent", ()))
    return Commit(tree, parents, _person(author), _person(committer), message)


def read_tag(objects: Objects, sha: str) -> Tag:
    head, _, message = objects[sha].content.decode().partition("\n\n")
    fields = dict(line.split(" ", 1) for line in head.splitlines())
    tagger = _person(fields["tagger"])
    return Tag(fields["object"], fields["type"], fields["tag"], tagger, message)


def _person(line: str) -> Person:
    name, _, rest = line.partition(" <")
    email, _, when = rest.partition("> ")
    seconds, zone = when.split()
    moment = datetime.fromtimestamp(int(seconds), datetime.strptime(zone, "%z").tzinfo)
    return Person(name, email, moment.isoformat().replace("+00:00", "Z"))


def descends(objects: Objects, new: str, old: str) -> bool:
    """Whether a commit has another one among its ancestors, or is it."""
    seen, ahead = set(), [new]
    while ahead:
        if (sha := ahead.pop()) == old:
            return True
        if sha not in seen and sha in objects:
            seen.add(sha)
            ahead.extend(read_commit(objects, sha).parents)
    return False
