"""Installation media: what lies on one, how it is written, read, and given another kickstart."""
