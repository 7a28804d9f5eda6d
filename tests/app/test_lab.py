"""The lab's model: built by keyword, as Mesa's SolaraViz builds it."""

import pytest
from mesa.visualization import solara_viz

from tcellabm import InputError, TumorTCellModel
from tcellabm.app.lab import (
    CHARTS,
    MOST_VOXELS,
    LabModel,
    PageModel,
    found,
    grid_note,
    inputs,
    parameters,
)
from tcellabm.params.meta import catalog

SMALL = {"marrow.rows": 2, "marrow.cols": 2, "resolution.agents_per_population": 16}


def test_keys_are_keywords_as_numbers_or_as_text():
    plain = LabModel(rng=3, **{**SMALL, "patient.weight_kg": 20})
    texts = LabModel(
        rng="3", **{k: str(v) for k, v in SMALL.items()}, **{"patient.weight_kg": "20"}
    )
    assert plain.run_id == texts.run_id and plain.patient.weight_kg == 20.0


def test_what_the_page_first_shows_sets_nothing():
    shown = {one.key: one.value for one in inputs()}
    assert LabModel(**shown).patient.covariates == LabModel(rng=1).patient.covariates


def test_every_parameter_is_an_input_with_unit_and_source():
    shown = {one.key: one for one in inputs()}
    assert set(shown) == {"rng", *catalog()}
    params = parameters({})
    for key in catalog():
        meta, hint = params.describe(key), shown[key].hint
        assert meta.unit in hint and meta.source[:20] in hint


def test_inputs_are_found_by_words_of_name_or_source():
    shown = inputs()
    assert [one.key for one in found(shown, "Weight KG patient.")] == ["patient.weight_kg"]
    assert found(shown, "no such thing") == [] and found(shown, "") == shown


def as_mesa_builds(model, said):
    """Build a model anew as the Reset of Mesa's page does."""
    build = solara_viz._build_model_init_kwargs
    ways = {"add_scenario_when_empty": True, "require_model_accepts_scenario": True}
    return type(model)(**build(model, said, **ways))


def test_what_is_set_and_reset_changes_the_patient():
    values: dict[str, str] = {}
    model = PageModel(values=values)
    values |= {"patient.weight_kg": "20", "rng": "4", **{k: str(v) for k, v in SMALL.items()}}
    again = as_mesa_builds(model, {"values": values})
    assert again.fault == "" and again.seed == 4
    assert again.patient.weight_kg == 20.0 != model.patient.weight_kg
    plain = as_mesa_builds(LabModel(rng=1, **SMALL), {**SMALL, "patient.weight_kg": "20"})
    assert plain.patient.weight_kg == 20.0


def test_what_is_ordered_acts_from_the_next_step_on():
    model = PageModel(1, **SMALL)
    model.step()
    model.order("tocilizumab")
    assert model.ordered == [(1.0, "tocilizumab")]
    model.step()
    assert model.course.concentration("tocilizumab") > 0.0
    model.running = False
    model.order("anakinra")
    assert len(model.ordered) == 1


def test_data_are_collected_once_a_day():
    model = LabModel(rng=1, **SMALL)
    model.step()
    model.run_until(3.0)
    table = model.datacollector.get_model_vars_dataframe()
    assert table["day"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert table["leukemia"].iloc[-1] == model.counts()["leukemia"]
    assert all(column in table for chart in CHARTS for column in chart.lines)


def test_collecting_does_not_change_the_patient():
    looked = LabModel(rng=1, **SMALL)
    looked.step()
    looked.step()
    assert looked.series.equals(_plain(2.0).series)


def _plain(day):
    model = TumorTCellModel(parameters(SMALL), rng=1)
    model.run_until(day)
    return model


def test_bad_keys_raise_for_modelers_and_are_said_in_the_page():
    with pytest.raises(InputError, match="unknown key patient.wieght"):
        LabModel(rng=1, **{"patient.wieght": 3})
    assert "unknown key" in PageModel(1, **{"patient.wieght": "3"}).fault
    assert "seed = x" in PageModel("x").fault
    assert PageModel("4", **SMALL).fault == ""


def test_a_page_refuses_a_patient_that_is_too_large():
    assert str(MOST_VOXELS) in PageModel(1, **{"marrow.rows": "2000"}).fault
    assert "max_agents" in PageModel(1, **{"resolution.max_agents": "900000000"}).fault


def test_another_grid_is_said_to_be_another_course():
    assert "another course" in grid_note(LabModel(rng=1).params)
    default = {"marrow.rows": 1, "marrow.cols": 1}
    assert grid_note(LabModel(rng=1, **default).params) == ""
