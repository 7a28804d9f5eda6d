import json
import math
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest
from experiments.conftest import DOSE, fake_simulate

from tcellabm.experiments.compute import collect, runner
from tcellabm.experiments.design.plan import Plan
from tcellabm.experiments.results import ownership, shards, store
from tcellabm.experiments.studies import sweep as study
from tcellabm.experiments.studies.sweep import Interrupted, Work, sweep
from tcellabm.params import InputError

HERE = Work(workers=0, quiet=True)
pytestmark = pytest.mark.usefixtures("fake_model")


def table_bytes(folder):
    return (folder / "outcomes.parquet").read_bytes()


@pytest.fixture
def whole(plan, tmp_path):
    """The table of an undisturbed sweep."""
    sweep(plan, tmp_path / "whole", HERE)
    return table_bytes(tmp_path / "whole")


def stop_after(runs, error):
    """Return a `simulate` that raises in the run after some."""
    left = iter(range(runs))

    def simulate(params, seed):
        if next(left, None) is None:
            raise error
        return fake_simulate(params, seed)

    return simulate


def test_a_sweep_writes_a_row_per_run_and_a_row_per_point(plan, tmp_path):
    result = sweep(plan, tmp_path / "a", HERE, plot=lambda result: b"map")
    outcomes = pd.read_parquet(tmp_path / "a" / "outcomes.parquet")
    assert len(outcomes) == 20
    assert outcomes[DOSE].tolist() == [5e5] * 10 + [2e6] * 10
    assert outcomes["patient"].tolist() == [0, 1, 2, 3, 4] * 4
    assert outcomes["run_id"].tolist() == [task.run_id for task in plan.tasks]
    assert (outcomes["error"] == "").all()
    summary = pd.read_csv(tmp_path / "a" / "summary.csv")
    assert summary["n"].tolist() == [5] * 4
    assert summary["severe_crs"].tolist() == [0, 0, 1, 1]
    assert summary["pareto"].dtype == bool
    assert (tmp_path / "a" / "map.png").read_bytes() == b"map"
    assert result.complete
    assert result.errors == 0


def test_ctrl_c_keeps_finished_runs_and_resuming_gives_the_same_table(
    plan, tmp_path, monkeypatch, whole
):
    out = tmp_path / "a"
    for done in (7, 14):
        monkeypatch.setattr(runner, "simulate", stop_after(7, KeyboardInterrupt()))
        with pytest.raises(Interrupted) as stop:
            sweep(plan, out, HERE, resume=True)
        assert (stop.value.done, stop.value.total) == (done, 20)
        assert not (out / "outcomes.parquet").exists()
        assert not (out / "summary.csv").exists()
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    sweep(plan, out, HERE, resume=True)
    assert table_bytes(out) == whole


def test_a_finished_sweep_is_not_computed_again(plan, tmp_path, monkeypatch):
    sweep(plan, tmp_path / "a", HERE)
    monkeypatch.setattr(runner, "simulate", stop_after(0, KeyboardInterrupt()))
    assert sweep(plan, tmp_path / "a", HERE, resume=True).complete


def test_resuming_with_the_same_parameters_in_other_words_keeps_the_columns(
    plan, tmp_path, monkeypatch, whole
):
    monkeypatch.setattr(runner, "simulate", stop_after(7, KeyboardInterrupt()))
    with pytest.raises(Interrupted):
        sweep(plan, tmp_path / "a", HERE)
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    overrides = plan.axes | {"sweep.patients": 5, "time.days": 365}
    again = Plan.load("params/scenarios/kymriah.toml", overrides)
    sweep(again, tmp_path / "a", HERE, resume=True)
    assert table_bytes(tmp_path / "a") == whole


def test_parts_are_kept_apart_and_joined_into_the_same_table(plan, tmp_path, whole):
    out = tmp_path / "a"
    for part in (2, 3, 1):
        result = sweep(plan, out, Work(0, shard=(part, 3), quiet=True))
        assert not result.complete
    assert not (out / "outcomes.parquet").exists()
    parts = [f"part-{number}-of-3" for number in (1, 2, 3)]
    assert sorted(path.name for path in out.iterdir()) == parts
    assert sweep(plan, out, HERE, resume=True).complete
    assert table_bytes(out) == whole


def test_what_parts_lack_is_computed_on_joining(plan, tmp_path, whole):
    out = tmp_path / "a"
    sweep(plan, out, Work(0, shard=(2, 3), quiet=True), resume=True)
    assert sweep(plan, out, HERE, resume=True).complete
    assert table_bytes(out) == whole
    assert len(list((out / "shards").iterdir())) == 1


def test_parts_of_another_sweep_are_not_joined(plan, tmp_path):
    sweep(plan, tmp_path / "a", Work(0, shard=(1, 2), quiet=True))
    other = Plan.load("params/scenarios/kymriah.toml", plan.axes | {"sweep.patients": 6})
    with pytest.raises(InputError, match="sweep.patients was 5"):
        sweep(other, tmp_path / "a", HERE, resume=True)


