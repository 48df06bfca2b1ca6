"""How much each key matters for a figure, by PED-ANOVA, which needs no further package."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from snntrain.cli.search import optional

# Fewer trials say nothing.
FEWEST = 8


def importances(frozen: Sequence[Any], scores: Mapping[int, float]) -> dict[str, float]:
    """Return the share of each key in the figure, by PED-ANOVA, the greatest first; empty with too few trials.

    Args:
        frozen: Optuna's trials.
        scores: by number of the trial, its figure; a smaller one is better.
    """
    if len(scores) < FEWEST or len(set(scores.values())) < 2:
        return {}
    optuna = optional.optuna()
    study = optuna.create_study(direction="minimize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params=frozen[number].params, distributions=frozen[number].distributions, value=score
            )
            for number, score in scores.items()
        ]
    )
    try:
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        with warnings.catch_warnings():
            # Few trials give equal shares, which are shown as they are.
            warnings.simplefilter("ignore")
            shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    except (ValueError, RuntimeError, ZeroDivisionError):
        return {}
    return {key: share for key, share in shares.items() if math.isfinite(share)}
