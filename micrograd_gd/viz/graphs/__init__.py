"""Pictures of graphs and models, by Graphviz."""
