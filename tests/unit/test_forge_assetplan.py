"""What is done to the branch of pictures, and what a comment tells about those that it shows."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from assay.forge import assetplan, assets
from assay.forge.assetbranch import BRANCH
from assay.forge.assetplan import Entry, Plan, Stored, Tip, adding, kept, known, slug
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FILES = {"roc-light.png": b"light", "roc-dark.png": b"dark"}
COMMIT = "a" * 40


def entry(
    number: int = 0,
    *,
    age: timedelta = timedelta(0),
    size: int = 100,
    pull_request: int | None = 5,
    key: str = "default",
) -> Entry:
    return Entry(
        commit=f"{number:040x}",
        date=NOW - age,
        size=size,
        pull_request=pull_request,
        key=key,
    )


def others(ages: list[timedelta], size: int = 100) -> tuple[Entry, ...]:
    """Pictures of as many other pull requests."""
    return tuple(
        entry(number, age=age, size=size, pull_request=1000 + number)
        for number, age in enumerate(ages, 1)
    )


def tip(*entries: Entry) -> Tip:
    return Tip("f" * 40, "e" * 40, entries)


def rest(tip: Tip, new: Entry) -> list[int]:
    """The numbers of what the branch lists once `new` is added."""
    plan = adding(tip, new, now=NOW)
    assert plan is not None
    return [int(entry.commit, 16) for entry in plan.entries]


# --- Adding -------------------------------------------------------------------------------------


def test_without_a_branch_the_first_tip_has_the_pictures_as_its_parent() -> None:
    new = entry()
    assert adding(None, new, now=NOW) == Plan(((new.commit,),), (new,))


def test_to_add_is_a_fast_forward() -> None:
    old, new = entry(1, age=DAY), entry(2, pull_request=6)
    plan = adding(tip(old), new, now=NOW)
    assert plan == Plan((("f" * 40, new.commit),), (old, new))


def test_what_is_listed_is_not_added_again() -> None:
    assert adding(tip(entry(1)), entry(1), now=NOW + DAY) is None


def test_one_commit_may_be_listed_for_two_reports() -> None:
    assert rest(tip(entry(1)), entry(1, key="north")) == [1, 1]


def test_nothing_is_dropped_within_the_slack() -> None:
    full = others([DAY] * int(assetplan.MOST * assetplan.SLACK - 1))
    plan = adding(tip(*full), entry(999_999), now=NOW)
    assert plan is not None
    assert not plan.force
    assert len(plan.entries) == 250


# --- Pruning ------------------------------------------------------------------------------------


def test_beyond_the_number_the_newest_stay() -> None:
    full = others([n * HOUR for n in range(1, 251)])
    assert rest(tip(*full), entry(999_999)) == [*range(1, 200), 999_999]


def test_beyond_the_bytes_the_newest_stay() -> None:
    full = others([n * HOUR for n in range(1, 9)], size=10 * 2**20)
    assert rest(tip(*full), entry(999_999, size=10 * 2**20)) == [1, 2, 3, 4, 999_999]


def test_beyond_the_age_the_younger_stay() -> None:
    full = others([226 * DAY, 181 * DAY, 180 * DAY, DAY])
    assert rest(tip(*full), entry(999_999)) == [3, 4, 999_999]


def test_nothing_is_made_anew_for_an_age_within_the_slack() -> None:
    plan = adding(tip(*others([224 * DAY])), entry(9), now=NOW)
    assert plan is not None
    assert not plan.force


def test_pictures_of_the_pull_request_at_hand_stay_however_old() -> None:
    old = entry(1, age=400 * DAY, key="north", size=100 * 2**20)
    plan = adding(tip(old), entry(9), now=NOW)
    assert plan == Plan((("f" * 40, entry(9).commit),), (old, entry(9)))


def test_a_replaced_picture_goes_after_an_hour_when_something_goes() -> None:
    due = others([300 * DAY])
    replaced, recent, other = (
        entry(20, age=2 * HOUR),
        entry(21, age=HOUR / 2),
        entry(22, age=2 * HOUR, key="north"),
    )
    assert rest(tip(*due, replaced, recent, other), entry(99)) == [21, 22, 99]


def test_a_report_that_belongs_to_no_pull_request_replaces_nothing() -> None:
    main = entry(20, age=DAY, pull_request=None)
    assert rest(tip(*others([300 * DAY]), main), entry(99, pull_request=None)) == [20, 99]


def test_to_force_can_be_ruled_out() -> None:
    plan = adding(tip(*others([300 * DAY])), entry(99), now=NOW, prune=False)
    assert plan is not None
    assert not plan.force
    assert len(plan.entries) == 2


def test_a_tip_made_anew_has_its_ancestors_in_a_chain() -> None:
    full = others([HOUR] * 250)
    plan = adding(tip(*full), entry(999_999), now=NOW)
    assert plan is not None
    assert plan.force
    assert list(itertools.chain(*plan.parents)) == [entry.commit for entry in plan.entries]
    assert max(map(len, plan.parents)) == assetplan.WIDEST - 1
    assert len(plan.parents) == 7


reports = st.builds(
    entry,
    number=st.integers(0, 60),
    age=st.integers(0, 400 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    size=st.integers(0, 20 * 2**20),
    pull_request=st.none() | st.integers(1, 4),
    key=st.sampled_from(["default", "north"]),
)


@given(st.lists(reports, max_size=40), reports)
def test_what_is_kept_is_within_the_limits_and_nothing_goes_without_a_reason(
    everything: list[Entry], new: Entry
) -> None:
    everything = [*everything, new]
    stays = kept(everything, new=new, now=NOW)

    assert new in stays
    order = list(dict.fromkeys(everything))
    assert list(stays) == [entry for entry in order if entry in stays]
    foreign = [e for e in stays if e.pull_request is None or e.pull_request != new.pull_request]
    foreign = [e for e in foreign if e != new]
    assert all(NOW - e.date <= assetplan.KEPT_FOR for e in foreign)
    if foreign:  # what is at hand may be over the limits alone
        assert sum(e.size for e in foreign) <= assetplan.MOST_BYTES
    for gone in set(everything) - set(stays):
        newer = [e for e in stays if e.report == gone.report and (e.date >= gone.date or e == new)]
        replaced = bool(newer) and gone.pull_request is not None
        replaced = replaced and NOW - gone.date > assetplan.GRACE
        older = NOW - gone.date > assetplan.KEPT_FOR
        heavy = sum(e.size for e in stays) + gone.size > assetplan.MOST_BYTES
        at_hand = gone.pull_request is not None and gone.pull_request == new.pull_request
        assert replaced or (not at_hand and (older or heavy))


@settings(max_examples=60)
@given(st.lists(st.tuples(reports, st.timedeltas(timedelta(0), 60 * DAY)), max_size=30))
def test_whatever_is_listed_is_an_ancestor_of_the_tip(
    steps: list[tuple[Entry, timedelta]],
) -> None:
    """Plans carried out one after another on a graph of commits."""
    parents: dict[str, tuple[str, ...]] = {}
    names = (f"{number:040x}" for number in itertools.count(10**6))
    branch: Tip | None = None
    now = NOW
    for new, later in steps:
        now += later
        plan = adding(branch, new, now=now)
        if plan is None:
            assert branch is not None
            continue
        previous: tuple[str, ...] = ()
        for group in plan.parents:
            sha = next(names)
            parents[sha] = (*previous, *group)
            assert len(parents[sha]) <= assetplan.WIDEST
            previous = (sha,)
        if not plan.force and branch:
            assert branch.sha in reachable(previous[0], parents)
        branch = Tip(previous[0], "", assetplan.entries(assetplan.message(plan.entries)))
        assert new in branch.entries
        assert {e.commit for e in branch.entries} <= reachable(branch.sha, parents)
        assert adding(branch, new, now=now) is None


def reachable(sha: str, parents: dict[str, tuple[str, ...]]) -> set[str]:
    found, open_ = set(), [sha]
    while open_:
        one = open_.pop()
        if one not in found:
            found.add(one)
            open_ += parents.get(one, ())
    return found


# --- The message --------------------------------------------------------------------------------


@given(st.lists(reports, max_size=20))
def test_a_message_reads_back(everything: list[Entry]) -> None:
    text = assetplan.message(everything)
    assert assetplan.entries(text) == tuple(everything)
    assert assetplan.entries(text.rstrip("\n")) == tuple(everything)


def test_a_message_mentions_no_pull_request_and_starts_no_other_ci() -> None:
    text = assetplan.message([entry(1, key=slug("fixes #5 @team"))])
    assert "#" not in text
    assert "@" not in text
    assert "[skip ci]" in text.splitlines()[0]
    assert text.splitlines()[2] == (
        f"{1:040x} 2026-03-01T12:00:00Z 100 5 fixes-5-team-{slug('fixes #5 @team')[-12:]}"
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Merged by hand",
        f"{COMMIT} 2026-03-01T12:00:00Z 100 #5 default",
        f"{COMMIT} 2026-99-01T12:00:00Z 100 5 default",
        f"{COMMIT} 2026-03-01T12:00:00Z -1 5 default",
        f"{COMMIT[:-1]} 2026-03-01T12:00:00Z 100 5 default",
        f"{COMMIT} 2026-03-01T12:00:00Z 100 5 ../up",
        f"x{COMMIT} 2026-03-01T12:00:00Z 100 5 default",
    ],
)
def test_other_lines_of_a_message_list_nothing(line: str) -> None:
    good = assetplan.message([entry(1)])
    assert assetplan.entries(f"{good}{line}\n") == (entry(1),)


def test_the_longest_message_is_well_below_what_any_form_of_githubs_takes() -> None:
    longest = others([HOUR] * 250)
    longest = tuple(
        Entry(commit=e.commit, date=e.date, size=10**8, pull_request=10**6, key=slug("X" * 99))
        for e in longest
    )
    assert len(assetplan.message(longest)) < 40_000


# --- Names --------------------------------------------------------------------------------------


@given(st.text())
def test_a_slug_is_safe_in_a_path_and_in_a_line(key: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", slug(key))
    assert slug(slug(key)) == slug(key) or len(slug(key)) > 40


@given(st.text(), st.text())
def test_different_keys_have_different_slugs(left: str, right: str) -> None:
    assert (slug(left) == slug(right)) == (left == right)


@pytest.mark.parametrize("key", ["default", "bikes", "bikes-2024", "a"])
def test_a_key_that_is_safe_is_its_own_slug(key: str) -> None:
    assert slug(key) == key


@pytest.mark.parametrize(
    "key", ["Default", "a b", "a-", "", "..", "ü", "\ud800", "x" * 41, "a/b", "a--b"]
)
def test_any_other_key_gets_a_hash(key: str) -> None:
    assert re.search(r"(^|-)[0-9a-f]{12}$", slug(key))


def test_address_of_a_picture() -> None:
    assert (
        assets.url("https://github.com/", "acme/bikes", COMMIT, "roc-light.png")
        == f"https://github.com/acme/bikes/raw/{COMMIT}/roc-light.png"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_path_can_end_no_attribute(path: str) -> None:
    address = assets.url("https://ghe.example.test", "acme/bikes", BRANCH, path)
    assert not set(address) & set("\"'<> `()\\\n\r\t?#|")
    assert unquote(address).endswith(f"/raw/assay-assets/{path}")


# --- What a comment shows -----------------------------------------------------------------------


def shown(note: str, before: str = "", after: str = "## Better") -> str:
    return f"<!-- assay:report key=bikes -->\n{before}{note}\n{after}\n"


def test_pictures_that_a_comment_shows_are_known() -> None:
    stored = Stored.of(COMMIT, FILES, NOW)
    assert known(shown(stored.note), FILES, now=NOW + DAY) == stored
    assert known(shown(stored.note).replace("\n", "\r\n"), FILES, now=NOW + DAY) == stored
    line = "<!-- assay:shown 123@ -->\n"
    assert known(shown(stored.note, before=line), FILES, now=NOW + DAY) == stored


def test_the_note_keeps_the_time_at_which_pictures_were_stored() -> None:
    stored = Stored.of(COMMIT, FILES, NOW.replace(microsecond=5))
    again = known(shown(stored.note), FILES, now=NOW + DAY)
    assert again is not None
    assert again.note == stored.note


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "roc-dark.png": b"other"},
        {"roc-light.png": b"light"},
        {**FILES, "more.png": b""},
        {"roc-light.png": b"dark", "roc-dark.png": b"light"},
        {"roc-lightx.png": b"light", "roc-dark.png": b"dark"},
        {},
    ],
)
def test_other_pictures_are_not_known(files: dict[str, bytes]) -> None:
    note = Stored.of(COMMIT, FILES, NOW).note
    assert known(shown(note), files, now=NOW) is None


def test_pictures_stored_long_ago_are_not_taken_to_be_there() -> None:
    note = Stored.of(COMMIT, FILES, NOW).note
    assert known(shown(note), FILES, now=NOW + assetplan.FRESH) is not None
    assert known(shown(note), FILES, now=NOW + assetplan.FRESH + DAY) is None
    assert known(shown(note), FILES, now=NOW - 8 * DAY) is None


def test_a_line_below_what_people_see_is_the_users_and_is_not_believed() -> None:
    note = Stored.of("b" * 40, FILES, NOW).note
    for body in (
        f"<!-- assay:report key=a -->\n## Better\n{note}\n",
        f"<!-- assay:report key=a -->\n\n{note}\n",
        f"<!-- assay:report key=a -->\n```\n{note}\n```\n",
        f"> {note}\n",
        f"<!-- a --> {note}\n",
        "",
    ):
        assert known(body, FILES, now=NOW) is None


@given(st.text())
def test_no_text_below_is_believed(text: str) -> None:
    note = Stored.of(COMMIT, FILES, NOW).note
    body = f"<!-- assay:report key=a -->\n## {text}\n{note}"
    assert known(body, FILES, now=NOW) is None


@given(st.text())
def test_any_body_can_be_looked_at(body: str) -> None:
    assert known(body, FILES, now=NOW) is None


def test_a_note_with_a_date_that_is_none_is_not_believed() -> None:
    note = Stored.of(COMMIT, FILES, NOW).note.replace("2026-03", "2026-99")
    assert known(shown(note), FILES, now=NOW) is None
