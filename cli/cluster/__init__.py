"""Kith on Kubernetes: what its jobs and try-out pods run."""
