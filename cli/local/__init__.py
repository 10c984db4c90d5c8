"""Kith on one machine: the servers it needs and its own processes, started, watched and stopped as one platform."""
