"""Pictures: the graph of a computation, models, and the curves of a training."""

from micrograd_gd.modes import scope
from micrograd_gd.viz.architecture import architecture
from micrograd_gd.viz.picture import Graph, draw_dot, graph
from micrograd_gd.viz.plots import plot_loss
from micrograd_gd.viz.render import render

__all__ = ["Graph", "architecture", "draw_dot", "graph", "plot_loss", "render", "scope"]
