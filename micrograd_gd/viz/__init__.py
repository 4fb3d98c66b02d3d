"""Pictures: the graph of a computation, and the curves of a training."""

from micrograd_gd.viz.dot import draw_dot
from micrograd_gd.viz.plots import plot_loss
from micrograd_gd.viz.render import render

__all__ = ["draw_dot", "plot_loss", "render"]
