"""A tissue without a clinic: cells and cytokines advanced by ticks, as tests drive them."""

import math

from tcellabm.kernels import fields, layout, pictures, recovery, tick
from tcellabm.kernels.jit import kernel

B_CELLS = slice(layout.B_CELL, layout.MEMORY)


@kernel
def _tick(rng, dt, state, law, drive, effect, work):
    return tick.tick(rng, dt, state, law, drive, effect, work)


def drive_of(law, day, dt, b_cells):
    """What drives a tick of 2^-k days on its grid, without drugs, of so many simulated B cells."""
    halvings, turn, middle = round(-math.log2(dt)), round(day / dt) % 2, day + 0.5 * dt
    return layout.Drive(
        recovery.homeostatic(middle, law.recovery) * law.recovery.homeostatic_patient,
        1.0,
        recovery.release_factor(middle, law.recovery),
        recovery.rejection(middle, law.recovery),
        recovery.b_division(middle, b_cells, law.recovery),
        recovery.b_influx(middle, law.recovery),
        recovery.myeloid_output(middle, law.recovery),
        *law.by_tick.passing[halvings],
        law.by_tick.up[halvings, turn],
        law.by_tick.down[halvings, turn],
    )


def advance(body, day, dt):
    """Advance a tissue by one tick."""
    body.make_room()
    drive = drive_of(body.law, day, dt, body.body(B_CELLS))
    _tick(body.rng, dt, body.state, body.law, drive, layout.Effect(), body.work)


def advance_cytokines(dt, state, law, effect):
    """Advance the cytokines alone."""
    fields.advance_fields(dt, state, law, effect)
    pictures.paint(state)
