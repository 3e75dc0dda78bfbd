"""The grammar of tags and versions, held against GTO's own and against the package `semver`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from assay.errors import UsageError
from assay.release import semver, tagname
from assay.release.tagname import TagName
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

theirs = pytest.importorskip("gto.tag")
their_semver = pytest.importorskip("semver")

# What makes and breaks tags, more often than a random text would have it.
PIECES = st.sampled_from(
    ["a", "model", "Z9", "/", "-", "_", ".", "=", ":", "#", "@", "!", "v", "v1.2.3", "0", "01"]
)
ENDS = st.sampled_from(
    ["-rc.1", "-0", "-00", "-a.01", "+b.7", "+", "1", "deprecated", "created", "#2", " ", "é"]
)
TEXTS = st.lists(PIECES | ENDS, min_size=1, max_size=9).map("".join)
TAGS = st.one_of(
    TEXTS,
    st.tuples(
        st.sampled_from(["a", "models=a", "x/y.z=team/model-1", "-=a", "a-", "a//b"]),
        st.sampled_from(["#", "@", "@v"]),
        TEXTS,
    ).map("".join),
)


@given(TAGS)
def test_a_tag_is_read_as_gto_reads_it(tag: str) -> None:
    found = tagname.parse(tag)
    expected = theirs.parse_name(tag, raise_on_fail=False)
    assert read(found) == expected
    if found is not None and found.action != "create" and not has_leading_zero(tag, found):
        assert str(found) == tag


def read(found: TagName | None) -> Mapping[str, Any]:
    """As GTO shows it, where `@created` has no action."""
    if found is None:
        return {}
    whole = {
        "name": found.artifact,
        "version": found.version,
        "stage": found.stage,
        "counter": found.counter,
        "action": None
        if found.action == "create"
        else getattr(theirs.Action, found.action.upper()),
    }
    return {key: value for key, value in whole.items() if value is not None}


def has_leading_zero(tag: str, found: TagName) -> bool:
    """`#007`, which is the number 7."""
    return found.counter is not None and not tag.endswith(f"#{found.counter}")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (TagName("", "register", "v1.0.0"), "'' is no name that GTO takes"),
        (TagName("a-", "register", "v1.0.0"), "'a-' is no name that GTO takes"),
        (TagName("a b", "register", "v1.0.0"), "'a b' is no name"),
        (TagName("a=b", "register", "v1.0.0"), "'a=b' is no name"),
        (TagName("é", "register", "v1.0.0"), "is no name that GTO takes"),
        (TagName("a", "register", "v1.0"), r"'v1\.0' is no semantic version"),
        (TagName("a", "register", "1.0.0"), r"'a@1\.0\.0' is no tag that GTO reads"),
        (TagName("a", "assign", stage="prod!"), "is no tag that GTO reads"),
        (TagName("a", "assign", stage="prod#1"), "is no tag that GTO reads"),
        (TagName("a", "assign", stage="a\x1b"), r"'a#a\\\\x1b' is no tag"),
        (TagName("a" * 2000, "register", "v1.0.0"), "is no tag that GTO reads"),
    ],
)
def test_what_gto_would_not_read_is_not_written(name: TagName, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        tagname.checked(name)
    assert caught.value.exit_code == 2
    assert caught.value.hint


NUMBERS = st.integers(0, 12)
PRERELEASES = st.lists(st.sampled_from(["0", "1", "11", "2", "alpha", "a-1", "1a"]), max_size=3)
VERSIONS = st.builds(
    semver.SemVer,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    PRERELEASES.map(tuple),
    st.sampled_from(["", "b", "7.x"]),
)


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_as_semver_orders_them(a: semver.SemVer, b: semver.SemVer) -> None:
    x, y = (their_semver.Version.parse(str(one)[1:]) for one in (a, b))
    assert ((a < b), (a > b)) == ((x < y), (x > y))
    assert semver.find(str(a)) == a


@given(TEXTS)
def test_a_version_is_one_where_semver_says_so(text: str) -> None:
    assert (semver.find(f"v{text}") is not None) == their_semver.Version.is_valid(text)


@pytest.mark.parametrize(
    ("version", "bump", "after"),
    [
        ("v1.2.3", "major", "v2.0.0"),
        ("v1.2.3", "minor", "v1.3.0"),
        ("v1.2.3+b", "patch", "v1.2.4"),
        ("v2.0.0-rc.1", "major", "v2.0.0"),
        ("v2.0.0-rc.1", "patch", "v2.0.0"),
        ("v2.1.0-rc.1", "minor", "v2.1.0"),
        ("v2.1.0-rc.1", "major", "v3.0.0"),
        ("v2.1.1-rc.1", "minor", "v2.2.0"),
    ],
)
def test_the_next_version(version: str, bump: semver.Bump, after: str) -> None:
    assert str(semver.parse(version).bump(bump)) == after


@pytest.mark.parametrize(
    "text", ["", "1", "v1.2", "1.2.3.4", "v01.2.3", "latest", "v" + "9" * 5000]
)
def test_what_is_no_version_is_an_error_that_shows_one(text: str) -> None:
    with pytest.raises(UsageError, match="is no semantic version") as caught:
        semver.parse(text)
    assert "v1.2.3" in (caught.value.hint or "")


def test_what_is_promised_starts_with_one() -> None:
    tried = ("v0.9.0", "v1.0.0-rc.1", "v1.0.0", "v1.0.0+b")
    assert [v for v in tried if semver.parse(v).is_stable] == ["v1.0.0", "v1.0.0+b"]
