"""`network --bondopts` and `--bridgeopts`, as NetworkManager's settings `bond` and `bridge` take them."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["bond_options", "bridge_options"]

# Linux, Documentation/networking/bonding.rst. Names and numbers both work for a mode.
_MODES = (
    "balance-rr",
    "active-backup",
    "balance-xor",
    "broadcast",
    "802.3ad",
    "balance-tlb",
    "balance-alb",
)
_BOND = frozenset(
    {
        *("mode", "miimon", "updelay", "downdelay", "arp_interval", "arp_ip_target", "arp_validate"),
        *("arp_all_targets", "primary", "primary_reselect", "fail_over_mac", "use_carrier"),
        *("ad_select", "ad_actor_sys_prio", "ad_user_port_key", "xmit_hash_policy", "resend_igmp"),
        *("num_grat_arp", "num_unsol_na", "all_slaves_active", "min_links", "lacp_rate"),
        *("packets_per_slave", "tlb_dynamic_lb", "lp_interval", "peer_notif_delay"),
    }
)
_VALUE = re.compile(r"[A-Za-z0-9_.,:+-]+")

# nm-settings-keyfile(5), "bridge setting": the range of each number.
_BRIDGE: dict[str, tuple[int, int]] = {
    "priority": (0, 65535),
    "forward-delay": (0, 30),
    "hello-time": (0, 10),
    "max-age": (0, 40),
    "ageing-time": (0, 1000000),
}
_SWITCHES = ("stp", "multicast-snooping")

Options = tuple[tuple[str, str], ...]
Refuse = Callable[..., Exception]


def bond_options(text: str, refuse: Refuse) -> Options:
    """Read `mode=active-backup,miimon=100`; with a semicolon anywhere, semicolons part the options."""
    found: dict[str, str] = {}
    for option in filter(None, text.split(";" if ";" in text else ",")):
        key, _, value = (part.strip() for part in option.partition("="))
        if key not in _BOND or not _VALUE.fullmatch(value):
            raise refuse(
                f"network --bondopts={option} is not supported",
                "mode=active-backup,miimon=100; use ; between options whose values have commas",
            )
        if key == "mode" and value not in _MODES and value not in map(str, range(len(_MODES))):
            raise refuse(f"network --bondopts: {value} is not a mode", ", ".join(_MODES))
        found[key] = value
    return tuple(found.items())


def bridge_options(text: str, refuse: Refuse) -> Options:
    """Read `stp=yes,priority=100`; the spanning tree is off unless it is switched on."""
    found = {"stp": "false"}
    for option in filter(None, text.split(",")):
        key, _, value = (part.strip() for part in option.partition("="))
        if key in _SWITCHES and value in ("yes", "no", "true", "false", "on", "off"):
            found[key] = "true" if value in ("yes", "true", "on") else "false"
        elif key in _BRIDGE and value.isascii() and value.isdigit():
            least, most = _BRIDGE[key]
            if not least <= int(value) <= most:
                raise refuse(f"network --bridgeopts={option}: {key} is from {least} to {most}")
            found[key] = value
        else:
            raise refuse(
                f"network --bridgeopts={option} is not supported",
                f"stp=yes or stp=no, {', '.join(_BRIDGE)}, multicast-snooping",
            )
    return tuple(found.items())
