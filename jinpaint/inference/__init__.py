"""Fills the holes of pictures with a trained system."""

from jinpaint.inference.inpainter import Inpainter, load

__all__ = ['Inpainter', 'load']
