"""Trade knowledge about selling: pure functions over records."""
