"""A container's configuration (lxc.container.conf(5)), generated from its specification and domain XML.

It includes nothing: what holds is what is written here, on every base.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.lxc.cgroup import PARTS, cgroup_path
from edgelinux_hostd.runtime.lxc.domain import Domain, Mount, parse_domain
from edgelinux_hostd.runtime.lxc.facts import GENERATED, Facts
from edgelinux_hostd.runtime.lxc.limits import limits, pick_cpus

__all__ = ["DIRECTORY", "first_id", "render_config"]

# One directory each: config, log, and what liblxc puts there itself.
DIRECTORY = "/run/edgelinux/lxc"

# hostd/lxc/.
_LIMITS = "/usr/lib/edgelinux/lxc-limits"
_REBOOT = "/usr/lib/edgelinux/lxc-reboot"

_IDS = 0x10000
# systemd's UIDS-GIDS.md: from here to 0x7FFDFFFF nobody gives out ids (systemd-nspawn's end below, foreign
# ids begin above), and subordinate ids of login.defs(5) end at 600,100,000. All is below 2^31.
_FIRST = 0x70000000

# The guest's, unless its XML says another; the unit's is the host's and has not even /usr/bin.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What reaches the host's kernel, clock or hardware from a container whose root is the host's.
_NEVER = ("mac_admin", "mac_override", "sys_module", "sys_rawio")
_DROPPED = (*_NEVER, "sys_time")
# They give nothing in a user namespace, but systemd takes them for leave to mount debugfs and load modules.
_MISLEADING = ("sys_module", "sys_rawio")

# Character devices that programs need: null, zero, full, random, urandom, tty, console, ptmx, pts, fuse.
_DEVICES = ("1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2", "136:*", "10:229")


def first_id(number: int) -> int:
    """Give the host's user and group id that are 0 inside antlet N: each antlet has 65,536 of its own."""
    return _FIRST + numbers.check_number(number) * _IDS


def render_config(launch: Launch, facts: Facts) -> str:
    """Write the configuration of an antlet. Raises InvalidError."""
    spec = launch.spec
    domain = parse_domain(launch.xml, spec.name, launch.directory)
    lines = ["# Written at each start; what an antlet shall be is in its antlet.yaml and antlet.xml.j2."]
    for key, value in _items(spec, domain, facts):
        if any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):
            raise InvalidError(f"antlet {spec.name}: {key} cannot be {value!r}", hint="one line of text")
        lines.append(f"{key} = {value}")
    return "\n".join(lines) + "\n"


def _items(spec: AntletSpec, domain: Domain, facts: Facts) -> Iterator[tuple[str, str]]:
    yield "lxc.uts.name", spec.name
    yield "lxc.rootfs.path", f"dir:{domain.rootfs}"
    if not domain.privileged:
        # The mount is mapped, so files keep their owners: a clone takes no time, whatever its number is.
        yield "lxc.rootfs.options", "idmap=container"
        for kind in "ug":
            yield "lxc.idmap", f"{kind} 0 {first_id(spec.number)} {_IDS}"
    yield "lxc.init.cmd", _command(spec, domain)
    if domain.directory:
        yield "lxc.init.cwd", domain.directory
    for name, value in {"PATH": _PATH, **dict(domain.environment)}.items():
        yield "lxc.environment", f"{name}={value}"
    # No lxc.signal.halt: liblxc sees whether init is systemd and sends what it understands.
    # /sys read-only tells systemd that devices are the host's business: no udev to wait for.
    yield "lxc.mount.auto", f"proc:mixed sys:mixed{' cgroup:mixed' if domain.privileged else ''}"
    for mount in domain.mounts:
        yield "lxc.mount.entry", _mount(mount, domain.privileged)
    yield "lxc.autodev", "1"
    yield "lxc.tty.max", "0"
    yield "lxc.pty.max", "1024"
    yield "lxc.console.buffer.size", "64KB"
    yield from _confinement(domain, facts)
    # In the unit's cgroup, so that systemd knows what is the antlet's.
    for part in PARTS:
        yield f"lxc.cgroup.dir.{part}", f"{cgroup_path(spec.name)}/{part}"
    cpus = pick_cpus(facts.cpus, facts.busy, spec.cpu)
    for file, value in limits(spec, domain, cpus).files:
        yield f"lxc.cgroup2.{file}", value
    # A reboot from inside would go back to the limits of the start; live.py writes down newer ones.
    yield "lxc.hook.start-host", _LIMITS
    yield "lxc.hook.post-stop", _REBOOT
    yield from _nics(spec)


