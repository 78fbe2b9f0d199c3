"""Reports: what an installation and a new host tell a server about themselves, as JSON over HTTP.

`model` is what a server checks them with; who sends them makes them with `message`, which imports nothing
slow.
"""
