"""`edgelinux mirror`: a local mirror of exactly the packages that an image needs, to build from offline.

`rpm` and `deb` tell how it is made for either kind of base; `place` is the directory it appears in, whole.
"""
