"""Functions into functions: gradients, Jacobians, Hessians, rules of your own."""
