"""Downhill on any function: gradient descent itself, its learning rate, its curvature."""
