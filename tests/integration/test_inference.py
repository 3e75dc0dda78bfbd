"""How sure a difference is, through the evaluate stage: real files, and whose rows they are."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from assay.console import Console
from assay.section import Status
from assay.stages import evaluate

from tests.integration.test_evaluate import (
    _context,
    _evaluate,
    _f1,
    _failed,
    _files,
    _scores,
    repo,
)

if TYPE_CHECKING:
    from tests.repos import Repo

__all__ = ["repo"]

KEYED = "predictions: {path: predictions.csv, score: score, key: id}\n"
METRIC = """
import os

import numpy as np

def profit(rows):
    assert "score" in rows, "its own columns"
    chosen = rows[rows["score"] >= 0.5]
    return float((chosen["y_true"] * 5 - 1).sum()) / len(rows)

def breaks(rows):
    raise KeyError("amount")

def words(rows):
    return "much"

def nan(rows):
    return float("nan")

def curious(rows):
    print("::error::mine", end="")
    return float(any(name in os.environ for name in ("GITHUB_TOKEN", "GITHUB_ENV")))

TABLE = 3
"""


def _own(name: str) -> str:
    return KEYED + f"metrics: {{mine: {{direction: higher, function: {name}}}}}\n"


def test_every_metric_has_an_interval_around_its_difference(repo: Repo) -> None:
    section = _evaluate(repo, _files(_scores(0.6)), _files(_scores(0.4)))

    assert section.head is not None
    assert section.base is not None
    recomputed = [metric.name for metric in section.head.metrics if metric.recomputed]
    assert [found.metric for found in section.evidence] == recomputed
    for found in section.evidence:
        assert found.head == pytest.approx(section.head.value(found.metric))
        assert found.base == pytest.approx(section.base.value(found.metric))
        assert found.low <= found.difference <= found.high
        assert found.units == 200
    assert section.rows is not None
    assert section.rows.pairing == "same rows"


def test_the_same_run_twice_gives_the_same_evidence(repo: Repo) -> None:
    config = KEYED.replace("}", ", slices: season}")
    context = _context(repo, _files(_scores(0.6)), _files(_scores(0.4)), config)
    first, second = evaluate.run(context), evaluate.run(context)
    assert first.evidence
    assert second.evidence == first.evidence
    assert second.slices == first.slices
    assert second.search == first.search


def test_rows_in_another_order_are_the_same_rows(repo: Repo) -> None:
    shuffled = _scores(0.4).sample(frac=1, random_state=3)
    section = _evaluate(repo, _files(_scores(0.6)), _files(shuffled), KEYED)
    assert section.rows is not None
    assert section.rows.pairing == "same rows"
    assert section.base is not None
    assert section.base.value("f1") == pytest.approx(_f1(_scores(0.4)))
    assert not section.reasons


def test_base_is_scored_on_the_rows_that_head_kept(repo: Repo) -> None:
    head, base = _scores(0.6).iloc[20:], _scores(0.4)
    section = _evaluate(repo, _files(head), _files(base), KEYED)
    assert section.rows is not None
    assert section.rows.pairing == "scored on head's rows"
    assert section.base is not None
    assert section.base.value("f1") == pytest.approx(_f1(base.iloc[20:]))
    assert section.evidence[0].units == 180
    (reason,) = section.reasons
    assert reason.severity == "note"
    assert "20 only in base. Base's predictions were scored on head's rows" in reason.message


def test_base_is_held_against_a_truth_that_was_corrected(repo: Repo) -> None:
    head, base = _scores(0.6), _scores(0.4)
    head.loc[:9, "y_true"] = 1 - head.loc[:9, "y_true"]
    section = _evaluate(repo, _files(head), _files(base), KEYED)
    assert section.rows is not None
    assert section.rows.pairing == "scored on head's rows"
    assert section.base is not None
    assert section.base.value("f1") == pytest.approx(_f1(base.assign(y_true=head["y_true"])))
    assert "10 with another true value" in section.reasons[0].message


def test_new_rows_are_compared_as_two_samples(repo: Repo) -> None:
    head, base = _scores(0.6, rows=260), _scores(0.4)
    section = _evaluate(repo, _files(head), _files(base), KEYED)
    assert section.status is Status.WARN
    assert section.rows is not None
    assert section.rows.pairing == "unpaired"
    assert {found.method for found in section.evidence} == {"unpaired"}
    assert section.base is not None
    assert section.base.value("f1") == pytest.approx(_f1(base))
    assert "60 only in head" in section.reasons[0].message
    assert "wider" in section.reasons[0].message
    assert section.search is not None
    assert section.search.why_not == "head and base have different rows"


def test_unpaired_slices_are_matched_by_name(repo: Repo) -> None:
    head, base = _scores(0.6, rows=300), _scores(0.4, seed=2)
    config = KEYED.replace("}", ", slices: season}") + "metrics: {f1: }\n"
    section = _evaluate(repo, _files(head), _files(base), config)
    spring = next(part for part in section.slices if part.name == "season = spring")
    assert spring.head["f1"] == pytest.approx(_f1(head[head.season == "spring"]))
    assert spring.base["f1"] == pytest.approx(_f1(base[base.season == "spring"]))


def test_groups_of_rows_are_the_units(repo: Repo) -> None:
    frames = [_scores(quality).assign(customer=np.arange(200) // 4) for quality in (0.6, 0.4)]
    config = KEYED.replace("}", ", group: customer}")
    section = _evaluate(repo, _files(frames[0]), _files(frames[1]), config)
    assert {found.units for found in section.evidence} == {50}


def test_slices_of_every_kind(repo: Repo) -> None:
    config = """
