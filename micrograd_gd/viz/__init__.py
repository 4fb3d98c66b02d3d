"""Pictures: the graph of a computation, models, and the curves of a training."""

from micrograd_gd.names import close_module
from micrograd_gd.viz.graphs.architecture import architecture
from micrograd_gd.viz.graphs.drawing import Graph, draw_dot, graph
from micrograd_gd.viz.graphs.render import render
from micrograd_gd.viz.plots.boundaries import plot_decision_boundary
from micrograd_gd.viz.plots.curves import plot_history, plot_learning_rates
from micrograd_gd.viz.plots.descents import plot_descent, plot_sweep
from micrograd_gd.viz.plots.gradients import plot_gradients

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
    "plot_sweep",
    "render",
]

close_module(__name__)
