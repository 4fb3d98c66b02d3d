"""A graph written down: as text, as LaTeX, and read back; the paths through it."""
