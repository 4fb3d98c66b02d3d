"""Nothing: environments that were installed before still load these two names at their start."""
