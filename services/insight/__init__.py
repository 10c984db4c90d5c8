"""What it all means: for now, what happened with each customer, in order."""
