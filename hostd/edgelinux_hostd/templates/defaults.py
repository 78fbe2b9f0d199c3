"""The XML of a template that is imported without any: a container, or a machine with one disk."""

from __future__ import annotations

from edgelinux_hostd.antlets.spec import Kind

__all__ = ["default_xml"]

_COMMON = """  <name>{{name}}</name>
  <memory unit='MiB'>{{ram}}</memory>
  <vcpu>{{cpu}}</vcpu>
"""

_NIC = """    <interface type='network'>
      <mac address='b2:61:6e:73:6c:{{iphex}}'/>
      <source network='bblv'/>
      <model type='virtio'/>
    </interface>
"""

_LXC = f"""<domain type='lxc'>
{_COMMON}  <os>
    <type>exe</type>
    <init>/sbin/init</init>
  </os>
  <devices>
    <filesystem type='mount'>
      <source dir='/antlets/{{{{name}}}}/rootfs'/>
      <target dir='/'/>
    </filesystem>
{_NIC}    <console type='pty'/>
  </devices>
</domain>
"""

# A screen besides the serial console: nothing is known of the guest.
_KVM = f"""<domain type='kvm'>
{_COMMON}  <os>
    <type machine='pc'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <cpu mode='maximum'/>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' discard='unmap'/>
      <source file='/antlets/{{{{name}}}}/disks/disk0.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
{_NIC}    <serial type='pty'/>
    <console type='pty'/>
    <graphics type='vnc'>
      <listen type='socket'/>
    </graphics>
    <video>
      <model type='vga'/>
    </video>
    <rng model='virtio'>
      <backend model='builtin'/>
    </rng>
  </devices>
</domain>
"""


def default_xml(kind: Kind) -> str:
    """Give the template XML for a kind."""
    return _LXC if kind == "lxc" else _KVM
