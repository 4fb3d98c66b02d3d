"""Nothing: `micrograd_gd.testing.strategies` registers its types when it is imported."""


def register() -> None:
    """Do nothing."""
