"""Programs for two antlets: one sends frames under false names, its neighbour says which of them arrive."""

from __future__ import annotations

__all__ = ["LISTEN", "SEND", "TRUE_FRAMES"]

# What a neighbour sees of `SEND`: the first and the last frame, which are honest.
TRUE_FRAMES = ["honest", "end"]

# Arguments: the card, own MAC and address, the neighbour's MAC and address, another antlet's MAC and address.
SEND = r"""
import socket, sys
card, mac, ip, to_mac, to_ip, other_mac, other_ip = sys.argv[1:]
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind((card, 0))
m = lambda text: bytes.fromhex(text.replace(":", ""))
a = socket.inet_aton
def frame(kind, body, sender=mac):
    raw.send((m(to_mac) + m(sender) + kind + body).ljust(60, b"\0"))
def udp(tag, source=ip, sport=7777, sender=mac):
    text = b"frame:" + tag + b";"
    total, length = (28 + len(text)).to_bytes(2, "big"), (8 + len(text)).to_bytes(2, "big")
    head = b"\x45\0" + total + b"\0\0\0\0\x40\x11\0\0" + a(source) + a(to_ip)
    body = sport.to_bytes(2, "big") + (7777).to_bytes(2, "big") + length + b"\0\0" + text
    frame(b"\x08\0", head + body, sender)
def arp(tag, claimed):
    body = b"\0\1\x08\0\6\4\0\2" + m(mac) + a(claimed) + m(to_mac) + a(to_ip)
    frame(b"\x08\6", body + b"frame:" + tag + b";")
udp(b"honest")
udp(b"address", source=other_ip)
udp(b"mac", sender=other_mac)
arp(b"gateway", ip.rpartition(".")[0] + ".1")
arp(b"neighbour", other_ip)
udp(b"dhcp-server", sport=67)
addresses = b"\xfe\x80".ljust(16, b"\0") + b"\xff\2".ljust(15, b"\0") + b"\1"
frame(b"\x86\xdd", b"\x60\0\0\0\0\x10\x3b\xff" + addresses + b"frame:router;")
frame(b"\x81\0", b"\0\5\x08\0" + b"frame:vlan;")
udp(b"end")
"""

# Argument: the card. Prints "listening", then the names of the frames that came, up to the last one.
LISTEN = r"""
import re, socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.bind((sys.argv[1], 0))
raw.settimeout(50)
print("listening", flush=True)
while True:
    found = re.search(rb"frame:([a-z-]+);", raw.recv(2048))
    if found:
        print(found[1].decode(), flush=True)
        if found[1] == b"end":
            break
"""
