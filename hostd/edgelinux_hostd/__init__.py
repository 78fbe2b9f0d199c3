"""The edgeLinux host agent and the library a host keeps needing: ZFS, disks, boot environments, boot loader."""

__version__ = "2.1.0"
