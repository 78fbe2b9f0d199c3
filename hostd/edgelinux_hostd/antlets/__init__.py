"""What an antlet is: its name, its number and address, its specification, and what is known about it."""
