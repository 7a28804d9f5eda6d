"""A result folder with one bit flipped gives the bytes of an undisturbed one, or one clear line."""

from collections import Counter
from random import Random

import pytest
from experiments.conftest import fake_simulate
from faults.flips import SAME, Folders, kind_of, make_quick, sweep

from tcellabm.experiments.results import shards
from tcellabm.experiments.results.outcomes import open_sweep
from tcellabm.experiments.studies import run
from tcellabm.params import InputError, load

FLIPS = 72


@pytest.fixture
def folders(monkeypatch, tmp_path):
    make_quick(monkeypatch.setattr)
    return Folders(tmp_path)


def test_a_flipped_bit_is_mended_or_refused(folders):
    random, counts = Random(1), Counter()
    for _ in range(FLIPS):
        counts[folders.flip(random)] += 1
    assert {came for _, came in counts} == {SAME}
    kinds = {kind_of(path.relative_to(folders.finished)) for path in folders.finished.rglob("*")}
    assert kinds == {kind.split()[1] for kind, _ in counts}


def test_what_is_damaged_or_missing_is_told_set_aside_and_computed(folders):
    out = folders.finished
    one, two, *_ = sorted((out / "shards").iterdir())
    one.write_bytes(one.read_bytes()[:-20])
    two.unlink()
    (out / "outcomes.parquet").unlink()
    (out / "summary.csv").write_text("mine\n")
    code, said = sweep(out, "--resume")
    assert code == 0
    told = "2 files not as written, set aside as *.damaged; missing: outcomes.parquet"
    assert said == [f"{out}: {told}; 6 runs to compute"]
    assert folders.results(out) == folders.wanted
    assert (out / "summary.csv.damaged").read_text() == "mine\n"
    assert one.with_name(f"{one.name}.damaged").exists()
    assert sweep(out, "--resume") == (0, [])


def test_a_shard_with_the_name_of_another_or_of_another_sweep_is_not_taken(folders):
    out = folders.stopped
    one, two, *_ = sorted((out / "shards").iterdir())
    one.write_bytes(two.read_bytes())
    assert sweep(out, "--series", "--resume")[0] == 0
    assert folders.results(out) == folders.wanted


def test_a_folder_with_damage_is_not_plotted_as_if_it_were_whole(folders):
    for name in ("finished", "stopped"):
        copy = getattr(folders, name)
        for path in [copy / "outcomes.parquet", sorted((copy / "shards").iterdir())[0]]:
            if path.exists():
                flipped = bytearray(path.read_bytes())
                flipped[len(flipped) // 4] ^= 1  # among the values
                path.write_bytes(flipped)
    with pytest.raises(InputError, match=r"missing or damaged, .*outcomes\.parquet"):
        open_sweep(folders.finished)
    whole = [shards.read(path) for path in shards.files(folders.stopped, "shards")]
    assert whole[0] is None and None not in whole[1:]
    assert len(open_sweep(folders.stopped).outcomes) == sum(map(len, whole[1:])) > 0


def test_strange_files_among_shards_are_neither_read_nor_touched(folders):
    out = folders.stopped
    strange = {
        "shards/mine.parquet": "no table",
        "series/notes": "mine",
        "part-x-of-2/shards/a": "b",
    }
    for name, text in strange.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    assert sweep(out, "--series", "--resume") == (0, [])
    assert folders.results(out) == folders.wanted
    assert all((out / name).read_text() == text for name, text in strange.items())


def test_time_series_that_are_missing_are_computed_even_if_not_asked_for_again(folders):
    out = folders.finished
    for path in (out / "series").iterdir():
        path.unlink()
    (out / "series.parquet").unlink()
    code, said = sweep(out, "--resume")
    assert code == 0 and said == [f"{out}: missing: series.parquet; 12 runs to compute"]
    assert folders.results(out) == folders.wanted


@pytest.mark.parametrize("name", ["outcomes.json", "series.parquet", "figure.png"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_patient_whose_files_are_damaged_is_followed_again(
    monkeypatch, tmp_path, capsys, name, damage
):
    followed = []

    def follow(params, seed):
        followed.append(seed)
        model = fake_simulate(params, seed)
        return run.PatientRecord(model.outcomes(), model.series, [])

    def one(**modes):
        return run.run(load(), 1, tmp_path / "a", plot=lambda record: b"a figure", **modes)

    monkeypatch.setattr(run, "follow", follow)
    first, file = one(), tmp_path / "a" / name
    assert one(resume=True) == first and len(followed) == 1
    content = file.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    file.write_bytes(flipped if damage == "flipped" else content[:-2])
    if damage == "gone":
        file.unlink()
    assert one(resume=True) == first and len(followed) == 2
    assert file.read_bytes() == content
    found = (
        f"missing: {name}" if damage == "gone" else "1 file not as written, set aside as *.damaged"
    )
    assert capsys.readouterr().err == f"{tmp_path / 'a'}: {found}; 1 run to compute\n"
