"""Trade knowledge about cases: pure functions over records."""
