"""Complaints and requests, until they are solved."""
