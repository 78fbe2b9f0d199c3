"""Pools, datasets and the properties by which hostd knows its own."""