def test_a_part_that_is_being_computed_is_not_joined(plan, tmp_path):
    part = tmp_path / "a" / "part-1-of-2"
    part.mkdir(parents=True)
    with ownership.locked(tmp_path / "a", part.name), pytest.raises(InputError, match="in use"):
        sweep(plan, tmp_path / "a", HERE, resume=True)


def test_time_series_are_kept_thinned_in_the_order_of_the_table(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_SERIES_BLOCK", 3)
    monkeypatch.setattr(runner, "simulate", stop_after(7, KeyboardInterrupt()))
    work = Work(0, series=True, quiet=True)
    with pytest.raises(Interrupted):
        sweep(plan, tmp_path / "a", work)
    monkeypatch.setattr(runner, "simulate", fake_simulate)
    sweep(plan, tmp_path / "a", work, resume=True)
    sweep(plan, tmp_path / "b", work)
    files = [tmp_path / name / "series.parquet" for name in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()
    series = pd.read_parquet(files[0])
    assert series["run_id"].unique().tolist() == [task.run_id for task in plan.tasks]
    one = series[series["run_id"] == plan.tasks[3].run_id]["day"].tolist()
    assert one == [*range(61), *range(63, 365, 7), 365]


def test_tables_say_where_they_come_from(plan, tmp_path):
    sweep(plan, tmp_path / "a", Work(0, series=True, quiet=True))
    for name in ("outcomes", "series"):
        said = json.loads(pq.read_schema(tmp_path / "a" / f"{name}.parquet").metadata[b"tcellabm"])
        assert said["seed"] == 1
        assert said["axes"] == plan.axes
        assert said["parameters"]["time.days"] == 365.0
        assert "tcellabm" in said["versions"]


def test_the_map_is_drawn_while_the_sweep_runs(plan, tmp_path, monkeypatch):
    drawn = []

    def draw(result):
        drawn.append(len(result.outcomes))
        return b"map"

    def simulate(params, seed):
        time.sleep(0.02)
        return fake_simulate(params, seed)

    monkeypatch.setattr(study, "MAP_SECONDS", 0.0)
    monkeypatch.setattr(study, "_MAP_SHARE", 0.0)
    monkeypatch.setattr(collect, "SHARD_SECONDS", 0.0)
    monkeypatch.setattr(runner, "simulate", simulate)
    sweep(plan, tmp_path / "a", HERE, plot=draw)
    assert drawn[-1] == 20
    assert 0 < drawn[0] < 20
    assert drawn == sorted(drawn)


def test_a_run_that_raises_becomes_a_row_after_three_tries(plan, tmp_path, monkeypatch):
    bad, tries = plan.tasks[1].seed, []

    def simulate(params, seed):
        if seed == bad:
            tries.append(seed)
            raise FloatingPointError("in\nthe kernel")
        return fake_simulate(params, seed)

    monkeypatch.setattr(runner, "simulate", simulate)
    result = sweep(plan, tmp_path / "a", HERE)
    failed = result.outcomes[result.outcomes["error"] != ""]
    assert failed["error"].tolist() == ["FloatingPointError: in the kernel"] * 4
    assert len(tries) == 3 * 4
    assert result.errors == 4
    assert failed["seed"].tolist() == [bad] * 4
    assert not failed["remission"].any()
    assert failed["peak_il6"].isna().all()
    assert result.summary["n"].tolist() == [4] * 4


def test_a_run_that_succeeds_the_second_time_is_a_good_row(plan, monkeypatch):
    failures = iter([MemoryError()])

    def simulate(params, seed):
        for failure in failures:
            raise failure
        return fake_simulate(params, seed)

    monkeypatch.setattr(runner, "simulate", simulate)
    (row,) = runner.run_task(plan.params, plan.tasks[0]).rows
    assert row["error"] == ""
    assert math.isnan(row["death_day"])


def test_a_full_disk_ends_a_sweep_without_a_table(plan, tmp_path, monkeypatch):
    def no_space(self, table, series):
        raise OSError(28, "No space left on device", "shard")

    monkeypatch.setattr(store.Folder, "write_shard", no_space)
    with pytest.raises(OSError, match="No space"):
        sweep(plan, tmp_path / "a", HERE)
    assert not (tmp_path / "a").exists()


def test_rows_reach_the_disk_while_the_sweep_runs(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "SHARD_RUNS", 6)
    monkeypatch.setattr(collect, "SHARDS_APART", 0.0)
    sweep(plan, tmp_path / "a", HERE)
    assert len(list((tmp_path / "a" / "shards").iterdir())) == 4


def test_only_a_whole_sweep_overwrites(plan, tmp_path):
    with pytest.raises(InputError, match="--shard"):
        sweep(plan, tmp_path / "a", Work(0, shard=(1, 2)), overwrite=True)
