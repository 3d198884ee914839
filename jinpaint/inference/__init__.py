"""Fills the holes of pictures with a trained system."""

from jinpaint.inference.inpainter import Inpainter, load, Stopped
from jinpaint.inference.pictures import Task

__all__ = ['Inpainter', 'Stopped', 'Task', 'load']
