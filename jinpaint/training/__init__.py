"""Training: the step of any stage, and the loop around it."""

from jinpaint.training.step import init, make_step, shapes, TrainState

__all__ = ['TrainState', 'init', 'make_step', 'shapes']
