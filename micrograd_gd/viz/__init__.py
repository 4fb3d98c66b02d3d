"""Pictures: the graph of a computation, models, and the curves of a training."""

from micrograd_gd.modes import scope
from micrograd_gd.viz.architecture import architecture
from micrograd_gd.viz.curves import plot_history, plot_learning_rates, plot_loss
from micrograd_gd.viz.descents import plot_descent, plot_sweep
from micrograd_gd.viz.models import plot_decision_boundary, plot_gradients
from micrograd_gd.viz.picture import Graph, draw_dot, graph
from micrograd_gd.viz.render import render

__all__ = [
    "Graph",
    "architecture",
    "draw_dot",
    "graph",
    "plot_decision_boundary",
    "plot_descent",
    "plot_gradients",
    "plot_history",
    "plot_learning_rates",
    "plot_loss",
    "plot_sweep",
    "render",
    "scope",
]
