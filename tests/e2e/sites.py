"""The site files under test, with values that no default could pass for."""

from __future__ import annotations

__all__ = ["HOSTNAME", "WIRE_POST", "any_disks", "failing_post", "on_the_wire", "somebody_else", "unattended"]

HOSTNAME = "edge-under-test"

# The two disks to install on have the slots 1 and 2; slot 0 is there to be left alone.
UNATTENDED = """\
hostname: {hostname}
unattended: true
disks:
  select: ["/dev/disk/by-id/*edgelinux-disk[12]"]
  count: 2
  layout: mirror
timezone: Europe/Berlin
locale: en_US.UTF-8
keyboard: de
ntp: [192.0.2.123]
root:
  ssh_keys: ["{key}"]
users:
  - name: operator1
    ssh_keys: ["{key}"]
    sudo: true
serial_console: ttyS0,115200
kernel_args: [edgelinux.e2e=1]
firewall:
  ports: [8006/tcp]
post: |
{post}
finish: reboot
"""

KEPT_POST = """\
  echo "post ran in $(hostname -f 2>/dev/null || cat /etc/hostname)" > /root/post-ran
"""

# The card that was booted from gets an address, too, and the way back to the server; it is no way out.
WIRE_POST = """\
  file=/etc/NetworkManager/system-connections/wire.nmconnection
  printf '[connection]\\nid=wire\\ntype=ethernet\\n[ethernet]\\nmac-address={card}\\n' > $file
  printf '[ipv4]\\nmethod=auto\\nnever-default=true\\n[ipv6]\\nmethod=disabled\\n' >> $file
  chmod 600 $file
"""

FAILING_POST = """\
  echo "the site's own reason" >&2
  exit 3
"""


def unattended(key: str) -> str:
    """Installs without asking onto the disks in slots 1 and 2."""
    return UNATTENDED.format(hostname=HOSTNAME, key=key, post=KEPT_POST)


def on_the_wire(key: str, nic: str, card: str) -> str:
    """The same over `nic`, for a host that keeps an address on `card`, too; both are MAC addresses."""
    text = UNATTENDED.format(hostname=HOSTNAME, key=key, post=KEPT_POST + WIRE_POST.format(card=card))
    return text + f'network: {{device: "{nic}"}}\n'


def any_disks(key: str) -> str:
    """The same onto the machine's two SATA disks, with a pattern that the stick's own name fits, too."""
    return unattended(key).replace('"/dev/disk/by-id/*edgelinux-disk[12]"', '"/dev/sd*"')


def somebody_else(key: str) -> str:
    """The same for a machine of another name."""
    return unattended(key).replace(HOSTNAME, "edge-of-somebody-else")


def failing_post(key: str) -> str:
    """The same, with a %post that fails."""
    return UNATTENDED.format(hostname=HOSTNAME, key=key, post=FAILING_POST)
