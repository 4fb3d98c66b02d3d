"""What writes C from the table when the package is built."""
