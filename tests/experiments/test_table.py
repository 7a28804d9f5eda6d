import math

import pyarrow as pa

from tcellabm.columns import OUTCOMES, names
from tcellabm.experiments.design.plan import outcome_schema
from tcellabm.experiments.results.shards import to_table


def test_columns_are_keys_then_patient_then_outcomes_then_error():
    schema = outcome_schema({"a.b": [1.0, 2.0], "c": ["x"], "d": [True], "e": [3]})
    assert schema.names == ["a.b", "c", "d", "e", "patient", "replicate", *names(OUTCOMES), "error"]
    assert schema.types[:4] == [pa.float64(), pa.string(), pa.bool_(), pa.int64()]


def test_nothing_is_null_in_a_row_that_failed():
    table = to_table([{"patient": 1, "error": "boom"}], outcome_schema({}))
    assert all(column.null_count == 0 for column in table.columns)
    row = table.to_pylist()[0]
    assert row["remission"] is False
    assert row["crs_grade_penn"] == 0
    assert row["relapse_phenotype"] == ""
    assert math.isnan(row["remission_day"])


def test_whole_numbers_and_none_fit_into_columns_of_floats():
    row = to_table([{"followed_days": 365, "relapse_day": None}], outcome_schema({})).to_pylist()[0]
    assert row["followed_days"] == 365.0
    assert math.isnan(row["relapse_day"])
