"""The `antlet` command's parts: the client of the HTTP interface, and what it prints."""
