"""What a new host tells on its consoles: the facts, the next step, the text, and where it is shown."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from edgelinux_hostd.announce.facts import Facts, fingerprints, gather, parse_addresses
from edgelinux_hostd.announce.logins import Login, next_steps, read_logins
from edgelinux_hostd.announce.show import show
from edgelinux_hostd.announce.text import block, find_announcement, issue, plain
from edgelinux_hostd.sshkeys import fingerprint
from edgelinux_hostd.terminals import console_names, write_to_terminal

from tests.unit.hostd.conftest import Programs

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
FINGERPRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU (ED25519)"
FACTS = Facts(
    product="edgeLinux OS",
    version="2.1.0",
    base="Base 1",
    hostname="edge1",
    addresses={"br0": ("192.0.2.10", "2001:db8::10"), "eth10": ("198.51.100.1",)},
    fingerprints=(FINGERPRINT,),
    next=("ssh root@192.0.2.10", "antlet create"),
)


# Facts


def test_addresses_a_person_could_use(recorded: Callable[[str], str]) -> None:
    assert parse_addresses(recorded("ip-address.json")) == {"br0": ("192.0.2.10", "2001:db8::10")}
    assert parse_addresses("") == {}


def test_the_antlets_network_is_no_way_to_the_host() -> None:
    link = '{"ifname": "%s", "addr_info": [{"local": "10.1.1.1", "scope": "global"}]}'
    names = ("lo", "bblv", "antlet25-1", "vnet0", "br0")
    assert list(parse_addresses("[" + ",".join(link % name for name in names) + "]")) == ["br0"]


def test_ipv4_comes_first() -> None:
    assert FACTS.all_addresses == ("192.0.2.10", "198.51.100.1", "2001:db8::10")


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"etc/ssh/ssh_host_{kind}_key"
    path.parent.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", path], check=True)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True)
    _, sha, *_, kind_shown = shown.stdout.split()
    assert fingerprints(tmp_path) == (f"{sha} {kind_shown}",)


def test_ed25519_is_the_first_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "etc/ssh").mkdir(parents=True)
    ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY="
    for kind, text in (("ecdsa", ecdsa), ("ed25519", f"{ED25519} root@edge1"), ("odd", "nonsense")):
        (tmp_path / f"etc/ssh/ssh_host_{kind}_key.pub").write_text(text + "\n")
    assert [one.partition(" ")[2] for one in fingerprints(tmp_path)] == ["(ED25519)", "(ECDSA)"]
    assert fingerprint("ssh-ed25519 %%%%") == ""


def host(root: Path, shadow: str = "root:*:1::::::\n", *keys: str, cmdline: str = "edgelinux.pool=7") -> Path:
    """A host's tree, with SSH keys for those who are named."""
    (root / "etc").mkdir(parents=True)
    (root / "proc").mkdir()
    (root / "proc/cmdline").write_text(f"quiet {cmdline}\n")
    (root / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/false\n"
        "operator1:x:1000:1000::/home/operator1:/bin/bash\nnobody:x:65534:65534::/none:/bin/false\n"
    )
    (root / "etc/shadow").write_text(shadow)
    for name in keys:
        home = root / ("root" if name == "root" else f"home/{name}")
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh/authorized_keys").write_text(f"# mine\n{ED25519} me\n")
    return root


def test_who_can_log_in(tmp_path: Path) -> None:
    shadow = "root:!$y$locked:1::::::\ndaemon:*:1::::::\noperator1:$y$hash:0::::::\n"
    assert read_logins(host(tmp_path / "a", shadow, "root")) == (
        Login("root", key=True),
        Login("operator1", password=True, expired=True),
    )
    assert read_logins(tmp_path / "nothing") == ()


def test_a_file_of_comments_lets_nobody_in(tmp_path: Path) -> None:
    (host(tmp_path / "a", "", "root") / "root/.ssh/authorized_keys").write_text("# none\n\n")
    assert not any(login.key for login in read_logins(tmp_path / "a"))


CREATE = "antlet template list; antlet create NAME --template TEMPLATE --start"


@pytest.mark.parametrize(
    ("logins", "addresses", "steps"),
    [
        ([Login("root", key=True)], ["192.0.2.10"], ["ssh root@192.0.2.10", CREATE]),
        ([Login("root"), Login("me", key=True)], ["192.0.2.10"], ["ssh me@192.0.2.10", CREATE]),
        (
            [Login("root", password=True, expired=True)],
            ["192.0.2.10"],
            [
                "log in here as root, and change the password",
                "put an SSH key into /root/.ssh/authorized_keys: SSH takes no passwords",
                CREATE,
            ],
        ),
        (
            [Login("root"), Login("me", password=True)],
            ["192.0.2.10"],
            [
                "log in here as me",
                "put an SSH key into /home/me/.ssh/authorized_keys: SSH takes no passwords",
                CREATE,
            ],
        ),
        (
            [Login("root", key=True, password=True)],
            [],
            [
                "connect a cable, or set an address with nmcli: there is none",
                "log in here as root",
                CREATE,
            ],
        ),
        (
            [Login("root")],
            ["192.0.2.10"],
            ["install again with root.ssh_keys: nobody has a password or an SSH key"],
        ),
    ],
)
def test_the_next_step(logins: list[Login], addresses: list[str], steps: list[str]) -> None:
    assert list(next_steps(logins, addresses)) == steps
    # Beside `next: ` on a terminal of 80 columns.
    assert all(len(step) <= 74 for step in steps)


