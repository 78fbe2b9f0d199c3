"""Network boot: `edgelinux pxe tree` lays out what machines boot from, `edgelinux pxe serve` serves it.

`server` is the HTTP side: boot files, kickstarts, reports, and how far each machine is.
"""
