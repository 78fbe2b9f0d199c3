"""Machines: QEMU under libvirt, as transient domains, so that libvirt keeps nothing of a stopped antlet."""
