"""Builds edgeLinux images: the stage plan, the ISO and the QEMU machines that try it."""
