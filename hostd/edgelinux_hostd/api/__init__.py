"""The HTTP interface on the Unix socket."""
