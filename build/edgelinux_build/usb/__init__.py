"""USB sticks: which disks can become one, and writing them."""
