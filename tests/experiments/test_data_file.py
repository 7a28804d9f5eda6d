"""Files of one's own data: what is read from them, and how bad ones are refused."""

import math

import numpy as np
import pytest

from tcellabm.analysis.likelihood import read_forms
from tcellabm.cli import execute
from tcellabm.experiments.design import data_file as module
from tcellabm.experiments.design.data_file import DataFile
from tcellabm.params import InputError
from tcellabm.params.files import find_file

FORMS = read_forms(find_file("params/trials/likelihood.csv"))
HEAD = "ID,TIME,DV,CENS,DOSE,WT\n"
COURSES = HEAD + "7,14,900,0,1e8,40\n7,1,50,1,1e8,40\n\n8,7,2.5e4,0,2e8,60.5\n"
FIGURES = "id,value,n,low,high,n_other\nE01,60,40,,,\nE02,70,24,50,90,\nK11,1.5,20,1,2,9\n"


def load(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return DataFile.load(str(path), FORMS)


def test_courses_are_read_in_the_order_of_time(tmp_path):
    data = load(tmp_path, COURSES)
    one, two = data.individuals
    assert (one.name, one.dose_cells, one.weight_kg) == ("7", 1e8, 40.0)
    assert one.days.tolist() == [1.0, 14.0] and one.values.tolist() == [50.0, 900.0]
    assert one.censored.tolist() == [True, False]
    assert two.days.tolist() == [7.0] and data.rows == ()


def test_columns_may_stand_in_any_order_and_the_digest_is_of_what_they_hold(tmp_path):
    same = "WT,ID,DV,TIME,CENS,DOSE\r\n40,7,50,1.0,1,1e8\r\n40,7,900,14,0,100000000\r\n"
    assert (
        load(tmp_path, same + "60.5,8,25000,7,0,2e8\r\n").digest == load(tmp_path, COURSES).digest
    )
    other = COURSES.replace("900", "901")
    assert load(tmp_path, other).digest != load(tmp_path, COURSES).digest
    marked = b"\xef\xbb\xbf" + COURSES.encode()
    assert load(tmp_path, marked).digest == load(tmp_path, COURSES).digest


def test_figures_take_their_form_from_the_measure_and_n_from_the_file(tmp_path):
    share, curve, ratio = load(tmp_path, FIGURES).rows
    assert (share.name, share.measured, share.form, share.n) == ("own E01", "E01", "binomial", 40.0)
    assert (ratio.form, ratio.n, ratio.n_other) == ("log_normal_ratio", 20.0, 9.0)
    ends = [math.log(-math.log(end)) for end in (0.5, 0.9)]
    assert curve.error == pytest.approx((ends[0] - ends[1]) / (2.0 * 1.96))
    (median,) = load(tmp_path, "id,value,n\nE12,3,30\n").rows
    assert median.form == "median" and median.rounding == 0.5


BAD_COURSES = {
    "a column is missing": ("ID,TIME,DV,CENS,DOSE\n1,1,1,0,1e8\n", "missing", 1, "WT"),
    "a column nobody knows": (HEAD[:-1] + ",AGE\n1,1,1,0,1e8,40,5\n", "unknown column", 1, "AGE"),
    "a column twice": (HEAD[:-1] + ",DV\n1,1,1,0,1e8,40,5\n", "there twice", 1, "DV"),
    "text for a number": (HEAD + "1,1,high,0,1e8,40\n", "high", 2, "DV"),
    "a dot for a number": (HEAD + "1,1,.,0,1e8,40\n", ".", 2, "DV"),
    "an underscore": (HEAD + "1,1,1_0,0,1e8,40\n", "1_0", 2, "DV"),
    "no finite number": (HEAD + "1,1,inf,0,1e8,40\n", "inf", 2, "DV"),
    "not a number": (HEAD + "1,nan,5,0,1e8,40\n", "nan", 2, "TIME"),
    "an empty cell": (HEAD + "1,1,5,0,,40\n", "nothing", 2, "DOSE"),
    "no ID": (HEAD + ",1,5,0,1e8,40\n", "nothing", 2, "ID"),
    "a time before infusion": (HEAD + "1,1,5,0,1e8,40\n1,-1,5,0,1e8,40\n", "-1", 3, "TIME"),
    "a time out of reach": (HEAD + "1,1e9,5,0,1e8,40\n", "out of range", 2, "TIME"),
    "CENS of 2": (HEAD + "1,1,5,2,1e8,40\n", "allowed: 0, or 1", 2, "CENS"),
    "CENS in words": (HEAD + "1,1,5,no,1e8,40\n", "allowed: 0, or 1", 2, "CENS"),
    "a value of 0": (HEAD + "1,1,0,0,1e8,40\n", "CENS=1, DV the limit", 2, "DV"),
    "no limit of quantification": (HEAD + "1,1,0,1,1e8,40\n", "DV the limit", 2, "DV"),
    "a weight of 0": (HEAD + "1,1,5,0,1e8,0\n", "out of range", 2, "WT"),
    "a dose below 0": (HEAD + "1,1,5,0,-1e8,40\n", "out of range", 2, "DOSE"),
    "a row twice": (HEAD + "1,1,5,0,1e8,40\n" * 2, "once", 3, "TIME"),
    "two weights": (HEAD + "1,1,5,0,1e8,40\n1,2,5,0,1e8,41\n", "one value for ID 1", 3, "WT"),
    "two doses": (HEAD + "1,1,5,0,1e8,40\n1,2,5,0,2e8,40\n", "one value for ID 1", 3, "DOSE"),
    "a row too short": (HEAD + "1,1,5,0,1e8\n", "5 values", 2, "WT"),
}
BAD_FIGURES = {
    "a column is missing": ("id,value\nE01,60\n", "missing", 1, "n"),
    "a measure nobody knows": ("id,value,n\nE01,60,40\nE99,60,40\n", "nearest: E", 3, "id"),
    "a measure twice": ("id,value,n\nE01,60,40\nE01,50,40\n", "each measure once", 3, "id"),
    "n of 0": ("id,value,n\nE01,60,0\n", "1 or more", 2, "n"),
    "half a patient": ("id,value,n\nE01,60,4.5\n", "whole number", 2, "n"),
    "n in words": ("id,value,n\nE01,60,many\n", "many", 2, "n"),
    "no n": ("id,value,n\nE01,60,\n", "nothing", 2, "n"),
    "a share above 100 %": ("id,value,n\nE01,160,40\n", "0 to 100 %", 2, "value"),
    "a median of 0": ("id,value,n\nE12,0,40\n", "above 0", 2, "value"),
    "a ratio of one group": ("id,value,n\nK11,2,40\n", "nothing", 2, "n_other"),
    "a curve without interval": ("id,value,n\nE02,70,40\n", "the 95 % interval", 2, "low"),
    "a curve without its high end": (
        *("id,value,n,low,high\nE02,70,40,50,\n", "the 95 % interval", 2, "high"),
    ),
    "an interval beside the value": (
        *("id,value,n,low,high\nE01,70,40,75,90\n", "up to the value", 2, "low"),
    ),
    "an interval in words": ("id,value,n,low,high\nE01,70,40,wide,90\n", "wide", 2, "low"),
}


@pytest.mark.parametrize(
    ("text", "words", "row", "column"), [*BAD_COURSES.values(), *BAD_FIGURES.values()],
    ids=[*BAD_COURSES, *(f"figures: {name}" for name in BAD_FIGURES)],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_column(
    tmp_path, monkeypatch, capsys, text, words, row, column
):
    pytest.importorskip("emcee")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    assert execute(["fit", "data.csv"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and len(error) <= 201
    assert f"data.csv row {row} column {column}," in error and words in error
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (HEAD.encode(), "no data below the column names"),
        (b"a,b\n1,2\n", "missing, data.csv row 1 column id"),
        (HEAD.encode() + b"\xff\xfe1,1,5,0,1e8,40\n", "not text"),
        (COURSES.encode("utf-16"), "not text"),
        (HEAD.encode() + b'1,"1,5,0,1e8,40\n', "not CSV"),
        (HEAD.encode() + b"1,1,5,0,1e8,40,9\n", "7 values, data.csv row 2,"),
        (b"ID,TIME,DV,CENS,DOSE,WT,\n1,1,5,0,1e8,40,\n", "column without a name"),
    ],
    ids=str,
)
def test_what_is_no_data_is_refused(tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(InputError, match=words) as raised:
        DataFile.load("data.csv", FORMS)
    assert "data.csv" in str(raised.value)


def test_a_huge_file_a_folder_and_none_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open("huge.csv", "wb") as file:
        file.truncate(module.MOST_BYTES + 1)
    for name, words in (
        ("huge.csv", "a file of up to 10 MB"),
        (".", "a folder"),
        ("none.csv", "no such file"),
    ):
        with pytest.raises(InputError, match=words):
            DataFile.load(name, FORMS)


def test_many_rows_are_read_soon(tmp_path):
    """Forty thousand values of a thousand patients."""
    rows = [f"{who},{day},5,0,1e8,40" for who in range(1000) for day in range(40)]
    data = load(tmp_path, HEAD + "\n".join(rows) + "\n")
    assert len(data.individuals) == 1000
    assert np.array_equal(data.individuals[-1].days, np.arange(40.0))