def _command(spec: AntletSpec, domain: Domain) -> str:
    for word in domain.init:
        # liblxc knows quotes, but nothing that takes one away from a quote.
        if '"' in word or "'" in word:
            raise InvalidError(f"antlet {spec.name}: init cannot be run with quotes: {word}")
    if not domain.init[0].startswith("/"):
        raise InvalidError(f"antlet {spec.name}: init {domain.init[0]!r} is no absolute path")
    return " ".join(f'"{word}"' if not word or " " in word else word for word in domain.init)


def _mount(mount: Mount, privileged: bool) -> str:
    target = _fstab(mount.target.lstrip("/"))
    options = ["ro"] if mount.readonly else []
    if mount.source is None:
        options += ["nosuid", "nodev", f"size={mount.size}"]
        return f"tmpfs {target} tmpfs {','.join(options)},create=dir 0 0"
    if not privileged:
        options.append("idmap=container")
    return f"{_fstab(str(mount.source))} {target} none {','.join(['bind', *options])},create=dir 0 0"


def _fstab(text: str) -> str:
    """Escape as fstab(5) wants it."""
    return "".join(f"\\{ord(char):03o}" if char in " \t\\#" else char for char in text)


def _confinement(domain: Domain, facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.seccomp:
        yield "lxc.seccomp.profile", facts.seccomp
    if facts.apparmor:
        profile = GENERATED if domain.privileged else facts.apparmor
        yield "lxc.apparmor.profile", profile
        if profile == GENERATED and not domain.privileged:
            # systemd mounts for its services' sandboxes; in a user namespace it may, on what is its own.
            yield "lxc.apparmor.allow_nesting", "1"
    if domain.capabilities == "deny":
        kept = [name for name in domain.on if not domain.privileged or name not in _NEVER]
        yield "lxc.cap.keep", " ".join(kept) or "none"
    else:
        dropped = set(domain.off)
        if domain.privileged:
            policy = _DROPPED if domain.capabilities == "default" else _NEVER
            dropped |= {name for name in policy if name in _NEVER or name not in domain.on}
        else:
            dropped |= {*_MISLEADING} - {*domain.on}
        if dropped:
            yield "lxc.cap.drop", " ".join(sorted(dropped))
    if domain.privileged:
        yield "lxc.cgroup2.devices.deny", "a"
        for kind in "cb":
            yield "lxc.cgroup2.devices.allow", f"{kind} *:* m"
        for device in _DEVICES:
            yield "lxc.cgroup2.devices.allow", f"c {device} rwm"


def _nics(spec: AntletSpec) -> Iterator[tuple[str, str]]:
    if not spec.nics:
        # With nothing said about networks, a container would have the host's.
        yield "lxc.net.0.type", "empty"
    for card, nic in enumerate(spec.nics):
        for key, value in _nic(spec, nic, card):
            yield f"lxc.net.{card}.{key}", value


def _nic(spec: AntletSpec, nic: Nic, card: int) -> Iterator[tuple[str, str]]:
    yield "type", "veth"
    yield "link", numbers.NETWORK if nic.type == "network" else nic.source
    yield "veth.pair", numbers.port(spec.number, card)
    yield "name", f"eth{card}"
    yield "hwaddr", nic.mac or numbers.mac(spec.number, card)
    yield "flags", "up"
    if nic.address:
        yield "ipv4.address", nic.address
        if nic.gateway:
            yield "ipv4.gateway", nic.gateway