predictions:
  path: predictions.csv
  score: score
  slices:
    - season
    - {column: id, bins: [50, 100]}
    - {cross: [season, y_true]}
    - {name: early springs, where: "season == 'spring' and id < 90"}
    - {name: nobody, where: "id < 0"}
"""
    section = _evaluate(repo, _files(_scores(0.6)), _files(_scores(0.4)), config)
    names = {part.name: part for part in section.slices}
    assert {"season = spring", "id < 50", "id in [50, 100)", "early springs"} <= set(names)
    assert names["early springs"].rows == 60
    assert (names["nobody"].rows, names["nobody"].judged) == (0, False)
    assert all(part.evidence for part in section.slices if part.judged)


def test_the_slice_that_got_worst_is_found(repo: Repo) -> None:
    base = _scores(0.6, rows=2000)
    harmed = base["season"] == "summer"
    head = base.assign(score=base["score"].where(~harmed, 1 - base["score"]))
    section = _evaluate(repo, _files(head), _files(base), KEYED)
    assert section.search is not None
    assert section.search.found is not None
    assert section.search.found.rule == "season = summer"
    assert section.search.found.significant
    assert section.search.found.rows == int(harmed.sum())


def test_values_that_are_sensitive_are_not_searched(repo: Repo) -> None:
    config = KEYED + "data: [{path: d.csv, schema: 's.py:S', sensitive: season}]\n"
    head, base = _scores(0.4), _scores(0.6)
    section = _evaluate(repo, _files(head), _files(base), config)
    assert section.search is not None
    assert section.search.left_out["season"] == "its values are sensitive"
    assert section.search.found is None or "season" not in section.search.found.rule


def test_the_search_can_be_switched_off(repo: Repo) -> None:
    config = KEYED + "statistics: {search: false}\n"
    section = _evaluate(repo, _files(_scores(0.6)), _files(_scores(0.4)), config)
    assert section.search is None


def test_fairness_of_head_and_base(repo: Repo) -> None:
    config = (
        KEYED + "fairness: [{column: season, measure: demographic_parity_difference, max: 1}]\n"
    )
    frames = [_scores(0.6), _scores(0.4)]
    section = _evaluate(repo, _files(frames[0]), _files(frames[1]), config)
    (fact,) = section.fairness
    rates = [(f.score >= 0.5).groupby(f.season).mean() for f in frames]
    assert fact.head == pytest.approx(rates[0].max() - rates[0].min())
    assert fact.base == pytest.approx(rates[1].max() - rates[1].min())
    assert set(fact.groups) == {"spring", "summer"}


def test_a_metric_of_the_users_own(repo: Repo) -> None:
    frames = [_scores(0.6), _scores(0.4)]
    files = {**_files(frames[0]), "money.py": METRIC}
    section = _evaluate(repo, files, _files(frames[1]), _own("money.py:profit"))
    assert section.head is not None
    assert section.base is not None
    expected = [
        float((frame[frame.score >= 0.5]["y_true"] * 5 - 1).sum()) / len(frame) for frame in frames
    ]
    assert section.head.value("mine") == pytest.approx(expected[0])
    assert section.base.value("mine") == pytest.approx(expected[1])
    (found,) = [found for found in section.evidence if found.metric == "mine"]
    assert found.method == "bootstrap"
    assert found.low < found.difference < found.high


def test_it_runs_without_tokens_and_its_words_are_no_commands(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_x")
    monkeypatch.setenv("GITHUB_ENV", "/x")
    context = _context(
        repo, {**_files(_scores(0.6)), "money.py": METRIC}, None, _own("money.py:curious")
    )
    context = dataclasses.replace(context, console=Console(github=True))
    section = evaluate.run(context)
    assert section.head is not None
    assert section.head.value("mine") == 0
    assert os.environ["GITHUB_TOKEN"] == "ghs_x"
    first, *said, last = capsys.readouterr().out.splitlines()
    assert first.startswith("::stop-commands::")
    assert said[0].startswith("::error::mine")
    assert last == f"::{first.removeprefix('::stop-commands::')}::"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (_own("money.py:breaks"), "money.py: The metric mine raises KeyError: 'amount'."),
        (_own("money.py:words"), "The metric mine raises ValueError: could not convert"),
        (_own("money.py:nan"), "The metric mine is nan, which is no number."),
        (_own("money.py:gone"), "money.py has no `gone`."),
        (_own("money.py:TABLE"), "money.py has, but not as a function, a `TABLE`."),
        (_own("money.py"), "`money.py` does not name a function."),
        (_own("gone.py:profit"), "The file gone.py does not exist."),
        (KEYED.replace("}", ", group: shop}"), "no column 'shop'"),
        (KEYED.replace("}", ", slices: shop}"), "no column 'shop'"),
        (KEYED.replace("}", ", slices: [{name: x, where: 'id +'}]}"), "id +"),
        (
            KEYED + "fairness: [{column: shop, measure: equalized_odds_ratio, min: 0}]\n",
            "no column 'shop'",
        ),
    ],
)
def test_a_mistake_is_named(repo: Repo, config: str, said: str) -> None:
    files = {**_files(_scores(0.6)), "money.py": METRIC}
    section = _evaluate(repo, files, _files(_scores(0.4)), config)
    assert said in _failed(section)


def test_a_group_without_a_value_is_refused(repo: Repo) -> None:
    frame = _scores(0.6).assign(customer=[None, *range(199)])
    config = KEYED.replace("}", ", group: customer}")
    said = _failed(_evaluate(repo, _files(frame), None, config))
    assert "the group column 'customer' has no value in 1 rows" in said
