"""What the site adds to Sphinx: formulas, links to sources, the reference, glossary, live pages."""
