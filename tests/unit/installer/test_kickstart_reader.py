from __future__ import annotations

import contextlib

import pytest
from edgelinux_installer.kickstart import SUPPORTED, KickstartError, Network, TimeSource, read_kickstart
from edgelinux_installer.kickstart.supported import COMMANDS, SECTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.installer.refusals import REFUSALS
from tests.unit.installer.strategies import kickstart_lines, unreachable

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
            bridge_options=(("stp", "true"),),
            ipv4="static",
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
    assert ks.clearpart.erase == "everything"
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
    assert ks.clearpart.erase == "nothing"
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


@pytest.mark.parametrize(("text", "line", "message"), REFUSALS)
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
    for name, command in COMMANDS.items():
        if command.status == "refused":
            with pytest.raises(KickstartError) as caught:
                read_kickstart(name, "ks.cfg")
            assert f"ks.cfg:1: {name} is not supported ({command.note}" in str(caught.value)
            assert all(supported in str(caught.value) for supported in SUPPORTED)


def test_every_refused_option_says_what_to_use() -> None:
    for name, command in {**COMMANDS, **SECTIONS}.items():
        for option, entry in command.options.items() if command.status != "refused" else ():
            if entry.status == "refused":
                with pytest.raises(KickstartError) as caught:
                    read_kickstart(f"{name} {option}=1\n{'%end' if name[0] == '%' else ''}", "ks.cfg")
                assert str(caught.value) == f"ks.cfg:1: {name} {option} is not supported ({entry.note})"


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("graphical", "ks:1: graphical has no effect: there is no graphical installer"),
        ("eula --agreed", "ks:1: eula --agreed has no effect: there is no licence"),
        (
            "text\nlang C --addsupport=de_DE",
            "ks:2: lang --addsupport has no effect: the image has the locales",
        ),
        ("keyboard us --switch=x", "ks:1: keyboard --switch has no effect"),
        ("keyboard --xlayouts='de (nodeadkeys)'", "ks:1: keyboard: the console has one layout, de"),
        ("keyboard --xlayouts=us,de", "ks:1: keyboard: the console has one layout, us"),
        ("logging", "ks:1: logging has no effect: the log is /run/edgelinux/install.log"),
        ("autopart --nohome", "ks:1: autopart --nohome has no effect: /home is a dataset"),
        ("bootloader --boot-drive=sda", "--boot-drive has no effect: the boot loader goes onto every disk"),
        ("network --device=eth0 --activate", "network --activate has no effect: the live system uses DHCP"),
        ("%packages --nocore\n%end", "%packages --nocore has no effect: the image is the package set"),
        ("%traceback\nx\n%end", "ks:1: RHEL 10 deprecates %traceback: use %onerror"),
        ("%include /tmp/p\n%pre\nx\n%end", "ks:1: %include /tmp/p is read once the %pre scripts have run"),
    ],
)
def test_what_is_accepted_without_effect_is_told(text: str, notice: str) -> None:
    (told,) = read_kickstart(text, "ks").told()
    assert notice in told


def test_what_is_done_is_not_told() -> None:
    text = (
        "text\nautopart --noswap --nolvm\nmediacheck\nskipx\nfirstboot --disable\nbootloader --location=mbr\n"
    )
    assert read_kickstart(text, "ks").notices == ()


WORDS = st.sampled_from(
    [*SUPPORTED, "%post", "%pre", "%end", "%addon edgelinux_zfs", "%packages", "\\", "'", '"']
)


@settings(deadline=None, max_examples=150)
@given(st.lists(kickstart_lines(), max_size=8))
def test_no_lines_crash_the_reader(lines: list[str]) -> None:
    for after_pre in (False, True):
        try:
            ks = read_kickstart("\n".join(lines), "ks.cfg", get=unreachable, after_pre=after_pre)
        except KickstartError as error:
            assert str(error).startswith("ks.cfg")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert all(told.startswith("ks.cfg:") for told in ks.told())


@settings(deadline=None)
@given(
    st.lists(st.one_of(WORDS, st.text(max_size=20), st.just("--a=b"), st.just("\n")), max_size=20).map(
        " ".join
    )
)
def test_no_text_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(KickstartError):
        read_kickstart(text, "ks.cfg", get=unreachable)
