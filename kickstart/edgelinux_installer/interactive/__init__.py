"""The text installer: asks at the machine what a kickstart would say, and writes that kickstart.

`answers` decides, `world` is what the machine offers, `doing` is what is done to it; the rest is screens.
"""
