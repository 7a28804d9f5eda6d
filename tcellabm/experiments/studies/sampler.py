"""Markov chains by emcee: independent ensembles in rounds, each round a file, so that they resume.

An ensemble's round follows from the seed, its number and where the last one ended; threads and
interruptions change nothing.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from tcellabm.analysis.fit_checks import LENGTH, RHAT
from tcellabm.disk import write_whole
from tcellabm.params import InputError

STRIDE = 10  # steps from one that is kept to the next
START = 4096  # points of the prior that walkers begin among
BEST = 8  # of so many times the walkers, the best, they are picked
_BURNED = 0.5  # of the steps so far


def one_thread_each() -> Any:
    """Return a context in which matrix products use one thread: ensembles already use them all."""
    engine()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")


LogProbability = Callable[[np.ndarray], np.ndarray]  # (points, keys) -> (points,)


@dataclass(frozen=True)
class Sampling:
    """How much is sampled.

    Attributes
    ----------
    ensembles, walkers : int
        Independent ensembles, and walkers of each.
    draws : int
        Kept of each ensemble in the end.
    least : int
        Effective draws wanted, of all ensembles together.
    rounds, steps : int
        Rounds at most, and steps of a round.
    threads : int
        Ensembles that go on at once; changes no number.
    length : float
        Autocorrelation times that a chain is to last after burn-in.
    """

    ensembles: int = 4
    walkers: int = 64
    draws: int = 500
    least: int = 1000
    rounds: int = 24
    steps: int = 500
    threads: int = 1
    length: float = LENGTH


class Chains(NamedTuple):
    """What was sampled: draws of each ensemble in step order, thinned past autocorrelation."""

    draws: np.ndarray  # (ensembles, draws, keys)
    effective: float  # of these draws, least of all keys
    rhat: float  # greatest of all keys
    steps: int  # of each ensemble
    length: float = math.inf  # after burn-in, in autocorrelation times of the slowest key

    @property
    def flat(self) -> np.ndarray:
        """All draws, shape (ensembles * draws, keys)."""
        flat: np.ndarray = self.draws.reshape(-1, self.draws.shape[-1])
        return flat


def engine() -> tuple[Any, Any]:
    """Return emcee and the diagnostics of arviz-stats.

    Raises
    ------
    InputError
        One of them is not installed.
    """
    try:
        import emcee
        import threadpoolctl  # noqa: F401
        from arviz_stats.base.array import array_stats  # arrays alone: quick to import
    except ImportError as error:
        what = f"calibration needs {error.name}"
        raise InputError(what, "", "allowed: pip install 'tcellabm[calibrate]'") from None
    return emcee, array_stats


def sample(
    log_probability: LogProbability,
    low: np.ndarray,
    high: np.ndarray,
    seed: int,
    how: Sampling,
    folder: Path | None = None,
) -> Chains:
    """Sample a density in a box until there are enough effective draws, or rounds.

    Parameters
    ----------
    log_probability : callable
        Log density of points, shape (points, keys); the box is looked after here.
    low, high : ndarray, shape (keys,)
        The box.
    seed : int
        Of all chance.
    how : Sampling
        How much.
    folder : Path, optional
        Where rounds are kept, and found again.

    Returns
    -------
    Chains
        Of all rounds, with their diagnostics.

    Raises
    ------
    InputError
        Too few points of the box have any probability.
    """
    bounded = _in_box(log_probability, low, high)
    rounds = _kept(folder, how)
    chains = summarized(rounds, how) if rounds else None
    while chains is None or (not _enough(chains, how) and len(rounds) < how.rounds):
        begin = rounds[-1][:, -1] if rounds else _start(bounded, low, high, seed, how)
        rounds.append(_round(bounded, begin, seed, len(rounds), how))
        if folder is not None:
            _keep(folder, len(rounds), rounds[-1])
        chains = summarized(rounds, how)
    return chains


def _enough(chains: Chains, how: Sampling) -> bool:
    long = chains.length >= how.length
    return long and chains.effective >= how.least and chains.rhat < RHAT


def _in_box(log_probability: LogProbability, low: np.ndarray, high: np.ndarray) -> LogProbability:
    def bounded(points: np.ndarray) -> np.ndarray:
        inside = np.all((points >= low) & (points <= high), axis=1)
        found = np.full(len(points), -np.inf)
        if inside.any():
            found[inside] = log_probability(points[inside])
        return found

    return bounded


def _start(
    bounded: LogProbability, low: np.ndarray, high: np.ndarray, seed: int, how: Sampling
) -> np.ndarray:
    """Return where walkers begin: among the better points of the prior, no point twice."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    points = rng.uniform(low, high, (START, len(low)))
    logs = np.concatenate([bounded(part) for part in np.array_split(points, START // how.walkers)])
    wanted = how.ensembles * how.walkers
    known = np.flatnonzero(np.isfinite(logs))
    if len(known) < wanted:
        what = f"the pool speaks to {len(known)} of {START} points of the prior"
        raise InputError(what, "", f"allowed: {wanted} or more: a larger pool, or other priors")
    best = known[np.argsort(-logs[known], kind="stable")][: max(wanted, BEST * how.walkers)]
    picked: np.ndarray = points[rng.permutation(best)[:wanted]]
    return picked.reshape(how.ensembles, how.walkers, len(low))


def _round(
    bounded: LogProbability, begin: np.ndarray, seed: int, number: int, how: Sampling
) -> np.ndarray:
    """Return the steps of a round that are kept, shape (ensembles, steps, walkers, keys)."""

    def one(ensemble: int) -> np.ndarray:
        return _steps(bounded, begin[ensemble], (seed, ensemble, number), how)

    with ThreadPoolExecutor(max(1, how.threads)) as threads:
        return np.stack(list(threads.map(one, range(how.ensembles))))


def _steps(
    bounded: LogProbability, begin: np.ndarray, entropy: tuple[int, int, int], how: Sampling
) -> np.ndarray:
    emcee, _ = engine()
    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    sampler = emcee.EnsembleSampler(*begin.shape, bounded, moves=moves, vectorize=True)
    words = np.random.SeedSequence(entropy).generate_state(8)
    state = emcee.State(begin, random_state=np.random.RandomState(words).get_state())  # noqa: NPY002
    sampler.run_mcmc(
        state, max(1, how.steps // STRIDE), thin_by=STRIDE, skip_initial_state_check=True
    )
    chain: np.ndarray = sampler.get_chain()
    return chain


def summarized(rounds: list[np.ndarray], how: Sampling) -> Chains:
    """Thin what was sampled after burn-in past its autocorrelation, and say how good it is.

    Effective draws are counted with every walker as a chain of its own, since neighbors in a
    chain of all walkers are other walkers; R-hat compares the independent ensembles.
    """
    emcee, stats = engine()
    whole = np.concatenate(rounds, axis=1)
    late = whole[:, int(_BURNED * whole.shape[1]) :]
    longest = max(1.0, *(_longest_time(emcee, chain) for chain in late))
    thin = int(min(math.ceil(longest), max(1, late.shape[1] // 4)))
    thinned = late[:, ::thin].reshape(len(late), -1, late.shape[-1])
    places = np.linspace(0, thinned.shape[1] - 1, min(how.draws, thinned.shape[1])).astype(int)
    draws = thinned[:, places]
    keys = range(draws.shape[-1])
    walkers = np.moveaxis(late, 2, 1).reshape(-1, late.shape[1], late.shape[-1])
    effective = min(float(np.nan_to_num(stats.ess(walkers[..., key]))) for key in keys)
    rhat = max(float(stats.rhat(draws[..., key])) for key in keys)
    size = draws.shape[0] * draws.shape[1]
    steps = whole.shape[1] * STRIDE
    return Chains(draws, min(effective, size), rhat, steps, late.shape[1] / longest)


def pareto_k(log_weights: np.ndarray) -> float:
    """Return the shape of the upper tail of weights, -inf where many are greatest alike."""
    _, stats = engine()
    try:
        weights = np.exp(log_weights - log_weights.max())
        shape = stats.pareto_khat(weights, chain_axis=None, r_eff=1.0, tail="right")
    except ValueError:  # all of the tail are the same
        return -math.inf
    return float(shape)


def _longest_time(emcee: Any, chain: np.ndarray) -> float:
    """Return the autocorrelation time of the slowest key, of walkers that moved, in kept steps."""
    moved = np.ptp(chain, axis=0).min(axis=1) > 0.0
    if not moved.any():
        return float(len(chain))
    times = emcee.autocorr.integrated_time(chain[:, moved], tol=0, quiet=True)
    return float(np.max(times)) if np.isfinite(times).all() else float(len(chain))


# --- rounds on disk -------------------------------------------------------------------------------


def _file(folder: Path, number: int) -> Path:
    return folder / f"round-{number:03d}.npz"


def _keep(folder: Path, number: int, steps: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    content = BytesIO()
    np.savez_compressed(content, steps=steps)
    write_whole(_file(folder, number), content.getvalue())


def _kept(folder: Path | None, how: Sampling) -> list[np.ndarray]:
    """Return the rounds that are there, up to the first that is missing or damaged."""
    rounds: list[np.ndarray] = []
    while folder is not None and len(rounds) < how.rounds:
        try:
            held = BytesIO(_file(folder, len(rounds) + 1).read_bytes())
            with np.load(held) as content:
                rounds.append(content["steps"])
        except (OSError, ValueError, KeyError, BadZipFile, EOFError):
            break
    return rounds
