from __future__ import annotations

import contextlib

import pytest
from edgelinux_installer.kickstart import SUPPORTED, KickstartError, Network, TimeSource, read_kickstart
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@example"

WHOLE = f"""\
# a comment
text
lang en_US.UTF-8
keyboard --vckeymap=de
timezone Europe/Berlin
timesource --ntp-server=a.example --nts
timesource --ntp-pool=b.example
network --hostname=edge1.example
network --device=br0 --bridgeslaves=link --bridgeopts=stp=yes --bootproto=static --ip=192.0.2.10 \
--netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.1,2001:db8::1
rootpw --iscrypted '$6$salt$hash'
user --name=admin --groups=wheel,adm --plaintext --password=secret --uid=1500 --shell=/bin/sh
sshkey --username=root '{KEY}'
sshkey --username=root '{KEY} 2'
firewall --enabled --port=8006:tcp,53:udp --service=ssh
services --enabled=a,b --disabled=c
bootloader --append='console=tty0 console=ttyS0,115200'
zerombr
clearpart --all --drives=vda,vdb
ignoredisk --only-use=vda,vdb
eula --agreed
firstboot --disable
skipx
poweroff
%addon edgelinux_zfs
pool = antlets
layout = mirror
# how many
disks = 2
select = /dev/disk/by-id/foo*, /dev/vda
%end
%packages
@^minimal
@core
sudo
-gnome
%end
%pre --log=/tmp/pre.log
echo pre
%end
%post --nochroot --interpreter=/bin/bash --erroronfail
echo 100%
%done is no section
%end
"""


def test_a_whole_kickstart() -> None:
    ks = read_kickstart(WHOLE, "ks.cfg")
    assert (ks.lang, ks.keyboard, ks.timezone, ks.utc) == ("en_US.UTF-8", "de", "Europe/Berlin", False)
    assert ks.timesources == (
        TimeSource("a.example", "server", nts=True, line=6),
        TimeSource("b.example", "pool", line=7),
    )
    assert ks.hostname == "edge1.example"
    assert ks.networks == (
        Network(
            device="br0",
            ports=("link",),
            stp=True,
            bootproto="static",
            ip="192.0.2.10",
            netmask="255.255.255.0",
            gateway="192.0.2.1",
            nameservers=("192.0.2.1", "2001:db8::1"),
            line=9,
        ),
    )
    assert ks.root is not None
    assert (ks.root.password, ks.root.crypted, ks.root.locked) == ("$6$salt$hash", True, False)
    assert [(user.name, user.groups, user.uid, user.crypted) for user in ks.users] == [
        ("admin", ("wheel", "adm"), 1500, False)
    ]
    assert [key.key for key in ks.ssh_keys] == [KEY, f"{KEY} 2"]
    assert ks.firewall.ports == ("8006:tcp", "53:udp")
    assert (ks.services.enabled, ks.services.disabled) == (("a", "b"), ("c",))
    assert ks.bootloader.append == ("console=tty0", "console=ttyS0,115200")
    assert ks.zerombr
    assert ks.clearpart.erase
    assert ks.clearpart.drives == ks.only_use == ("vda", "vdb")
    assert (ks.zfs.layout, ks.zfs.disks) == ("mirror", 2)
    assert ks.zfs.select == ("/dev/disk/by-id/foo*", "/dev/vda")
    assert ks.packages.names == ("sudo",)
    assert ks.packages.excluded == ("gnome",)
    assert ks.packages.groups == ("@^minimal", "@core")
    pre, post = ks.scripts
    assert (pre.when, pre.log, pre.error_on_fail) == ("pre", "/tmp/pre.log", False)
    assert (post.when, post.chroot, post.interpreter, post.error_on_fail) == (
        "post",
        False,
        "/bin/bash",
        True,
    )
    assert post.text == "echo 100%\n%done is no section\n"
    assert ks.finish == "poweroff"


def test_the_empty_kickstart_is_one() -> None:
    ks = read_kickstart("", "ks.cfg")
    assert ks.finish == "reboot"
    assert not ks.clearpart.erase
    assert ks.utc
    assert ks.ntp


