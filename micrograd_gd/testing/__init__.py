"""Trust in gradients: a checker that knows its own error."""
