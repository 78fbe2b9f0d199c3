"""Measures what was promised, as ratios within one run on one machine."""