def test_a_host_is_looked_at(
    tmp_path: Path, programs: Programs, recorded: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.answers["ip"] = (0, recorded("ip-address.json"), "")
    monkeypatch.setattr("socket.gethostname", lambda: "edge1")
    root = host(tmp_path / "host", "root:*:1::::::\n", "root")
    (root / "etc/ssh").mkdir()
    (root / "etc/ssh/ssh_host_ed25519_key.pub").write_text(ED25519)
    image = root / "usr/lib/edgelinux/image.json"
    image.parent.mkdir(parents=True)
    image.write_text('{"product": "edgeLinux OS", "version": "2.1.0", "base_label": "Base 1"}')
    found = gather(root)
    assert (found.title, found.hostname, found.live) == ("edgeLinux OS 2.1.0 (Base 1)", "edge1", False)
    assert found.next[0] == "ssh root@192.0.2.10"
    assert found.fingerprints == (f"{fingerprint(ED25519)} (ED25519)",)


def test_a_live_system_tells_its_addresses_only(
    tmp_path: Path, programs: Programs, recorded: Callable[[str], str]
) -> None:
    programs.answers["ip"] = (0, recorded("ip-address.json"), "")
    found = gather(host(tmp_path / "live", "", "root", cmdline="rd.live.image"))
    assert (found.live, found.next, found.fingerprints) == (True, (), ())
    assert found.addresses


# Text


def test_the_banner() -> None:
    assert issue(FACTS) == (
        "\nedgeLinux OS 2.1.0 (Base 1)\nhost edge1\n"
        "  br0    192.0.2.10  2001:db8::10\n"
        "  eth10  198.51.100.1\n"
        f"  {FINGERPRINT}\n"
        "next: ssh root@192.0.2.10\n"
        "      antlet create\n\n"
    )


def test_the_banner_without_anything() -> None:
    assert issue(Facts(hostname="a\\n")) == "\nedgeLinux OS\nhost a\\\\n\n  no network address yet\n\n"


def test_a_console_log_holds_the_announcement() -> None:
    lines = ["edge1 login: ", *block(FACTS), "[   99.1] a kernel message", "edge1 login: "]
    found = find_announcement(lines)
    assert found is not None
    assert (found.product, found.hostname) == (FACTS.title, "edge1")
    assert (found.addresses, found.fingerprints, found.next) == (
        FACTS.addresses,
        FACTS.fingerprints,
        FACTS.next,
    )
    assert plain(found) == plain(FACTS)


def test_lines_of_others_in_between_do_no_harm() -> None:
    lines = [text for line in block(FACTS) for text in (f"edge1 login: {line}", "[   99.1] a message")]
    found = find_announcement(lines)
    assert found is not None
    assert found.addresses == FACTS.addresses


def test_half_an_announcement_is_none() -> None:
    assert find_announcement(block(FACTS)[:-1]) is None
    assert find_announcement(block(FACTS)[1:]) is None
    assert find_announcement(["edgeLinux installer: starting"]) is None


def test_of_two_announcements_the_later_counts() -> None:
    later = Facts(hostname="edge2", addresses={"br0": ("192.0.2.99",)})
    found = find_announcement([*block(FACTS), *block(later), *block(FACTS)[:3]])
    assert found is not None
    assert found.hostname == "edge2"


# Where it is shown


def test_it_is_told_once_in_a_boot_and_kept_above_the_prompt(tmp_path: Path, programs: Programs) -> None:
    issue_file, said = tmp_path / "issue.d/edgelinux.issue", tmp_path / "run/announced"
    ours, theirs = pty.openpty()
    console = Path(os.ttyname(theirs))

    def again(facts: Facts) -> None:
        show(facts, [console, tmp_path / "no-such-console"], issue_file=issue_file, said=said)

    again(Facts(hostname="edge1"))
    assert "no network address yet" in issue_file.read_text()
    assert not said.exists()
    again(FACTS)
    again(FACTS)
    told = os.read(ours, 65536).decode()
    os.set_blocking(ours, False)
    later = Facts(**{**vars(FACTS), "addresses": {"br0": ("192.0.2.77",)}})
    again(later)
    with pytest.raises(BlockingIOError):
        os.read(ours, 1)
    os.close(ours)
    os.close(theirs)
    assert told.count("edgeLinux: product") == 1
    assert find_announcement(told.splitlines()) is not None
    assert "192.0.2.77" in issue_file.read_text()
    assert programs.ran == [["agetty", "--reload"]] * 3


def test_a_live_system_tells_nothing_on_its_consoles(tmp_path: Path, programs: Programs) -> None:
    live = Facts(**{**vars(FACTS), "live": True})
    show(live, [tmp_path / "console"], issue_file=tmp_path / "issue.d/x", said=tmp_path / "said")
    assert [path.name for path in tmp_path.iterdir()] == ["issue.d"]


def test_a_console_that_takes_nothing_is_left_alone() -> None:
    ours, theirs = pty.openpty()
    assert not write_to_terminal(Path(os.ttyname(theirs)), "x" * 200_000, patience=0.1)
    os.close(ours)
    os.close(theirs)


def test_consoles_are_those_of_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "active").write_text("tty0 ttyS0\n")
    assert console_names(tmp_path / "active") == ("tty0", "ttyS0")
    assert console_names(tmp_path / "none") == ()


@pytest.mark.parametrize("module", ["show", "up"])
def test_it_starts_without_what_takes_seconds_to_load(module: str) -> None:
    code = (
        f"import sys, edgelinux_hostd.announce.{module}; "
        "print(*{'click', 'fastapi', 'pydantic', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"
