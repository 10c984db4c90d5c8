"""What it all means: what happened with each customer, in order."""
