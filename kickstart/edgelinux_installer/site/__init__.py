"""A site file: what is particular about one site, checked, and the kickstart that it becomes."""
