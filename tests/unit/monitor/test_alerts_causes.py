"""Why there is an alarm, since when, and what is news to whom."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from assay.monitor import causes
from assay.monitor.causes import Told
from assay.monitor.verdict import Answer, Judgement, Outcome, settled
from assay.monitor.watched import MonitorSection, Window
from assay.monitor.window import Breach
from hypothesis import given
from hypothesis import strategies as st

from tests import alerts_sections as sections
from tests.alerts_sections import odd, question
from tests.prometheus_section import END, section, window

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = timedelta(days=1)


def judged(day: int, outcome: Outcome, *names: str) -> Window:
    """A day, and what it was judged; each name is a column that drifts."""
    answers = tuple(
        Answer(question=question(name, about="feature"), adjusted=0.0, outcome="drift", why=name)
        for name in names or (["a"] if outcome == "drift" else [])
    )
    broken = (Breach(column="b", problem="gone", rows=900),) if outcome == "contract broken" else ()
    judgement = Judgement(outcome=outcome, why=("x",), rows=900, breaches=broken, answers=answers)
    return Window(start=END + day * DAY, end=END + (day + 1) * DAY, judgement=judgement)


def of(outcomes: Sequence[Outcome]) -> MonitorSection:
    return section([judged(day, one) for day, one in enumerate(outcomes)], columns=(), ranked=())


class TestCauses:
    def test_the_gravest_comes_first(self) -> None:
        asked = [
            question("roc_auc (season=winter)", 0.4),
            question("f1", 0.1, about="estimate"),
            question("p", about="prediction"),
            question("roc_auc"),
            question("all features", about="features together"),
        ]
        breaches = [Breach(column="gone", problem="gone", rows=1)]
        found = sections.moved(odd(1), odd(asked=asked, breaches=breaches))
        assert [one.name for one in causes.causes(found)] == [
            "gone", "roc_auc", "roc_auc (season=winter)", "f1", "p", "temperature", "all features",
        ]  # fmt: skip

    def test_features_stand_by_what_they_do_to_the_model(self) -> None:
        asked = [question("season", about="feature", effect=0.9)]
        found = sections.moved(odd(1), odd(asked=asked))
        assert [one.name for one in causes.causes(found)] == ["temperature", "season"]

    def test_what_is_empty_in_a_few_rows_breaks_nothing(self) -> None:
        names = [one.name for one in causes.causes(sections.contract())]
        assert names == ["humidity", "windspeed", "temperature"]

    @pytest.mark.parametrize("name", ["quiet", "empty"])
    def test_there_is_none_where_nothing_is_wrong(self, name: str) -> None:
        assert causes.causes(sections.CASES[name]()) == ()

    def test_of_an_alarm_that_lasts_the_last_window_that_was_wrong_is_told(self) -> None:
        found = sections.lasting()
        assert causes.told_window(found) is found.windows[2]
        once = sections.once()
        assert causes.told_window(once) is once.newest

    @given(st.lists(st.text(max_size=20), min_size=2, max_size=2, unique=True))
    def test_keys_tell_names_apart(self, names: list[str]) -> None:
        one, other = (
            causes.Cause(judged(0, "drift", name).judgement.answers[0]).key for name in names
        )
        assert one != other
        assert one.isalnum()
        assert one.isascii()

    def test_a_feature_is_no_metric_of_that_name(self) -> None:
        found = [
            causes.Cause(Answer(question=one, adjusted=0, outcome="drift", why=""))
            for one in (question("a"), question("a", about="feature"))
        ]
        breach = causes.Cause(Breach(column="a", problem="gone"))
        assert len({one.key for one in (*found, breach)}) == 3


class TestSince:
    @pytest.mark.parametrize(
        ("outcomes", "day"),
        [
            ("qqdd", 2),
            ("dqqqd", 0),  # both count towards it
            ("qddddd", 1),
            ("qqddqqqqqdd", 9),  # the alarm before is over
            ("qqdid", 2),
            ("qb", 1),
            ("dqbb", 2),
            ("qqddb", 2),
            ("ddqqq", 0),
            ("qqqd", 3),  # there is no alarm
            ("d", 0),
        ],
    )
    def test_it_is_the_first_window_that_the_alarm_rests_on(self, outcomes: str, day: int) -> None:
        words: dict[str, Outcome] = {
            "q": "quiet", "d": "drift", "i": "inconclusive", "b": "contract broken",
        }  # fmt: skip
        found = of([words[one] for one in outcomes])
        assert causes.since(found) == END + day * DAY


OUTCOMES = st.lists(
    st.sampled_from(["quiet", "quiet", "drift", "drift", "inconclusive", "contract broken"]),
    min_size=1,
    max_size=14,
)


class TestNews:
    @given(OUTCOMES)
    def test_starts_and_ends_take_turns(self, outcomes: list[Outcome]) -> None:
        heard: tuple[str, ...] | None = None
        events = []
        for upto in range(1, len(outcomes) + 1):
            found = of(outcomes[:upto])
            event, heard = causes.news(heard, found)
            assert causes.news(heard, found)[0] is None, "told once"
            if event in ("starts", "ends"):
                events.append(event)
            if found.state.alarm:
                assert heard is not None
            elif found.state.newest != "inconclusive":
                assert heard is None
        turns = itertools.cycle(["starts", "ends"])
        assert events == list(itertools.islice(turns, len(events)))

    @given(OUTCOMES.filter(lambda found: "inconclusive" not in found))
    def test_who_remembers_nothing_comes_to_the_same(self, outcomes: list[Outcome]) -> None:
        heard: tuple[str, ...] | None = None
        for upto in range(1, len(outcomes) + 1):
            found = of(outcomes[:upto])
            known = causes.before(found).webhook
            assert (known is None) == (heard is None)
            event, after = causes.news(heard, found)
            if event != "changes":
                assert causes.news(known, found)[0] == event
            heard = after

    def test_what_falls_away_and_comes_back_is_no_news(self) -> None:
        both, one = ([judged(0, "drift"), judged(1, "drift", *names)] for names in ("ab", "a"))
        heard: tuple[str, ...] | None = None
        said = []
        for windows in (one, both, one, both):
            event, heard = causes.news(heard, section(windows, columns=(), ranked=()))
            said.append(event)
        assert said == ["starts", "changes", None, None]

    def test_a_table_of_a_thousand_columns_fits_the_issue(self) -> None:
        names = [f"c{at}" for at in range(1000)]
        found = section([judged(0, "drift", *names), judged(1, "drift", *names)])
        _, heard = causes.news(None, found)
        assert heard is not None
        assert len(heard) == causes.MOST_REMEMBERED
        assert causes.news(heard, found) == (None, heard)

    def test_one_window_was_never_told(self) -> None:
        assert causes.before(section([window()])) == Told()


def test_the_state_is_that_of_the_windows() -> None:
    for name, make in sections.CASES.items():
        found = make()
        outcomes = [one.judgement.outcome for one in found.windows]
        assert found.state == settled(outcomes, k=found.k, n=found.n), name
