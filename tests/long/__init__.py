"""Installations on more kinds and numbers of disks than `make test` has boots for: `make test-long`."""
