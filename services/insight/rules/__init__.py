"""Trade knowledge about what concerns whom, and how it is told: pure functions, no I/O."""
