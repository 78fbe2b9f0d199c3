"""Long work as persisted steps: run, cancelled, undone, and finished or undone after a crash."""
