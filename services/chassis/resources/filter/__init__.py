"""Filters as AIP-160 writes them, compiled to MongoDB queries over the declared fields of a record."""

from services.chassis.resources.filter.compile import compile_filter

__all__ = ["compile_filter"]
