"""Trade knowledge about people and companies: pure functions over records."""
