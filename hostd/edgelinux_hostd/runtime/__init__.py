"""What runs antlets: one protocol, a driver for KVM machines and one for LXC containers."""
