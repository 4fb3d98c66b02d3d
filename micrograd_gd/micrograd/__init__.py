"""micrograd's own interface over ours, for programs that were written for micrograd."""
