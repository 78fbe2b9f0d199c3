"""Virtual machines for trying images: the model, firmware, acceleration, console and life cycle."""
