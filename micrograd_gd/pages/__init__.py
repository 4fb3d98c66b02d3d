"""Pages that live without Python: an engine in JavaScript, a graph to step through."""

from micrograd_gd.names import close_module
from micrograd_gd.pages.engine import write_engine
from micrograd_gd.pages.frame import Page
from micrograd_gd.pages.kinds import live

__all__ = ["Page", "live", "write_engine"]

close_module(__name__)
