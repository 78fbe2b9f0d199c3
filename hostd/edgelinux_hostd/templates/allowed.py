"""What an antlet's XML may say, as a table: everything that is not here is refused.

Paths are those of elements below `domain`. A value is what its attributes may be: a regular expression or one
of the checks that need to know the antlet (Scope). `#text` is the element's text; an element without it has
none. FREE elements may hold what they like, since nothing in them can name anything of the host's.

Formats: https://libvirt.org/formatdomain.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgelinux_hostd.antlets.numbers import NETWORK
from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.templates import paths

__all__ = ["BRIDGE", "FREE", "PROSE", "REASONS", "Rules", "Scope", "rules"]

# The host's bridge to the network outside.
BRIDGE = "br0"


@dataclass(frozen=True)
class Scope:
    """Whose XML it is. `privileged`: its template was allowed to have the host's root as its own."""

    name: str
    kind: Kind
    privileged: bool = False


# Gives what is wrong with a value, or "".
Check = Callable[[str, Scope], str]
Rules = Mapping[str, Mapping[str, "str | Check"]]

# Text for people is the one place for more than one line.
PROSE = r"(?s:.*)"
ANY = r".*"
_YES = r"yes|no"
_ON = r"on|off"
_NUMBER = r"\d{1,20}"
_WORD = r"[A-Za-z0-9_.:+-]*"


def _own_name(value: str, scope: Scope) -> str:
    return "" if value == scope.name else f"must be {scope.name}"


def _inside(value: str, scope: Scope) -> str:
    return "" if paths.inside(scope.name, value) else f"must be below {paths.home(scope.name)}/"


def _image(value: str, scope: Scope) -> str:
    disks = f"{paths.home(scope.name)}/disks/"
    return "" if value.startswith(disks) and paths.inside(scope.name, value) else f"must be below {disks}"


def _directory(value: str, scope: Scope) -> str:
    # A directory inside the root could be a link that the guest made; the root itself cannot.
    root = paths.root(scope.name)
    if value == root:
        return ""
    return (
        f"must be {root}, or below {paths.home(scope.name)}/ and not in it"
        if value.startswith(f"{root}/")
        else _inside(value, scope)
    )


def _host_id(value: str, scope: Scope) -> str:
    if scope.privileged or (value.isdigit() and int(value) >= 100_000):
        return ""
    return "would be users of the host's; 100000 or higher, unless the template is privileged"


def _policy(value: str, scope: Scope) -> str:
    allowed = ("default", "deny", "allow") if scope.privileged else ("default", "deny")
    return "" if value in allowed else "only for a privileged template"


def _capability(value: str, scope: Scope) -> str:
    return "" if value == "off" or scope.privileged else "only for a privileged template"


_COMMON: Rules = {
    "": {"type": r"kvm|qemu|lxc"},
    "name": {"#text": _own_name},
    "uuid": {"#text": r"[0-9a-fA-F-]*"},
    "genid": {"#text": r"[0-9a-fA-F-]*"},
    "title": {"#text": PROSE},
    "description": {"#text": PROSE},
    "memory": {"#text": _NUMBER, "unit": _WORD},
    "currentMemory": {"#text": _NUMBER, "unit": _WORD},
    "maxMemory": {"#text": _NUMBER, "unit": _WORD, "slots": _NUMBER},
    "vcpu": {"#text": _NUMBER, "placement": r"static", "current": _NUMBER},
    "iothreads": {"#text": _NUMBER},
    "memtune": {},
    "memtune/hard_limit": {"#text": _NUMBER, "unit": _WORD},
    "memtune/soft_limit": {"#text": _NUMBER, "unit": _WORD},
    "memtune/swap_hard_limit": {"#text": _NUMBER, "unit": _WORD},
    "blkiotune": {},
    "blkiotune/weight": {"#text": _NUMBER},
    "cputune": {},
    **{
        f"cputune/{name}": {"#text": r"-?\d{1,18}"}
        for name in ("shares", "period", "quota", "global_period", "global_quota")
    },
    "on_poweroff": {"#text": r"destroy|restart|preserve|rename-restart"},
    "on_reboot": {"#text": r"destroy|restart|preserve|rename-restart"},
    "on_crash": {"#text": r"destroy|restart|preserve|rename-restart"},
    "os": {"firmware": r"efi|bios"},
    "os/type": {"#text": r"hvm|exe", "arch": _WORD, "machine": _WORD},
    "devices": {},
    "devices/interface": {"type": r"network|bridge"},
    "devices/interface/source": {"network": NETWORK, "bridge": BRIDGE},
    "devices/interface/mac": {"address": r"[0-9a-fA-F:]{17}"},
    "devices/interface/model": {"type": _WORD},
    "devices/interface/alias": {"name": _WORD},
    "devices/interface/boot": {"order": _NUMBER},
    "devices/interface/link": {"state": r"up|down"},
    "devices/interface/mtu": {"size": _NUMBER},
    "devices/interface/driver": {"name": r"qemu|vhost", "queues": _NUMBER},
    "devices/interface/guest": {"dev": r"[A-Za-z0-9_.-]{1,15}"},
    "devices/interface/rom": {"bar": _ON, "enabled": _YES},
    "devices/console": {"type": r"pty"},
    "devices/console/target": {"type": _WORD, "port": _NUMBER},
    "devices/console/alias": {"name": _WORD},
}

