"""The one recurrence of the neuron family: `h = a v + b x + c`, fire, reset, over all time steps."""

from snntrain.neuron.recurrence.reference import Coefficient, Trajectory, fire_and_reset, integrate_and_fire

__all__ = ["Coefficient", "Trajectory", "fire_and_reset", "integrate_and_fire"]
