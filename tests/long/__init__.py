"""Installations on more kinds and numbers of disks, and crashes at all points: `make test-long`."""
