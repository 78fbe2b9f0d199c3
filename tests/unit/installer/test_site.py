"""The site file: what is refused, where, and what comes out."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from edgelinux_build.medium.redact import redact
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.target import Target
from edgelinux_installer.interfaces import resolve
from edgelinux_installer.kickstart import read_kickstart
from edgelinux_installer.nics import Nic
from edgelinux_installer.site.model import Site, load_site, parse_site
from edgelinux_installer.site.render import TEMPLATES, render_kickstart
from edgelinux_installer.site.yaml_lines import YamlError
from hypothesis import given, settings
from hypothesis import strategies as st

HASH = "$6$0123456789abcdef$" + "a" * 86


def ssh_key(kind: str = "ssh-ed25519", comment: str = " me@example") -> str:
    blob = len(kind).to_bytes(4, "big") + kind.encode() + bytes(36)
    return f"{kind} {base64.b64encode(blob).decode()}{comment}"


KEY = ssh_key()


def problems(text: str) -> list[str]:
    with pytest.raises(YamlError) as caught:
        parse_site(text, "site.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # form
        ("a: [", "site.yaml:1: not valid YAML: "),
        ("hostname: a\n\tb: c", "site.yaml:2: not valid YAML: "),
        ("a: !!python/object:os.system x", "site.yaml:1: not valid YAML: "),
        ("- a", "site.yaml:1: is not a mapping; write `key: value` lines"),
        ("just text", "site.yaml:1: is not a mapping"),
        ("1: 2", "site.yaml:1: a key here is not a name"),
        ("disks:\n  wipe: true\n  wipe: false", "site.yaml:3: disks.wipe: is given twice, first on line 2"),
        ("disks: &d\n  select: *d", "an alias refers to what it stands in"),
        # keys
        ("hostnam: x", "site.yaml:1: hostnam: unknown key; did you mean hostname?"),
        ("disks:\n  raid: 5", "site.yaml:2: disks.raid: unknown key; the keys here are: select, count"),
        ("users:\n- name: a\n  sudoo: true", "site.yaml:3: users[0].sudoo: unknown key; did you mean sudo?"),
        ("users:\n- sudo: true", "site.yaml:2: users[0].name: is missing; add it"),
        # types
        ("hostname: 12", "site.yaml:1: hostname: expected text; put it in quotes"),
        (
            "network: {vlan: 30}",
            "site.yaml:1: network.vlan: a VLAN needs its NIC named; device: a name or a MAC address",
        ),
        ("network: {vlan: 5000}", "site.yaml:1: network.vlan: is not the number of a VLAN; 1 to 4094"),
        ("unattended: maybe", "site.yaml:1: unattended: expected true or false"),
        ("disks:\n\n  count: two", "site.yaml:3: disks.count: expected a whole number"),
        ("disks: {count: 0}", "site.yaml:1: disks.count: "),
        ("disks: {count: 5}", "disks.count: is too much; a mirror has two, three or four disks"),
        ("ntp: a.example", "site.yaml:1: ntp: expected a list"),
        ("disks: 2", "site.yaml:1: disks: expected keys with values"),
        # values
        ("hostname: a_b", "hostname: 'a_b' is not a host name"),
        (f"hostname: {'a' * 65}", "is not a host name"),
        ('hostname: "a\\nreboot"', "is not a host name"),
        ("finish: explode", "finish: unknown value 'explode'; one of: 'reboot', 'poweroff' or 'halt'"),
        ("timezone: Mars/Base", "timezone: 'Mars/Base' is not a time zone"),
        ("locale: english", "locale: 'english' is not a UTF-8 locale"),
        ("keyboard: 'us\\nreboot'", "keyboard: "),
        ("ntp: [a/b]", "ntp[0]: 'a/b' is not a host name"),
        ("serial_console: com1", "serial_console: 'com1' is not a serial console"),
        ("kernel_args: ['a b']", "kernel_args[0]: 'a b' is not a kernel argument"),
        ("kernel_args: ['a;b']", "is not a kernel argument"),
        ("kernel_args: ['root=/dev/sda']", "root=/dev/sda is set by the installer"),
        ("firewall: {ports: [8006]}", "firewall.ports[0]: expected text"),
        ("firewall: {ports: [99999/tcp]}", "firewall.ports[0]: '99999/tcp' is not a port"),
        ("disks: {select: [vda]}", "disks.select[0]: 'vda' is not a disk; a path or glob below /dev"),
        ("disks: {select: ['serial:']}", "disks.select[0]: 'serial:': serial: names nothing; serial:ABC*"),
        (
            "disks: {select: ['size>=4XB']}",
            "'size>=4XB': is not a comparison of sizes; size>=400GB; units: MB",
        ),
        ('disks: {select: ["model:a\\nb"]}', "is not a disk"),
        ("disks: {select: ['/dev/a,b']}", "is not a disk"),
        ("network: {device: 'a b'}", "network.device: 'a b' is not a network device"),
        (
            "root: {password_hash: hunter2}",
            "root.password_hash: this is not a password hash; put the output of",
        ),
        ("root: {password_hash: $1$abcdefgh$0123456789012345678901}", "this is not a password hash"),
        ("root: {ssh_keys: [hello]}", "root.ssh_keys[0]: this is not an SSH public key"),
        ("root: {ssh_keys: ['ssh-ed25519 AAAA']}", "the SSH public key is damaged"),
        ("root: {ssh_keys: ['ssh-ed25519 %%%%']}", "the SSH public key is damaged (not base64)"),
        ("root: {ssh_keys: ['-----BEGIN OPENSSH PRIVATE KEY-----']}", "this is a private key"),
        ("users: [{name: Bob}]", "users[0].name: 'Bob' is not an account name"),
        ("pre: |\n  %end", "pre: the script has a line '%end'"),
        ("post: |\n  cat <<X\n  %post\n  X", "post: the script has a line '%post'"),
        ("notify: ftp://server/", "notify.url: 'ftp://server/' is not an http or https URL; http://"),
        ("notify: 12", "site.yaml:1: notify: expected keys with values"),
        ("notify:\n  url: http://s\n  tokn: x", "site.yaml:3: notify.tokn: unknown key; did you mean token?"),
        ("notify:\n  url: https://s\n  cert: ab", "site.yaml:3: notify.cert: 'ab' is not the SHA-256 of a"),
        ("notify:\n  url: https://s\n  token: a b", "site.yaml:3: notify.token: the token is not one word"),
        # contradictions
        (f"notify:\n  url: http://s\n  cert: {'ab' * 32}", "site.yaml:3: notify.cert: only https has a"),
        (
            "disks:\n  layout: single\n  count: 2",
            "site.yaml:3: disks.count: layout single has one disk, not 2",
        ),
        ("disks:\n  count: 1", "site.yaml:2: disks.count: a mirror needs two disks or more"),
        ("disks:\n  select: [/dev/vda]", "site.yaml:2: disks.select: a mirror needs two disks or more"),
        ("disks: {select: [/dev/a, /dev/b, /dev/c], count: 2}", "2 disk(s) are asked for, select names 3"),
        ("disks: {select: [/dev/a], count: 2}", "2 disk(s) are asked for, select names 1"),
        ("disks: {select: [/dev/a*, /dev/a*]}", "a disk is named twice"),
        ("network:\n  bootproto: static", "site.yaml:2: network.bootproto: static needs an address"),
        (
            "network:\n  address: 192.0.2.1/24",
            "site.yaml:2: network.address: address is given, but bootproto is",
        ),
        ("network: {address: 192.0.2.1, bootproto: static}", "lacks the prefix of its subnet; 192.0.2.1/24"),
        (
            "network: {address: 192.0.2.0/24, bootproto: static}",
            "192.0.2.0 is the network or broadcast address",
        ),
        ("network: {address: nonsense, bootproto: static}", "is not an IPv4 address with its prefix"),
        (
            "network:\n  bootproto: static\n  address: 192.0.2.10/24\n  gateway: 192.0.3.1",
            "site.yaml:4: network.gateway: 192.0.3.1 is outside the subnet 192.0.2.0/24",
        ),
        (
            "network: {bootproto: static, address: 192.0.2.1/24, gateway: 192.0.2.1}",
            "is the host's own address",
        ),
        ("network: {bridge: eth0, device: eth0}", "network.bridge: 'eth0' cannot name the bridge"),
        ("users:\n- name: a\n- name: b\n- name: a", "site.yaml:4: users[2].name: the user a is given twice"),
        ("users: [{name: root}]", "users[0].name: root is no user to add"),
        ("unattended: true", "site.yaml:1: unattended: nobody could log in to the installed host"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(text: str, message: str) -> None:
    (line,) = problems(text)
    assert line.startswith("site.yaml:")
    assert message in line


def test_all_problems_are_told_at_once() -> None:
    found = problems("hostname: a_b\nfinish: explode\ndisks:\n  count: x\n")
    assert [line.split(": ")[0] for line in found] == ["site.yaml:1", "site.yaml:4", "site.yaml:2"]


def test_a_plain_password_is_not_repeated() -> None:
    assert "hunter2" not in problems("root: {password_hash: hunter2}")[0]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match=r"none\.yaml: cannot be read: No such file"):
        load_site(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"hostname: \xe4\n")
    with pytest.raises(YamlError, match=r"latin\.yaml: is not UTF-8 text"):
        load_site(tmp_path / "latin.yaml")


def test_no_site_file_and_an_empty_one_are_the_default(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("")
    assert load_site(None) == load_site(tmp_path / "site.yaml") == Site()


def test_the_number_of_disks() -> None:
    def number(text: str) -> int:
        return parse_site(f"disks: {{{text}}}", "site.yaml").disks.number

    assert number("") == 2
    assert number("layout: single") == 1
    assert number("count: 4") == 4
    assert number("select: [/dev/a, /dev/b, /dev/c]") == 3
    assert number("select: ['/dev/sd*']") == 2
    assert number("select: ['serial:A', 'serial:B', 'serial:C']") == 3
    assert number("select: ['model:A', 'size>=400GB']") == 2


# Rendering


def render(text: str) -> str:
    return render_kickstart(parse_site(text, "site.yaml"))


def test_the_default_kickstart() -> None:
    ks = read_kickstart(render_kickstart(Site()), "ks.cfg")
    assert ks.hostname == "edgelinux"
    assert ks.clearpart.erase == "nothing"
    assert (ks.zfs.layout, ks.zfs.disks, ks.zfs.select) == ("mirror", 2, ())
    assert ks.root is not None
    assert (ks.root.password, ks.root.crypted) == ("edgelinux", False)
    assert [script.text for script in ks.scripts] == ["chage -d 0 root\n"]
    assert ks.notices == ()
    assert ks.networks[0].device == "br0"
    assert ks.bootloader.append == ("console=tty0", "console=ttyS0,115200")
    assert ks.finish == "reboot"


@pytest.mark.parametrize("bridge", ["br0", None])
def test_a_vlan_has_the_addresses_or_is_the_bridges_port(bridge: str | None) -> None:
    nic = Nic("ens3", "52:54:00:00:00:01", carrier=True)
    network = {"device": nic.mac, "vlan": 30, "bridge": bridge}
    ks = read_kickstart(render(yaml.safe_dump({"network": network})), "ks.cfg")
    found = {one.name: one for one in resolve(ks, [nic])}
    assert (found["vlan30"].vlan, found["vlan30"].parent) == (30, "ens3")
    top = found["br0" if bridge else "vlan30"]
    assert top.network
    assert top.network.ipv4 == "dhcp"
    assert found["vlan30"].controller == (bridge or "")
    assert found["ens3"].network is None


def test_a_full_site() -> None:
    site = {
        "hostname": "edge1.example",
        "unattended": True,
        "disks": {"select": ["/dev/disk/by-id/a:b", "serial:S 1"], "wipe": True},
        "network": {
            "bootproto": "static",
            "address": "192.0.2.10/25",
            "gateway": "192.0.2.1",
            "nameservers": ["192.0.2.1", "2001:db8::1"],
            "bridge": None,
            "device": "ens3",
        },
        "timezone": "Europe/Berlin",
        "ntp": ["a.example", "2001:db8::2"],
        "locale": "de_DE.UTF-8",
        "keyboard": "de",
        "root": {"password_hash": HASH, "ssh_keys": [KEY, ssh_key("ssh-rsa", ' it\'s # "me" $HOME `x`')]},
        "users": [
            {"name": "admin", "password_hash": HASH, "ssh_keys": [KEY], "groups": ["a", "b"], "sudo": True},
            {"name": "robot", "ssh_keys": [KEY], "sudo": True},
        ],
        "serial_console": None,
        "kernel_args": ["mitigations=auto,nosmt"],
        "firewall": {"enabled": True, "ports": ["8006/tcp", "5900-5999/tcp"]},
        "pre": "echo pre\n",
        "post": "echo \"100%\" 'quotes' $HOME\n",
        "finish": "poweroff",
    }
    text = render(yaml.safe_dump(site))
    ks = read_kickstart(text, "ks.cfg")
    assert ks.hostname == "edge1.example"
    assert ks.zerombr
    assert ks.clearpart.erase == "everything"
    assert ks.zfs.select == ("/dev/disk/by-id/a:b", "serial:S 1")
    (network,) = ks.networks
    assert (network.device, network.ports, network.netmask) == ("ens3", (), "255.255.255.128")
    assert network.nameservers == ("192.0.2.1", "2001:db8::1")
    assert [source.host for source in ks.timesources] == ["a.example", "2001:db8::2"]
    assert ks.ssh_keys[1].key.endswith(' it\'s # "me" $HOME `x`')
    assert [(user.name, user.password, user.crypted, user.locked) for user in ks.users] == [
        ("admin", HASH, True, False),
        ("robot", "", False, True),
    ]
    assert ks.packages.names == ("sudo",)
    pre, sudo, post = sorted(ks.scripts, key=lambda script: (script.when == "post", script.line))
    assert pre.text == "echo pre\n"
    assert "'admin ALL=(ALL:ALL) ALL' > /etc/sudoers.d/admin" in sudo.text
    assert "'robot ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/robot" in sudo.text
    assert post.text == site["post"]
    assert post.error_on_fail
    assert ks.bootloader.append == ("console=tty0", "mitigations=auto,nosmt")
    assert ks.firewall.ports == ("8006:tcp", "5900-5999:tcp")
    assert ks.finish == "poweroff"


def test_root_without_password_is_locked() -> None:
    ks = read_kickstart(render(f"root: {{ssh_keys: ['{KEY}']}}"), "ks.cfg")
    assert ks.root is not None
    assert ks.root.locked
    assert ks.scripts == ()


def test_where_reports_go() -> None:
    ks = read_kickstart(render("notify: http://boot.example/report"), "ks.cfg")
    assert ks.notify == Target("http://boot.example/report")
    pin = ":".join(["AB"] * 32)
    text = render(f"notify: {{url: 'https://boot/r', cert: '{pin}', token: '1Yt0=#'}}")
    assert read_kickstart(text, "ks.cfg").notify == Target("https://boot/r", "ab" * 32, "1Yt0=#")
    assert "1Yt0" not in redact(text)


def test_values_cannot_begin_a_line() -> None:
    site = Site.model_construct(**(Site().__dict__ | {"hostname": "a\nclearpart --all"}))
    with pytest.raises(EdgeLinuxError, match="not one line of printable text"):
        render_kickstart(site)


def test_the_example_is_valid_and_says_the_defaults() -> None:
    text = (TEMPLATES / "site.example.yaml").read_text()
    site = parse_site(text, "site.example.yaml")
    assert site.model_copy(update={"hostname": "edgelinux", "disks": Site().disks}) == Site()
    assert site.disks.number == Site().disks.number
    for key in Site.model_fields:
        assert f"\n{key}:" in text


ACCOUNT = st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True)
NAME = st.from_regex(r"[a-z][a-z0-9]{0,10}(\.[a-z0-9]{1,9})?", fullmatch=True)
SAFE_TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=40)
SELECTION = st.one_of(
    st.from_regex(r"/dev/[a-z0-9/*?-]{1,20}", fullmatch=True),
    st.builds("{}:{}".format, st.sampled_from(["serial", "model"]), SAFE_TEXT),
    st.builds("size{}{}GB".format, st.sampled_from([">=", "<", ">", "<="]), st.integers(1, 9999)),
)
DISKS = st.fixed_dictionaries(
    {"wipe": st.booleans()},
    optional={
        "count": st.integers(1, 4),
        "select": st.lists(SELECTION, max_size=3),
        "layout": st.just("single"),
    },
)
SITES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "hostname": NAME,
        "disks": DISKS,
        "network": st.fixed_dictionaries(
            {
                "device": st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True),
                "bridge": st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True)),
            }
        ),
        "ntp": st.lists(NAME, max_size=3),
        "root": st.fixed_dictionaries(
            {"ssh_keys": st.lists(SAFE_TEXT.map(lambda text: ssh_key(comment=f" {text}")))}
        ),
        "users": st.lists(st.fixed_dictionaries({"name": ACCOUNT, "sudo": st.booleans()}), max_size=3),
        "kernel_args": st.lists(
            st.from_regex(r"[A-Za-z0-9_.,:=/@%+*!?~^\[\]-]+", fullmatch=True), max_size=3
        ),
        "post": st.text(max_size=60),
        "finish": st.sampled_from(["reboot", "poweroff", "halt"]),
    },
)


@settings(deadline=None, max_examples=60)
@given(SITES)
def test_a_valid_site_always_becomes_a_valid_kickstart(data: dict[str, Any]) -> None:
    try:
        site = parse_site(yaml.safe_dump(data, allow_unicode=True), "site.yaml")
    except YamlError:
        return
    ks = read_kickstart(render_kickstart(site), "ks.cfg")
    assert ks.hostname == site.hostname
    assert [key.key for key in ks.ssh_keys] == site.root.ssh_keys
    assert list(ks.zfs.select) == site.disks.select
    assert ks.clearpart.erase == ("everything" if site.disks.wipe else "nothing")


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_crashes_the_site_reader(text: str) -> None:
    try:
        parse_site(text, "site.yaml")
    except YamlError as error:
        assert all(line.startswith("site.yaml") for line in str(error).splitlines())  # noqa: PT017
