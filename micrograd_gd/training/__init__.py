"""Training a model on data: batches, epochs, their history, and what went wrong."""
