"""The edgeLinux host agent, and the library that a host keeps needing: ZFS, disks, boot loader."""

__version__ = "2.1.0"