_LXC: Rules = {
    "os/init": {"#text": r"/.*"},
    "os/initarg": {"#text": ANY},
    "os/initenv": {"#text": ANY, "name": r"[A-Za-z_][A-Za-z0-9_]*"},
    "os/initdir": {"#text": r"/.*"},
    "os/inituser": {"#text": _WORD},
    "os/initgroup": {"#text": _WORD},
    "idmap": {},
    "idmap/uid": {"start": _NUMBER, "target": _host_id, "count": _NUMBER},
    "idmap/gid": {"start": _NUMBER, "target": _host_id, "count": _NUMBER},
    "features": {},
    **{f"features/{name}": {} for name in ("acpi", "apic", "pae")},
    "features/privnet": {},
    "features/capabilities": {"policy": _policy},
    "features/capabilities/*": {"state": _capability},
    "devices/filesystem": {"type": r"mount|bind|ram", "accessmode": r"passthrough|mapped"},
    "devices/filesystem/source": {"dir": _directory, "usage": _NUMBER, "units": _WORD},
    "devices/filesystem/target": {"dir": r"/.*"},
    "devices/filesystem/readonly": {},
    "devices/filesystem/alias": {"name": _WORD},
}

_KVM: Rules = {
    "os/loader": {
        # Firmware of the host's packages, which the guest can only read.
        "#text": r"/usr/share/(?:[A-Za-z0-9_-]+/){1,3}[A-Za-z0-9_.-]+\.fd",
        "readonly": r"yes",
        "type": r"rom|pflash",
        "secure": _YES,
    },
    "os/nvram": {
        "#text": _image,
        "template": r"/usr/share/(?:[A-Za-z0-9_-]+/){1,3}[A-Za-z0-9_.-]+\.fd",
    },
    "os/firmware": {},
    "os/firmware/feature": {"enabled": _YES, "name": _WORD},
    "os/boot": {"dev": r"hd|cdrom|network"},
    "os/bootmenu": {"enable": _YES, "timeout": _NUMBER},
    "os/bios": {"useserial": _YES, "rebootTimeout": r"-?\d{1,5}"},
    "os/smbios": {"mode": r"emulate|sysinfo"},
    "sysinfo": {"type": r"smbios"},
    **{f"sysinfo/{name}": {} for name in ("bios", "system", "baseBoard", "chassis", "oemStrings")},
    **{
        f"sysinfo/{name}/entry": {"#text": ANY, "name": _WORD}
        for name in ("bios", "system", "baseBoard", "chassis", "oemStrings")
    },
    "memoryBacking": {},
    "memoryBacking/nosharepages": {},
    "memoryBacking/source": {"type": r"memfd|anonymous"},
    "memoryBacking/access": {"mode": r"shared|private"},
    "devices/disk": {"type": r"file", "device": r"disk|cdrom"},
    "devices/disk/driver": {
        "name": r"qemu",
        "type": r"raw",
        **dict.fromkeys(("cache", "io", "discard", "detect_zeroes", "error_policy", "rerror_policy"), _WORD),
        "ioeventfd": _ON,
        "event_idx": _ON,
        "copy_on_read": _ON,
        "queues": _NUMBER,
        "iothread": _NUMBER,
    },
    "devices/disk/source": {"file": _inside, "startupPolicy": r"mandatory|requisite|optional"},
    "devices/disk/target": {
        "dev": r"[a-z]{2,4}",
        "bus": r"ide|sata|scsi|virtio|usb",
        "tray": r"open|closed",
        "removable": _ON,
        "rotation_rate": _NUMBER,
    },
    "devices/disk/boot": {"order": _NUMBER},
    "devices/disk/readonly": {},
    **{f"devices/disk/{name}": {"#text": _WORD} for name in ("serial", "wwn", "vendor", "product")},
    "devices/disk/alias": {"name": _WORD},
    "devices/disk/blockio": {"logical_block_size": _NUMBER, "physical_block_size": _NUMBER},
    "devices/serial": {"type": r"pty"},
    "devices/serial/target": {"type": _WORD, "port": _NUMBER},
    "devices/serial/target/model": {"name": _WORD},
    "devices/serial/alias": {"name": _WORD},
    # The guest agent's: libvirt makes the socket, in a directory of its own, when none is named.
    "devices/channel": {"type": r"unix|pty"},
    "devices/channel/source": {"mode": r"bind"},
    "devices/channel/target": {"type": r"virtio", "name": r"org\.qemu\.guest_agent\.0"},
    "devices/channel/alias": {"name": _WORD},
    "devices/input": {"type": r"tablet|mouse|keyboard", "bus": r"usb|ps2|virtio", "model": _WORD},
    "devices/input/alias": {"name": _WORD},
    "devices/graphics": {"type": r"vnc", "keymap": _WORD},
    "devices/graphics/listen": {"type": r"socket|none"},
    "devices/video": {},
    "devices/video/model": {
        "type": r"vga|cirrus|virtio|bochs|none",
        "heads": _NUMBER,
        "vram": _NUMBER,
        "primary": _YES,
    },
    "devices/video/model/resolution": {"x": _NUMBER, "y": _NUMBER},
    "devices/video/alias": {"name": _WORD},
    "devices/memballoon": {"model": _WORD, "autodeflate": _ON, "freePageReporting": _ON},
    "devices/memballoon/stats": {"period": _NUMBER},
    "devices/memballoon/alias": {"name": _WORD},
    "devices/rng": {"model": r"virtio(?:-(?:non-)?transitional)?"},
    "devices/rng/rate": {"bytes": _NUMBER, "period": _NUMBER},
    "devices/rng/backend": {"model": r"random|builtin", "#text": r"|/dev/u?random"},
    "devices/rng/alias": {"name": _WORD},
    "devices/watchdog": {"model": _WORD, "action": r"reset|shutdown|poweroff|pause|none|inject-nmi"},
    "devices/watchdog/alias": {"name": _WORD},
    "devices/panic": {"model": r"isa|hyperv|pvpanic"},
    "devices/hub": {"type": r"usb"},
}

