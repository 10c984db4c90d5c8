"""A small window on traces: takes OTLP over HTTP, keeps the last ones in memory, shows them in a browser.

It stands in for a collector and a trace store under `make up`. Anything that takes OTLP can replace it.
"""
