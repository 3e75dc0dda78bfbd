"""The stage on real files: what every bad input comes to, by outcome, words and exit code."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from assay.configmonitor import MonitorSpec
from assay.errors import ConfigError, DataError, OutsideError, UsageError
from assay.monitor.watched import MonitorSection
from assay.packaging import kept
from assay.packaging.manifest import MetricValue
from assay.section import Status
from assay.stages import monitor
from assay.stats.predictions import from_frame

from tests import monitor_worlds
from tests.builders import make_context, printed
from tests.monitor_worlds import FIRST, ROWS, World, labels, packaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from assay.packaging.bundle import Bundle

QUICK: dict[str, Any] = {"multivariate": False, "hysteresis": {"windows": 1, "of": 1}}
"""One window alone, and no classifier."""
METRICS: dict[str, Any] = {"metrics": {"accuracy": 0.05}, "labels": {"path": "labels.parquet"}}


KNOWN = (
    MetricValue(name="accuracy", value=0.81, low=0.80, high=0.82),
    MetricValue(name="roc_auc", value=0.91, low=0.90, high=0.92),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return packaged(tmp_path_factory.mktemp("bundle"), metrics=KNOWN)


@pytest.fixture
def world(tmp_path: Path, made: Bundle) -> World:
    (tmp_path / "logs").mkdir()
    return World(tmp_path, made)


@pytest.fixture
def calibrated(tmp_path: Path) -> World:
    """With a bundle that keeps calibrations."""
    (tmp_path / "logs").mkdir()
    keeps = kept.of(reference_labelled(), None)
    return World(tmp_path, packaged(tmp_path / "bundle", keeps=keeps))


def why(found: MonitorSection) -> str:
    return " ".join(found.newest.judgement.why)


def notes(found: MonitorSection) -> str:
    return " ".join(found.newest.notes)


def ended(found: MonitorSection) -> tuple[str, int]:
    return found.state.newest, found.exit_code


def test_a_day_like_the_reference_is_quiet_and_written_down(world: World) -> None:
    world.write(world.day())
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert (found.status, found.reasons) == (Status.PASS, ())
    assert found.newest.judgement.rows == ROWS
    assert {one.name for one in found.columns} >= {"hour", "season", "label"}
    path = world.root / ".assay" / "monitor.json"
    assert MonitorSection.model_validate_json(path.read_bytes()) == found


def test_hysteresis_one_odd_day_wakes_nobody_and_two_do(world: World) -> None:
    for day in range(4):
        world.write(world.day(day, temperature=9 if day > 1 else 0))
    given = {"multivariate": False}
    assert ended(world.run(1, **given)) == ("quiet", 0)
    odd = world.run(2, **given)
    assert (ended(odd), odd.status) == (("drift", 0), Status.WARN)
    assert "temperature" in odd.reasons[0].message
    assert odd.reasons[0].severity == "warning"
    alarm = world.run(3, **given)
    assert (ended(alarm), alarm.status, alarm.state.alarm) == (("drift", 1), Status.FAIL, True)
    assert alarm.reasons[0].severity == "error"
    # It lasts while nobody can tell more.
    silent = world.run(5, **given)
    assert (ended(silent), silent.state.alarm) == (("inconclusive", 1), True)
    assert any("The alarm lasts" in one.message for one in silent.reasons)


def test_the_alarm_ends_with_quiet_days(world: World) -> None:
    for day in range(6):
        world.write(world.day(day, temperature=9 if day < 2 else 0))
    given = {"multivariate": False, "hysteresis": {"windows": 2, "of": 3}}
    assert [world.run(day, **given).state.alarm for day in (1, 2, 3)] == [True, True, False]


def test_the_log_before_it_began_is_no_window(world: World) -> None:
    world.write(world.day(1))
    assert len(world.run(1, multivariate=False).windows) == 1


# --- bad input ----------------------------------------------------------------------------------


def no_traffic(world: World) -> None:
    world.write(world.day(3))


def three_rows(world: World) -> None:
    world.write(world.day(rows=3))


def column_gone(world: World) -> None:
    world.write(world.day().drop(columns="feature.hour"))


def column_renamed(world: World) -> None:
    world.write(world.day().rename(columns={"feature.hour": "feature.Hour "}))


def type_changed(world: World) -> None:
    frame = world.day()
    world.write(frame.assign(**{"feature.hour": [f"{hour}h" for hour in frame["feature.hour"]]}))


def all_null(world: World) -> None:
    world.write(world.day().assign(**{"feature.temperature": np.nan}))


def infinities(world: World) -> None:
    frame = world.day()
    frame.loc[:599, "feature.temperature"] = np.inf
    world.write(frame)


def clock_skew(world: World) -> None:
    frame = world.day()
    frame.loc[:100, "time"] += timedelta(days=900)
    world.write(frame)


def other_version(world: World) -> None:
    world.write(monitor_worlds.log(digest="f" * 64))


def no_time(world: World) -> None:
    frame = world.day()
    frame.loc[:100, "time"] = None
    world.write(frame)


def half_written_alone(world: World) -> None:
    path = world.write(world.day())
    path.write_bytes(path.read_bytes()[:9000])


def nothing_written(world: World) -> None:
    """The server is there, and nobody asked it anything."""


def empty_file(world: World) -> None:
    (world.root / "logs" / "empty.parquet").touch()


def truth_for_numbers(world: World) -> None:
    world.write(world.day().assign(**{"feature.season": True}))


BAD: dict[Callable[[World], None], tuple[str, int, str]] = {
    no_traffic: ("inconclusive", 5, "the window has no row; 500 are needed"),
    three_rows: ("inconclusive", 5, "the window has only 3 rows"),
    column_gone: ("contract broken", 1, "the column hour is gone"),
    column_renamed: ("contract broken", 1, "the column hour is gone"),
    type_changed: ("contract broken", 1, "the column hour is of another type"),
    all_null: ("contract broken", 1, "the column temperature has no value in any of 900 rows"),
    infinities: ("contract broken", 1, "the column temperature has 600 infinite values"),
    clock_skew: ("inconclusive", 5, "11 % of the rows have no time, or one after now"),
    no_time: ("inconclusive", 5, "11 % of the rows have no time, or one after now"),
    other_version: ("inconclusive", 5, "are of another model version (ffffffffffff"),
    half_written_alone: ("inconclusive", 5, "no file of the log can be read"),
    nothing_written: ("inconclusive", 5, "the window has no row"),
    empty_file: ("inconclusive", 5, "no file of the log can be read"),
    truth_for_numbers: ("contract broken", 1, "the column season is of another type"),
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda one: one.__name__)
def test_bad_input_has_an_outcome_of_its_own(world: World, spoil: Callable[[World], None]) -> None:
    spoil(world)
    found = world.run(**QUICK)
    outcome, code, said = BAD[spoil]
    assert ended(found) == (outcome, code)
    assert said in why(found)
    assert found.reasons[0].severity == ("error" if code == 1 else "warning")
    if spoil is nothing_written:
        assert found.newest.notes == ("There is no file yet at logs/*.parquet.",)


def test_an_ignored_column_may_go(world: World) -> None:
    column_gone(world)
    assert ended(world.run(**QUICK, ignore=["hour"])) == ("quiet", 0)


def test_a_few_rows_with_a_wrong_clock_are_named_and_change_nothing(world: World) -> None:
    frame = world.day()
    frame.loc[:2, "time"] += timedelta(days=60)
    frame.loc[3:3, "time"] = None
    world.write(frame)
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert "Not counted, for a clock is wrong: 3 rows dated after now." in notes(found)
    assert "Not counted: 1 row without a time that can be read." in notes(found)
    assert found.newest.judgement.rows == ROWS - 4


def test_a_few_infinite_values_are_named(world: World) -> None:
    frame = world.day()
    frame.loc[:2, "feature.temperature"] = np.inf
    world.write(frame)
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert "temperature has 3 infinite values" in notes(found)


def test_lines_that_were_logged_twice_count_once(world: World) -> None:
    world.write(pd.concat([world.day(), world.day().iloc[:200]]))
    world.write(world.day().iloc[:50], "again.parquet")
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert (found.newest.judgement.rows, found.newest.duplicates) == (ROWS, 250)


def test_a_half_written_file_beside_whole_ones_is_named(world: World) -> None:
    whole = world.write(world.day())
    (world.root / "logs" / "crashed.parquet").write_bytes(whole.read_bytes()[:-100])
    (world.root / "logs" / ".0a-1.parquet.part").write_bytes(b"PAR1")
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert "logs/crashed.parquet (it is cut off or damaged)" in notes(found)


def test_a_file_that_is_damaged_inside_is_named(world: World) -> None:
    world.write(world.day())
    path = world.write(world.day(seed=70).assign(id=lambda one: "x" + one["id"]))
    content = bytearray(path.read_bytes())
    content[4:3000] = b"\xff" * 2996
    path.write_bytes(content)
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert f"Left out, for it is damaged: logs/{path.name}." in found.newest.notes
    assert found.newest.judgement.rows == ROWS


def test_rows_of_another_version_are_left_out_and_counted(world: World) -> None:
    other = monitor_worlds.log(digest="e" * 64, temperature=90, seed=5)
    world.write(pd.concat([world.day(), other]))
    found = world.run(**QUICK)
    assert ended(found) == ("quiet", 0)
    assert "900 rows of another model version (eeeeeeeeeeee)" in notes(found)


def test_a_type_that_was_mended_breaks_the_days_before_alone(world: World) -> None:
    type_changed(world)
    world.write(world.day(1))
    found = world.run(1, multivariate=False)
    assert [one.judgement.outcome for one in found.windows] == ["contract broken", "quiet"]
    assert found.exit_code == 0


# --- labels -------------------------------------------------------------------------------------


def labelled(world: World, wrong: float = 0.0) -> pd.DataFrame:
    day = world.day()
    world.write(day)
    return labels(day, wrong=wrong)


def with_labels(world: World, told: pd.DataFrame, **given: Any) -> MonitorSection:
    told.to_parquet(world.root / "labels.parquet", index=False)
    return world.run(**{**QUICK, **METRICS, **given})


def test_with_labels_performance_is_a_question_like_the_others(world: World) -> None:
    found = with_labels(world, labelled(world))
    assert ended(found) == ("quiet", 0)
    (measured,) = found.newest.metrics
    assert (measured.metric, measured.rows, measured.estimated) == ("accuracy", ROWS, False)
    assert measured.reference == 0.81
    assert measured.low < measured.value < measured.high


def test_a_model_that_got_worse_drifts_though_its_features_do_not(world: World) -> None:
    found = with_labels(world, labelled(world, wrong=0.4))
    assert ended(found) == ("drift", 1)
    assert [
        one.question.about for one in found.newest.judgement.answers if one.outcome == "drift"
    ] == ["performance"]


def test_labels_that_disagree_are_left_out_and_those_that_repeat_count_once(world: World) -> None:
    told = labelled(world)
    turned = told.iloc[:30].assign(truth=lambda one: 1 - one["truth"])
    told["truth"] = told["truth"].astype("Int64")
    told.loc[50:54, "truth"] = pd.NA
    found = with_labels(world, pd.concat([told, turned, told.iloc[100:140]]))
    assert ended(found) == ("quiet", 0)
    assert "30 rows have labels that contradict each other: left out" in notes(found)
    assert "40 labels came twice: counted once" in notes(found)
    assert "5 labels have no value: left out" in notes(found)
    assert found.newest.metrics[0].rows == ROWS - 35


def test_where_most_labels_contradict_each_other_nobody_can_say(world: World) -> None:
    told = labelled(world)
    turned = told.iloc[:451].assign(truth=lambda one: 1 - one["truth"])
    found = with_labels(world, pd.concat([told, turned]))
    assert ended(found) == ("inconclusive", 5)
    assert why(found) == (
        "451 rows have labels that contradict each other, and only 449 have one that counts"
    )


def test_every_interval_is_as_sure_as_those_of_the_gates(world: World) -> None:
    found = with_labels(world, labelled(world))
    spec = {"log": {"path": "logs/*.parquet"}, "alerts": {"issue": False}, **QUICK, **METRICS}
    document = {"monitor": spec, "statistics": {"confidence": 0.999}}
    wish = monitor.Wish(
        until=FIRST + timedelta(days=1), bundle=world.made.folder, now=FIRST + timedelta(days=30)
    )
    surer = monitor.run(make_context(world.root, yaml.safe_dump(document)), wish)
    assert (found.confidence, surer.confidence) == (0.95, 0.999)
    assert surer.newest.metrics[0].high > found.newest.metrics[0].high
    for one, wider in zip(found.columns, surer.columns, strict=True):
        assert wider.drift.high > one.drift.high


def test_few_labels_decide_nothing_and_are_counted(world: World) -> None:
    found = with_labels(world, labelled(world).iloc[:40])
    assert ended(found) == ("quiet", 0)
    assert "40 of 900 rows have a label" in notes(found)
    assert not found.newest.metrics


def test_labels_of_other_words_than_the_classes_are_inconclusive(world: World) -> None:
    told = labelled(world)
    found = with_labels(world, told.assign(truth=told["truth"].map({0: "no", 1: "yes"})))
    assert ended(found) == ("inconclusive", 5)
    assert "the labels do not fit the predictions: the truth column holds text and" in why(found)


def test_labels_of_one_class_give_no_area_and_that_is_said(world: World) -> None:
    told = labelled(world).assign(truth=1)
    found = with_labels(world, told, metrics={"roc_auc": 0.05})
    assert ended(found) == ("inconclusive", 5)
    assert "roc_auc of the labelled rows is not known" in why(found)


def test_labels_whose_key_fits_no_row_are_told(world: World) -> None:
    told = labelled(world)
    found = with_labels(world, told.assign(id="x" + told["id"]))
    assert ended(found) == ("inconclusive", 5)
    assert "none of the 900 labels belongs to a row of the log" in why(found)


def test_ids_that_are_numbers_find_their_labels_though_some_row_has_none(world: World) -> None:
    day = world.day()
    numbers = pd.array([pd.NA, *range(1, ROWS)], dtype="Int64")
    world.write(day.assign(id=numbers), "numbers.parquet")
    found = with_labels(world, labels(day).assign(id=range(ROWS)))
    assert ended(found) == ("quiet", 0)
    assert found.newest.metrics[0].rows == ROWS - 1


def test_labels_and_a_log_without_their_id_are_a_mistake_of_the_configuration(
    world: World,
) -> None:
    told = labelled(world)
    with pytest.raises(DataError, match="The log has no column 'request', by which") as error:
        with_labels(world, told, log={"path": "logs/*.parquet", "id": "request"})
    assert "'digest'" in (error.value.hint or "")
    assert error.value.exit_code == 2


def other_rule(world: World, **given: Any) -> MonitorSection:
    """A pipeline that says yes from 0.3 on, and a server that says it from 0.5 on."""
    asked = monitor_worlds.asked(4000, 77)
    score = monitor_worlds.chance(asked)
    truth = (np.random.default_rng(1).random(len(score)) < score).astype(int)
    tested = pd.DataFrame({"y": truth, "p": score, "said": (score > 0.3).astype(int)})
    rows = from_frame(tested, truth="y", prediction="said", score="p", positive=1)
    made = packaged(world.root / "other", keeps=kept.of(rows, None), metrics=KNOWN)
    other = World(world.root, made)
    day = other.day()
    other.write(day)
    labels(day).to_parquet(world.root / "labels.parquet", index=False)
    return other.run(**QUICK, metrics={"accuracy": 0.05, "roc_auc": 0.05}, **given)


@pytest.mark.parametrize("given", [{}, {"labels": {"path": "labels.parquet"}}])
def test_metrics_of_labels_by_another_rule_are_not_compared(
    world: World, given: dict[str, Any]
) -> None:
    found = other_rule(world, **given)
    assert ended(found) == ("quiet", 0)
    assert {one.metric for one in found.newest.metrics} == {"roc_auc"}
    assert "Not compared: accuracy. The model's labels were decided by another rule" in notes(found)


def test_labels_without_the_column_are_a_mistake_of_the_configuration(world: World) -> None:
    with pytest.raises(DataError, match="The labels have no column 'truth'") as error:
        with_labels(world, labelled(world).rename(columns={"truth": "label"}))
    assert "'label'" in (error.value.hint or "")
    assert error.value.exit_code == 2


def reference_labelled() -> Any:
    asked = monitor_worlds.asked(4000, 77)
    score = monitor_worlds.chance(asked)
    truth = (np.random.default_rng(1).random(len(score)) < score).astype(int)
    return from_frame(pd.DataFrame({"y": truth, "p": score}), truth="y", score="p", positive=1)


def test_without_labels_performance_is_estimated_by_what_is_kept(
    calibrated: World,
) -> None:
    world = calibrated
    world.write(world.day())
    found = world.run(**QUICK, metrics={"accuracy": 0.05, "roc_auc": 0.05})
    assert ended(found) == ("quiet", 0)
    assert {(one.metric, one.estimated) for one in found.newest.metrics} == {
        ("accuracy", True),
        ("roc_auc", True),
    }


def test_a_model_that_hardly_knows_any_more_drifts_by_the_estimate(calibrated: World) -> None:
    world = calibrated
    frame = world.day()
    frame["prediction.probabilities[1]"] = 0.5 + (frame["prediction.label"] - 0.5) * 0.1
    frame["prediction.probabilities[0]"] = 1 - frame["prediction.probabilities[1]"]
    world.write(frame)
    found = world.run(**QUICK, metrics={"accuracy": 0.05})
    drifting = [one.question for one in found.newest.judgement.answers if one.outcome == "drift"]
    assert ("accuracy", "estimate") in {(one.name, one.about) for one in drifting}


# --- a reference with rows ----------------------------------------------------------------------


def reference(world: World, rows: int = 4000, **change: Any) -> pd.DataFrame:
    frame = world.day(rows=rows, seed=500, **change).drop(columns=["id", "row", "digest"])
    frame = frame.rename(columns=lambda name: name.removeprefix("feature."))
    frame["y"] = (
        np.random.default_rng(4).random(rows) < frame["prediction.probabilities[1]"]
    ).astype(int)
    frame["time"] -= timedelta(days=364)
    frame.to_parquet(world.root / "reference.parquet", index=False)
    return frame


def test_rows_of_a_reference_give_performance_slices_and_all_features_together(
    world: World,
) -> None:
    reference(world)
    told = labelled(world)
    day = pd.read_parquet(next((world.root / "logs").glob("*.parquet")))
    told.loc[day["feature.season"] == "summer", "truth"] ^= 1
    told.to_parquet(world.root / "labels.parquet", index=False)
    found = world.run(
        hysteresis={"windows": 1, "of": 1},
        least_rows=200,
        reference={"path": "reference.parquet", "truth": "y"},
        slices=["season"],
        **METRICS,
    )
    assert ended(found) == ("drift", 1)
    outcomes = {one.question.name: one.outcome for one in found.newest.judgement.answers}
    assert outcomes["accuracy (season = summer)"] == "drift"
    assert outcomes["accuracy (season = autumn)"] == "quiet"
    assert outcomes["all features"] == "quiet"
    assert {one.slice for one in found.newest.metrics} >= {None, "season = summer"}


def test_a_season_is_compared_with_the_same_one(world: World) -> None:
    reference(world, temperature=-12)
    world.write(world.day(temperature=-12))
    given = {**QUICK, "reference": {"path": "reference.parquet", "time": "time", "season": "364 d"}}
    assert ended(world.run(**QUICK)) == ("drift", 1)
    assert ended(world.run(**given)) == ("quiet", 0)
    given["reference"] = {**given["reference"], "season": "7 d"}
    found = world.run(**given)
    assert ended(found) == ("inconclusive", 5)
    assert "the reference has no row of the same window a season earlier" in why(found)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"path": "logs/*.parquet", "time": "time"}, "`monitor.reference` is the log itself"),
        ({"path": "logs/*.parquet", "time": "time", "season": "6 h"}, "`season: 6 h` is shorter"),
    ],
)
def test_a_window_is_never_held_against_itself(
    world: World, spec: dict[str, Any], said: str
) -> None:
    world.write(world.day())
    with pytest.raises(ConfigError, match=said):
        world.run(**QUICK, reference=spec)
    found = world.run(**QUICK, reference={**spec, "season": "1 d"})
    assert "the reference has no row of the same window" in why(found)


def test_a_reference_of_another_version_is_inconclusive(world: World) -> None:
    monitor_worlds.log(digest="a" * 64).to_parquet(world.root / "reference.parquet")
    world.write(world.day(temperature=9))
    found = world.run(**QUICK, reference={"path": "reference.parquet"})
    assert ended(found) == ("inconclusive", 5)
    assert "the reference is of another model version" in why(found)


def test_a_bound_is_learned_from_parts_that_differ(world: World) -> None:
    parts = [world.day(seed=n, rows=600, temperature=4.0 * (n % 4)) for n in range(10)]
    pd.concat(parts).rename(columns=lambda name: name.removeprefix("feature.")).to_parquet(
        world.root / "reference.parquet", index=False
    )
    world.write(world.day(temperature=14))
    given = {**QUICK, "reference": {"path": "reference.parquet"}}
    assert ended(world.run(**given)) == ("drift", 1)
    found = world.run(**given, bound="learned")
    bounds = {one.name: one.bound for one in found.columns}
    assert bounds["temperature"] > 0.2
    assert bounds["season"] == 0.1


def test_a_reference_that_lacks_a_feature_is_a_mistake(world: World) -> None:
    reference(world).drop(columns="hour").to_parquet(world.root / "reference.parquet")
    world.write(world.day())
    with pytest.raises(DataError, match="The reference has no column 'hour'"):
        world.run(**QUICK, reference={"path": "reference.parquet"})


def test_bounds_are_set_for_one_column(world: World) -> None:
    world.write(world.day(temperature=3))
    assert ended(world.run(**QUICK, bound=0.05)) == ("drift", 1)
    assert ended(world.run(**QUICK, bound=0.05, bounds={"temperature": 0.5})) == ("quiet", 0)
    with pytest.raises(ConfigError, match="'temprature'"):
        world.run(**QUICK, bounds={"temprature": 0.5})


# --- places and forms ---------------------------------------------------------------------------


def lines(frame: pd.DataFrame) -> str:
    """As a server writes them: each number as it is."""
    times = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    rows = frame.assign(time=times).astype(object)
    rows = rows.where(frame.notna(), None)
    return "".join(f"{json.dumps(row)}\n" for row in rows.to_dict("records"))


def as_lines(world: World, frame: pd.DataFrame) -> str:
    half = len(frame) // 2
    (world.root / "logs" / "a.jsonl").write_text(lines(frame.iloc[:half]) + '{"id": "cut o')
    (world.root / "logs" / "b.jsonl.gz").write_bytes(
        gzip.compress(lines(frame.iloc[half:]).encode())
    )
    return "logs"


def as_csv(world: World, frame: pd.DataFrame) -> str:
    frame.to_csv(world.root / "logs" / "log.csv", index=False)
    return "logs/*.csv"


def as_folder(world: World, frame: pd.DataFrame) -> str:
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        path = world.root / "logs" / f"day={number}" / "part [1]'s.parquet"
        path.parent.mkdir()
        frame.iloc[part].to_parquet(path, index=False)
    return "logs"


def as_address(world: World, frame: pd.DataFrame) -> str:
    return as_folder(world, frame) and f"file://{world.root}/logs/**/*.parquet"


@pytest.mark.parametrize("form", [as_lines, as_csv, as_folder, as_address])
def test_the_same_rows_give_the_same_answer_from_any_form(
    world: World, form: Callable[[World, pd.DataFrame], str]
) -> None:
    frame = world.day(season=["1", "02", "3"] * (ROWS // 3))
    world.write(frame)
    expected = world.run(**QUICK)
    next((world.root / "logs").glob("*.parquet")).unlink()
    path = form(world, frame)
    found = world.run(**QUICK, log={"path": path})
    assert found.columns == expected.columns
    assert found.newest.judgement.answers == expected.newest.judgement.answers
    assert ended(found) == ("drift", 1)


@pytest.mark.parametrize(
    "written",
    [
        lambda time: time.astype(str),
        lambda time: time.dt.tz_localize(None),
        lambda time: time.dt.date,
        lambda time: time.dt.as_unit("ns"),
        lambda time: time.dt.tz_localize(None).dt.as_unit("ns"),
        lambda time: time.dt.tz_convert("Asia/Kolkata"),
    ],
    ids=["text", "no zone", "date", "nanoseconds", "nanoseconds, no zone", "another zone"],
)
def test_times_of_any_form_are_the_same_moments(
    world: World, written: Callable[[pd.Series], pd.Series]
) -> None:
    frame = world.day()
    world.write(frame.assign(time=written(frame["time"])))
    found = world.run(**QUICK)
    assert (ended(found), found.newest.judgement.rows) == (("quiet", 0), ROWS)
    assert found.newest.notes == ()


def test_a_table_of_a_database_is_read_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = world.day()
    with duckdb.connect(str(world.root / "warehouse.duckdb")) as connection:
        connection.register("given", frame.rename(columns={"feature.hour": "h", "time": "at"}))
        connection.execute("CREATE TABLE answers AS SELECT * FROM given")
    monkeypatch.setenv("WAREHOUSE", f"duckdb://{world.root}/warehouse.duckdb")
    place = {"connection": "WAREHOUSE", "table": "answers", "time": "at", "columns": {"hour": "h"}}
    found = world.run(**QUICK, log=place)
    assert ended(found) == ("quiet", 0)
    assert found.newest.judgement.rows == ROWS
    assert found.source == "answers (WAREHOUSE)"
    monkeypatch.delenv("WAREHOUSE")
    with pytest.raises(ConfigError, match="WAREHOUSE is not set"):
        world.run(**QUICK, log=place)


def test_the_password_of_a_database_is_in_no_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE", "duckdb:///nowhere/s3cr3t-pass.duckdb")
    with pytest.raises((DataError, OutsideError)) as error:
        world.run(**QUICK, log={"connection": "WAREHOUSE", "table": "answers"})
    assert "s3cr3t" not in f"{error.value.message} {error.value.hint}"


# --- mistakes -----------------------------------------------------------------------------------


def test_without_monitor_in_the_configuration_it_says_so(world: World) -> None:
    with pytest.raises(ConfigError, match=r"assay\.yaml has no `monitor`"):
        monitor.run(make_context(world.root, ""), monitor.Wish())


def test_a_folder_that_is_not_there_is_a_mistake(world: World) -> None:
    with pytest.raises(DataError, match=r"There is no log\."):
        world.run(**QUICK, log={"path": "log/*.parquet"})


def test_a_log_without_the_column_of_time_names_those_that_it_has(world: World) -> None:
    world.write(world.day().rename(columns={"time": "when"}))
    with pytest.raises(DataError, match="no column 'time'") as error:
        world.run(**QUICK)
    assert "'when'" in (error.value.hint or "")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("time", "The reference has no column 'nowhere' that says when a row was."),
        ("truth", "The reference has no column 'nowhere' with the label."),
    ],
)
def test_a_reference_without_a_column_is_told_as_the_reference(
    world: World, key: str, said: str
) -> None:
    world.write(world.day())
    world.day().to_parquet(world.root / "reference.parquet", index=False)
    with pytest.raises(DataError) as caught:
        world.run(
            **QUICK,
            reference={"path": "reference.parquet", key: "nowhere"},
            metrics={"accuracy": 0.05},
        )
    assert caught.value.message == said
    assert f"Name it as `monitor.reference.{key}`. There: " in str(caught.value.hint)
    assert caught.value.key == ("monitor", "reference", key)


def test_times_that_are_numbers_are_a_mistake(world: World) -> None:
    world.write(world.day().assign(time=1.5))
    with pytest.raises(DataError, match="holds float64 and no times"):
        world.run(**QUICK)


def test_a_metric_that_is_none_is_a_mistake(world: World) -> None:
    world.write(world.day())
    with pytest.raises(ConfigError, match="no metric 'roc_acu'"):
        world.run(**QUICK, metrics={"roc_acu": 0.1})


def test_a_bundle_that_is_not_there_is_a_mistake(world: World) -> None:
    with pytest.raises(UsageError, match="There is no bundle"):
        monitor.run(world.context(), monitor.Wish(bundle=world.root / "nothing"))


def test_an_older_finding_does_not_outlive_a_run_that_fails(world: World) -> None:
    world.write(world.day())
    world.run(**QUICK)
    with pytest.raises(DataError):
        world.run(**QUICK, log={"path": "log/*.parquet"})
    assert not (world.root / ".assay" / "monitor.json").exists()


def test_values_and_names_of_strangers_stay_data(world: World) -> None:
    frame = world.day(season=["'); DROP TABLE x; --", "<script>", "::error::x"] * (ROWS // 3))
    world.write(frame, "a'; DROP TABLE x; --.parquet")
    context = world.context(**QUICK)
    until = FIRST + timedelta(days=1)
    wish = monitor.Wish(until=until, bundle=world.made.folder, now=until + timedelta(hours=1))
    found = monitor.run(context, wish)
    assert ended(found) == ("drift", 1)
    assert json.loads((world.root / ".assay" / "monitor.json").read_text())["model"] == found.model
    assert "<script>" not in printed(context)


def test_every_key_has_a_default_but_the_log() -> None:
    MonitorSpec.model_validate({"log": {"path": "x"}})
