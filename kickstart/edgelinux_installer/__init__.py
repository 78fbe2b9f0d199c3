"""Runs a kickstart in the live system: the edgeLinux installer."""