def test_a_line_with_the_host_name_only_configures_no_device() -> None:
    ks = read_kickstart("network --bootproto=dhcp\nnetwork --hostname=edge1\n", "ks.cfg")
    assert ks.hostname == "edge1"
    assert [network.device for network in ks.networks] == ["link"]


def test_passwords_are_not_shown() -> None:
    shown = repr(read_kickstart(WHOLE, "ks.cfg"))
    assert "secret" not in shown
    assert "$6$" not in shown


@pytest.mark.parametrize(
    ("word", "finish"),
    [("reboot", "reboot"), ("poweroff", "poweroff"), ("shutdown", "poweroff"), ("halt", "halt")],
)
def test_what_happens_at_the_end(word: str, finish: str) -> None:
    assert read_kickstart(word, "ks.cfg").finish == finish


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        # commands
        ("text\nfoo", 2, "foo is not a kickstart command (supported are: bootloader,"),
        ("text\nnetwrk --device=x", 2, "netwrk is not a kickstart command (did you mean network?"),
        (
            "part / --size=1",
            1,
            "part is not supported (disks are laid out by the section `%addon edgelinux_zfs`",
        ),
        (
            "url --url=http://x",
            1,
            "url is not supported (leave it out: the system comes from the booted medium",
        ),
        ("reboot\nlang C\npoweroff", 3, "poweroff repeats or contradicts line 1"),
        ("timezone UTC\n\ntimezone UTC", 3, "timezone repeats or contradicts line 1"),
        # options
        ("timezone UTC --isUtc", 1, "timezone --isUtc is not supported (RHEL 10 syntax has --utc)"),
        ("timezone UTC --ntpservers=a", 1, "`timesource --ntp-server=HOST`"),
        ("reboot --eject", 1, "reboot --eject is not supported"),
        ("clearpart --linux", 1, "clearpart --linux is not supported (clearpart --all"),
        ("network --mtu=9000", 1, "network --mtu is not supported (supported options: --activate,"),
        ("user --nam=x", 1, "user --nam is not supported"),
        ("rootpw --allow-ssh x", 1, "SSH takes keys only"),
        ("bootloader --location=mbr", 1, "every disk of the pool"),
        ("bootloader --timeout=5", 1, "waits 3 seconds"),
        ("user --name=x --uid=abc", 1, "invalid int value"),
        ("lang", 1, "required: <lang>"),
        ("zerombr yes", 1, "unrecognized arguments"),
        # values
        ("rootpw 'x", 1, "No closing quotation"),
        ("rootpw --iscrypted hello", 1, "the password is not a hash"),
        ("user --name=Admin", 1, "'Admin' is not an account name"),
        ("user --name=root", 1, "the account root exists"),
        ("user --name=a\nuser --name=a", 2, "already been defined"),
        ("user --name=a --homedir=../x", 1, "is not an absolute path"),
        ("user --name=a --gecos=x:y", 1, "cannot hold a colon"),
        ("user --name=a --groups=x,Y", 1, "'Y' is not a group name"),
        ("sshkey --username=root foo", 1, "this is not an SSH public key"),
        ("firewall --port=99999:tcp", 1, "is not a port"),
        ("firewall --service=gopher", 1, "firewall --service=gopher is not known"),
        ("services --enabled=a --disabled=a", 1, "both enables and disables a"),
        ("services --enabled=a;b", 1, "is not the name of a service"),
        ("bootloader --append='a;reboot'", 1, "is not a kernel argument"),
        ("bootloader --append=root=/dev/vda", 1, "is set by the installer"),
        ("timesource --ntp-server=a/b", 1, "is not a host name or address"),
        ("%pre --interpreter=sh\n%end", 0, ""),
        # network
        ("network --hostname=-a", 1, "'-a' is not a host name"),
        ("network --hostname=a\nnetwork --hostname=b", 2, "two host names: a, b"),
        ("network --device=eth0/1", 1, "is not a network device"),
        ("network --bootproto=static", 1, "needs --ip and --netmask"),
        ("network --ip=192.0.2.1", 1, "--bootproto is dhcp"),
        ("network --bootproto=static --ip=x --netmask=255.0.0.0", 1, "--ip=x is not an IP address"),
        ("network --bootproto=static --ip=192.0.2.1 --netmask=255.0.255.0", 1, "is not a netmask"),
        (
            "network --bootproto=static --ip=192.0.2.1 --netmask=255.255.255.0 --gateway=10.0.0.1",
            1,
            "the gateway 10.0.0.1 is not in the subnet 192.0.2.0/24",
        ),
        ("network --nameserver=x", 1, "--nameserver=x is not an IP address"),
        ("network --device=br0 --bridgeslaves=a,b", 1, "several NICs"),
        ("network --device=br0 --bridgeslaves=a --bridgeopts=priority=1", 1, "--bridgeopts=priority=1"),
        ("network --device=eth0\nnetwork --device=eth0", 2, "device eth0 is configured twice"),
        ("network --device=link\nnetwork --device=eth1", 1, "`link` leaves open which NIC it is"),
        # sections
        ("%foo\n%end", 1, "unknown section %foo (supported sections: %addon, %packages, %post, %pre)"),
        ("text\n%include /tmp/x", 2, "%include is not supported"),
        ("%ksappend http://x", 1, "%ksappend is not supported"),
        ("%post\n%include /x\n%end", 2, "%include is not supported"),
        ("%post --bla\n%end", 1, "%post --bla is not supported"),
        ("%post\necho", 2, "does not end with %end"),
        ("%packages --ignoremissing\n%end", 1, "%packages --ignoremissing is not supported"),
        ("%packages\n-\n%end", 2, "cannot be read"),
        ("%addon com_redhat_kdump\n%end", 1, "%addon com_redhat_kdump is not supported"),
        ("%addon edgelinux_zfs --x\n%end", 1, "takes no options"),
        ("%addon edgelinux_zfs\nraid = 5\n%end", 2, "unknown key 'raid' (the keys are: pool, layout"),
        ("%addon edgelinux_zfs\nlayout\n%end", 2, "expected `key = value`"),
        ("%addon edgelinux_zfs\nlayout = raidz\n%end", 2, "layout = raidz is not known"),
        ("%addon edgelinux_zfs\ndisks = two\n%end", 2, "disks = two is not a number"),
        ("%addon edgelinux_zfs\ndisks = 2\ndisks = 2\n%end", 3, "disks is given twice"),
        ("%addon edgelinux_zfs\npool = tank\n%end", 2, "pool = tank is not supported"),
        ("%addon edgelinux_zfs\nselect = a,,b\n%end", 2, "select is a comma-separated list"),
        ("%addon edgelinux_zfs\nlayout = single\ndisks = 2\n%end", 4, "layout = single has one disk"),
        ("%addon edgelinux_zfs\ndisks = 1\n%end", 3, "layout = mirror needs two disks"),
        ("%addon edgelinux_zfs\n%end\n%addon edgelinux_zfs\n%end", 3, "is given twice"),
    ],
)
def test_refusals_name_file_line_and_what_to_do(text: str, line: int, message: str) -> None:
    if not message:
        # A script without a body is no script, whatever its header says.
        assert read_kickstart(text, "ks.cfg").scripts == ()
        return
    with pytest.raises(KickstartError) as caught:
        read_kickstart(text, "ks.cfg")
    assert str(caught.value).startswith(f"ks.cfg:{line}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_refused_command_lists_the_supported_ones() -> None:
    with pytest.raises(KickstartError) as caught:
        read_kickstart("autopart", "ks.cfg")
    assert all(name in str(caught.value) for name in SUPPORTED)


WORDS = st.sampled_from(
    [*SUPPORTED, "%post", "%pre", "%end", "%addon edgelinux_zfs", "%packages", "\\", "'", '"']
)


@settings(deadline=None)
@given(
    st.lists(st.one_of(WORDS, st.text(max_size=20), st.just("--a=b"), st.just("\n")), max_size=20).map(
        " ".join
    )
)
def test_no_text_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(KickstartError):
        read_kickstart(text, "ks.cfg")
