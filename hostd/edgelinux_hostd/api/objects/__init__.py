"""The objects on the wire: field names with hyphens, antMan's fields first, ours beside them."""
