"""What an operation is: the table, and the small language that its rows are written in."""
