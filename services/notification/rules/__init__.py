"""Trade knowledge about telling people: pure functions, no I/O."""
