"""Brings antlets back from pools that are found: what is there, what shall become of it, and the doing."""