FREE = {
    "lxc": ("metadata", "clock", "cpu", "pm"),
    "kvm": (
        "metadata",
        "clock",
        "cpu",
        "pm",
        "features",
        "devices/controller",
        "devices/disk/iotune",
        "devices/interface/bandwidth",
    ),
}

# Why, where "not allowed" would leave a person wondering.
REASONS = {
    "devices/hostdev": "a device of the host's",
    "devices/redirdev": "a device of the host's",
    "devices/shmem": "memory shared with the host",
    "devices/vsock": "a socket to the host",
    "devices/tpm": "a device of the host's",
    "devices/smartcard": "a device of the host's",
    "devices/lease": "a lock of the host's",
    "devices/memory": "may be a file of the host's",
    "devices/emulator": "a program of the host's",
    "devices/parallel": "a device of the host's",
    "devices/filesystem": "a machine has disks only",
    "devices/disk/backingStore": "the image would be read from another file",
    "devices/disk/mirror": "the image would be copied to another file",
    "devices/disk/transient": "writes would go to a file beside the antlet's",
    "devices/disk/shareable": "an antlet's disk is its own",
    "devices/interface/script": "a program of the host's",
    "devices/interface/backend": "a program or device of the host's",
    "devices/interface/target": "the host names its ports",
    "devices/filesystem/binary": "a program of the host's",
    "devices/console/log": "a file of the host's",
    "devices/serial/log": "a file of the host's",
    "devices/channel/log": "a file of the host's",
    "os/kernel": "a file of the host's; the guest boots from its disk",
    "os/initrd": "a file of the host's; the guest boots from its disk",
    "os/dtb": "a file of the host's",
    "os/acpi": "a file of the host's",
    "seclabel": "labels are the host's",
    "launchSecurity": "the host's hardware is not an antlet's to choose",
    "numatune": "the host's memory is not an antlet's to choose",
    "memoryBacking/hugepages": "the host's memory is not an antlet's to choose",
    "memoryBacking/locked": "the host's memory is not an antlet's to lock",
    "resource": "control groups are the host's",
    "bootloader": "a program of the host's",
}

# A device's place in the guest, which is nothing of the host's.
_PLACE = (
    *("type", "domain", "bus", "slot", "function", "multifunction"),
    *("controller", "target", "unit", "port", "iobase", "irq", "reg", "base"),
)
_ADDRESS = dict.fromkeys(_PLACE, r"[0-9a-zA-Z.-]*")


def rules(kind: Kind) -> Rules:
    """Give the table for a kind of antlet."""
    table = {**_COMMON, **(_LXC if kind == "lxc" else _KVM)}
    devices = [path for path in table if re.fullmatch(r"devices/\w+", path)]
    return {**table, **{f"{device}/address": _ADDRESS for device in devices}}
