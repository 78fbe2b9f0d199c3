"""The rehearsal: the base centos-stream-10 is built from stand-in packages, as far as a finished ISO.

The packages have CentOS's names, provides and places of files; what is in them is Debian's. Nothing here says
that CentOS itself was built, and what is made is not booted: what a boot would show is Debian's.
"""
