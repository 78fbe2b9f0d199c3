"""Containers: liblxc's commands, with a configuration generated before each start, in a unit each."""
