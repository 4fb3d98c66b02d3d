"""Beneath `Value`: the sweeps, blocks such as `no_grad`, copies, and the engine's twin in C."""
