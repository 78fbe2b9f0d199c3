"""Makes the tests importable as `tests.…` from the repository's root."""
