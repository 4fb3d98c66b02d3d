"""What pytest and hypothesis load when they start: it must not import the package itself.

An entry point in a package imports that package, for everybody who runs pytest wherever the package
is installed, and before anybody could choose an engine. So this folder is installed a second time,
as the package `_micrograd_gd_entry`, and imports the rest only when a test asks for it.
"""
