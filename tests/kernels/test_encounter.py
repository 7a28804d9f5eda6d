"""Who meets whom: densities and the Beddington-DeAngelis hazards that follow."""

import numpy as np
import pytest
from kernels.lab import Bench, some_drive, some_ladder, some_rates

from tcellabm.kernels.layout import ACTIVATED, B_CELL, EFFECTOR, EXHAUSTED, LEUKEMIA, MEMORY

AT_ONCE = 1e-9  # a tick too short for anything to change in it
MEETING = {
    "kill": 4.0,
    "kill_half": 1000.0,
    "activation_half": 3000.0,
    "blood_factor": 20.0,
    "stimulation_half": 0.15,
    "memory_activity": 0.5,
    "exhausted_activity": 0.2,
    "voxel_capacity": 20_000.0,
    "supply_half": 0.2,
    "consumption_half": 8000.0,
}


def met(drive=None, **more):
    """One voxel of 2 uL and blood of 5 uL, with every kind of cell in each."""
    ladder = some_ladder(lysis=0.9, activation=0.6, release=0.4)
    rates = some_rates(**(MEETING | more))
    bench = Bench(1, seed=61, rates=rates, ladder=ladder, drive=drive or some_drive())
    bench.sites.volume[:] = (2.0, 5.0)
    cells = {LEUKEMIA: 500, LEUKEMIA + 3: 4000, B_CELL + 9: 1000, MEMORY: 200, EFFECTOR: 600}
    for state, count in (cells | {EXHAUSTED: 100, ACTIVATED: 80}).items():
        bench.put([count, 10 * count], [0, 1], state)
    bench.meet(AT_ONCE, ifng=300.0)
    return bench.sites


def test_hazards_follow_the_densities_of_their_site():
    sites = met()
    for s, factor in ((0, 1.0), (1, 20.0)):
        scale = (1 / 2.0, 10 / 5.0)[s]
        effectors = (600 + 0.5 * 200 + 0.2 * 100) * scale
        lysis, activating, releasing = (g * 5000 * scale for g in (0.9, 0.6, 0.4))
        engaged = activating / (3000 * factor + effectors + lysis)
        found = sites.killing[s], sites.stimulation[s], sites.release[s]
        assert found == pytest.approx(
            (
                4.0 * effectors / (1000 * factor + effectors + lysis),
                engaged / (engaged + 0.15),
                releasing / (3000 * factor + effectors + lysis),
            ),
            rel=1e-6,
        )


def test_car_t_cells_consume_the_cytokines_by_which_they_divide():
    """Level over (level + half), over the same at the peak; effectors share what there is."""
    for level in (1.0, 0.3, 0.02):
        sites = met(some_drive(homeostatic=level))
        for s, effectors in enumerate(sites.effectors):
            left = level / (1 + effectors / 8000)
            assert sites.supply[s] == pytest.approx(1.2 * left / (left + 0.2), rel=1e-6)
    assert met(consumption_half=1e12).supply == pytest.approx((1.0, 1.0), rel=1e-6)
    assert (met(consumption_half=1.0).supply < 0.1).all()


def test_release_needs_what_is_left_of_il15():
    whole, some = met(), met(some_drive(release=0.3))
    assert (whole.engaged > 0.0).all()
    assert some.engaged == pytest.approx(0.3 * whole.engaged, rel=1e-12)
    for name in ("killing", "stimulation", "release", "supply"):
        assert (some[name] == whole[name]).all()


def test_room_is_what_leukemic_and_b_cells_leave_of_the_capacity_and_none_in_blood():
    cells = 500 + 4000 + 1000
    assert met().room == pytest.approx((1 - cells / 20_000, 0.0), rel=1e-12)
    assert met(voxel_capacity=5000.0).room[0] == 0.0


def test_myeloid_cells_are_activated_by_killing_with_ifng_and_by_contact():
    halves = {"flux_half": 2000.0, "ifng_half": 500.0, "contact_half": 700.0}
    sites = met(myeloid_activation=0.6, contact_share=0.3, release_hill=1.5, **halves)
    flux, engaged = sites.killing[0] * sites.lysis[0], sites.release[0] ** 1.5 * sites.effectors[0]
    assert sites.engaged[0] == pytest.approx(engaged, rel=1e-12)
    primed = 300 / (300 + 500)
    drive = flux / (flux + 2000) * primed + 0.3 * engaged / (engaged + 700)
    assert sites.activation == pytest.approx((0.6 * drive, 0.0), rel=1e-6)


def test_nothing_happens_where_no_car_t_cells_are():
    bench = Bench(3, seed=62, rates=some_rates(**MEETING, myeloid_activation=1.0))
    bench.put(np.full(4, 1000), np.arange(4), LEUKEMIA + 9)
    bench.meet(0.5)
    assert not bench.sites.killing.any() and not bench.sites.activation.any()
