"""The choice of the next values: by Optuna's samplers, by CMA-ES, or one after the other from a grid.

A choice is a function of the seed, the number of the trial and the trials so far, and leaves nothing behind: a search
that was stopped continues as it would have, and each of several workers can choose. Optuna's own CMA-ES keeps its state
as a pickle in the study, which must not be read from somebody else's folder; here it is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from snntrain.cli.search import optional
from snntrain.cli.search.cma import next_point
from snntrain.cli.search.space import Choice, Dimension, Range, Space, Values

RANDOM, TPE, GRID, CMAES = "random", "tpe", "grid", "cmaes"
# A sampler that has given so many known configurations in a row is replaced by random draws, and then gives up.
TRIES = 20


def distribution(dimension: Dimension) -> Any:
    """Return a dimension as Optuna's distribution."""
    made = optional.optuna().distributions
    if isinstance(dimension, Choice):
        return made.CategoricalDistribution(dimension.texts)
    low, high, step = dimension.low, dimension.high, dimension.step
    if dimension.whole:
        return made.IntDistribution(int(low), int(high), log=dimension.log, step=int(step or 1))
    return made.FloatDistribution(low, high, log=dimension.log, step=step)


def suggestion(method: str, space: Space, trials: Sequence[Any], directions: Sequence[Any], seed: int) -> Values | None:
    """Return the values of the next trial; None if every combination of the space was tried.

    Args:
        method: the value of `sweep.search`.
        space: the dimensions.
        trials: Optuna's trials so far, in which a trial that waits at a rung counts as pruned.
        directions: Optuna's directions.
        seed: of the search.
    """
    number = len(trials)
    if method == GRID:
        return next(islice(space.grid(), number, None), None)
    known = [trial.params for trial in trials]
    if len({tuple(sorted(values.items())) for values in known}) >= space.size():
        return None
    values: Values = {}
    for attempt in range(2 * TRIES):
        drawn = np.random.SeedSequence([seed, number, attempt])
        way = method if attempt < TRIES else RANDOM
        values = _drawn(way, space, trials, directions, int(drawn.generate_state(1)[0]))
        if values not in known:
            break
    return values


def _drawn(method: str, space: Space, trials: Sequence[Any], directions: Sequence[Any], seed: int) -> Values:
    optuna = optional.optuna()
    sampler = optuna.samplers.RandomSampler(seed=seed)
    if method == TPE:
        # Trials that are running count as bad, so that slots and workers do not all try the same.
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    # A study in memory: the sampler writes attributes to it.
    study = optuna.create_study(sampler=sampler, directions=directions)
    if method == TPE:
        study.add_trials([trial for trial in trials if trial.state != optuna.trial.TrialState.FAIL])
    trial = study.ask()
    fixed: dict[str, Any] = {}
    if method == CMAES:
        numeric = [each for each in space.dimensions if isinstance(each, Range) and each.key not in space.only_with]
        fixed = next_point(numeric, trials, seed, maximize=directions[0] == optuna.study.StudyDirection.MAXIMIZE)
    values: dict[str, Any] = {}
    for each in space.dimensions:
        if space.applies(each.key, values):
            values[each.key] = fixed[each.key] if each.key in fixed else _asked(trial, each)
    return values


def _asked(trial: Any, dimension: Dimension) -> Any:
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(dimension.key, dimension.texts)
    ends = {"log": dimension.log, "step": dimension.step}
    if dimension.whole:
        ends["step"] = int(dimension.step or 1)
        return trial.suggest_int(dimension.key, int(dimension.low), int(dimension.high), **ends)
    return trial.suggest_float(dimension.key, dimension.low, dimension.high, **ends)
