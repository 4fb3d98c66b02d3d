"""Training a model on data: batches and epochs, what is told of them, and what went wrong."""
