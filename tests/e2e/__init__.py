"""Boots the built ISO in QEMU and looks inside."""
