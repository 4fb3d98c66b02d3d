"""Plots of curves and of models, by Matplotlib."""
