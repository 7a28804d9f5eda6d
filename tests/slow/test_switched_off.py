"""Each test of emergence fails once the mechanism it shows is switched off."""

import pytest
import test_emergence as emergence
from population import switched_off

BLIND = {f"antigen.{point}_half_point": 1e8 for point in ("lysis", "activation", "cytokine")}
SAME_CELLS = {f"population.product.{name}.sigma_ln": 0.0 for name in ("fitness", "exhaustion")}
SAME_ALL = SAME_CELLS | {
    f"population.{name}.sigma_ln": 0.0
    for name in (
        "product.killing",
        "patient.leukemic_burden",
        "patient.homeostatic_cytokines",
        "product.copies_per_cell",
    )
}
NO_CLONE = {"patient.cd19_negative_fraction": 0.0, "leukemia.cd19_loss_per_division": 0.0}
SHORT_WINDOW = {"homeostatic.decay_days": 2.0}

OFF = {
    # cells grow for a time, not until they have won
    "exposure_hardly_depends_on_dose": SHORT_WINDOW,
    "remission_hardly_depends_on_dose": SHORT_WINDOW,
    "more_cells_peak_sooner": BLIND,
    "burden_raises_exposure": BLIND,
    "burden_raises_severe_crs": {"myeloid.pool_cells": 0.0},
    # non-response by poor killing alone
    "responders_expand_more": {"population.patient.homeostatic_cytokines.sigma_ln": 0.0},
    "exposure_varies_between_patients": SAME_ALL,
    "tocilizumab_raises_serum_il6": {"cytokines.il6.receptor_share": 0.0},
    "tocilizumab_lowers_fever_in_most_but_not_all": {"tocilizumab.dissociation_ug_per_ml": 1e3},
    # residue dies at any number of CAR T cells
    "cd19_positive_relapse_follows_loss_of_car_t_cells_and_b_cell_recovery": {
        "encounter.kill_half_density_per_ul": 1e-3
    },
    "cd19_negative_relapse_comes_with_car_t_cells_present": NO_CLONE,
    "short_persistence_turns_relapse_cd19_positive": {"encounter.kill_half_density_per_ul": 1e-3},
    "without_a_dose_leukemia_grows": {"leukemia.death_per_day": 0.04, "marrow.capacity_cells": 1e9},
    "lymphodepletion_raises_exposure": {"homeostatic.floor": 1.0},
    "without_lymphodepletion_cells_peak_later": {"homeostatic.floor": 1.0},
    "without_lymphodepletion_cells_persist_shorter": {
        "homeostatic.floor": 1.0,
        "rejection.loss_without_depletion_per_day": 0.0,
    },
    "low_affinity_gives_less_crs_at_like_expansion": {"myeloid.pool_cells": 0.0},
    "low_antigen_gives_less_of_both": {"myeloid.pool_cells": 0.0},
    "most_responders_lack_b_cells_at_six_months": {"b_cell.antigen_median": 10.0},
}


@pytest.mark.slow
@pytest.mark.parametrize("behavior", OFF)
def test_switched_off(behavior):
    with switched_off(OFF[behavior]), pytest.raises(AssertionError) as failure:
        getattr(emergence, f"test_{behavior}")()
    print(behavior, OFF[behavior], "->", str(failure.value).splitlines()[0])
