"""Nothing: see `micrograd_gd.testing.plugin`."""
