"""What boot loaders are told, machine by machine."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.pxe.server import ServerConfig, State
from edgelinux_build.pxe.server.again import ask_again
from edgelinux_build.pxe.server.neighbours import neighbour
from edgelinux_build.pxe.server.secondstage import (
    Boot,
    grub_disk,
    grub_install,
    ipxe_disk,
    ipxe_install,
)
from edgelinux_build.sites import load_sites
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.grub import SCRIPT_CHECK
from tests.unit.build.pxe_server.conftest import MAC, OTHER, Lab, make_site

BOOT = Boot("edgeLinux OS 2.1.0: installing $it \"'`", "http://192.0.2.1/medium", "a=b console=ttyS0,115200")


def check_grub(text: str, tmp_path: Path) -> None:
    script = tmp_path / "grub.cfg"
    script.write_text(text)
    done = subprocess.run([SCRIPT_CHECK, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_grub_understands_what_it_is_told(tmp_path: Path) -> None:
    check_grub(grub_install(BOOT), tmp_path)
    check_grub(grub_disk("52:54:00:00:00:01 is installed; $(rm) `x` \"': not again."), tmp_path)


def test_grub_loads_kernel_and_initramfs_from_the_medium() -> None:
    lines = [
        line.strip() for line in grub_install(replace(BOOT, base="(http,192.0.2.1)/medium")).splitlines()
    ]
    assert 'echo "edgeLinux OS 2.1.0: installing  it    "' in lines
    assert "if linux (http,192.0.2.1)/medium/boot/vmlinuz a=b console=ttyS0,115200; then" in lines
    assert "if initrd (http,192.0.2.1)/medium/boot/initramfs.img; then" in lines


def test_grub_starts_the_disk() -> None:
    lines = [line.strip() for line in grub_disk("is installed").splitlines()]
    efi = lines[lines.index('if [ "$grub_platform" = "efi" ]; then') :]
    # Without, shim takes the card for where it came from, and asks the network for GRUB.
    start = efi.index("if chainloader ($disk)/EFI/BOOT/BOOTX64.EFI; then")
    assert efi[start - 1] == "set root=$disk"
    # What another boot loader would start is not known: a stick's may install unattended.
    assert [line for line in lines if line.startswith("search")] == [
        "search --no-floppy --set=disk --file /edgelinux/grub.cfg"
    ]
    # An error, or firmware would not go on to the next in its boot order.
    assert "exit 1" in efi
    assert lines[-4:] == ["if chainloader +1; then", "boot", "fi", "exit"]


def test_ipxe_installs_and_starts_the_disk() -> None:
    lines = ipxe_install(BOOT).splitlines()
    assert lines[0] == "#!ipxe"
    kernel = "kernel http://192.0.2.1/medium/boot/vmlinuz initrd=initramfs.img"
    assert f"{kernel} a=b console=ttyS0,115200 || goto wrong" in lines
    assert "initrd --name initramfs.img http://192.0.2.1/medium/boot/initramfs.img || goto wrong" in lines
    disk = ipxe_disk("is installed").splitlines()
    assert disk[0] == "#!ipxe"
    assert "sanboot --no-describe --drive 0x80 || goto firmware" in disk
    assert disk[-1] == "exit 1"


@pytest.mark.parametrize("word", ["a;reboot", "a=$x", "a='b'", 'a="b"', "a|b", "a&b", "${net0/mac}", "a{b}"])
def test_a_command_line_that_a_boot_loader_would_take_for_its_own(word: str) -> None:
    with pytest.raises(EdgeLinuxError, match="cannot stand in a boot menu"):
        Boot("x", "http://192.0.2.1/medium", f"quiet {word}")


def test_a_machine_gets_its_own_command_line(lab: Lab, tmp_path: Path) -> None:
    answer = lab.get(f"/boot/grub.cfg?mac={MAC.upper().replace(':', '-')}")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    check_grub(answer.text, tmp_path)
    server = lab.server
    for word in (
        f"inst.ks={server.https_url}/ks",
        f"edgelinux.cert={server.fingerprint}",
        f"edgelinux.notify={server.https_url}/report",
        f"edgelinux.medium={server.http_url}/medium",
        "BOOTIF=01-52-54-00-00-00-01",
        "console=ttyS0,115200",
        "edgelinux.install;",
    ):
        assert word in answer.text.split()
    port = server.http_url.rpartition(":")[2]
    assert f"linux (http,127.0.0.1:{port})/medium/boot/vmlinuz " in answer.text


def test_ipxe_gets_the_same(lab: Lab) -> None:
    text = lab.get(f"/boot/ipxe?mac={MAC}").text
    assert f"kernel {lab.server.http_url}/medium/boot/vmlinuz initrd=initramfs.img root=live:" in text
    assert "edgelinux.install || goto wrong" in text


@pytest.mark.parametrize("query", ["", "?mac=", "?mac=52:54", "?mac=00:00:00:00:00:00", "?mac=../../etc"])
def test_a_boot_request_of_nobody(lab: Lab, query: str) -> None:
    assert lab.get(f"/boot/grub.cfg{query}").status_code == 400
    assert lab.server.events.machines() == ()


def test_a_question_for_the_menus_size_costs_no_token(lab: Lab) -> None:
    token = lab.boot()
    with lab.client(lab.server.http_url) as client:
        assert client.head(f"/boot/grub.cfg?mac={MAC}").status_code == 405
    assert lab.kickstart(token).status_code == 200


def test_the_address_may_have_the_kind_of_card_in_front(lab: Lab) -> None:
    assert lab.boot("01-52-54-00-00-00-01")
    assert lab.machine().mac == MAC


def test_an_installed_machine_boots_from_its_disk_until_somebody_says_again(lab: Lab, tmp_path: Path) -> None:
    token = lab.boot()
    assert lab.kickstart(token).status_code == 200
    # Given its kickstart and silent since: perhaps installed, in any case not to be erased by itself.
    assert lab.boot() == ""
    assert lab.report(token, "success").status_code == 204
    answer = lab.get(f"/boot/grub.cfg?mac={MAC}").text
    check_grub(answer, tmp_path)
    assert "edgelinux.token" not in answer
    assert "chainloader" in answer
    assert f"{MAC} is installed: not installed again. Starting from its disk." in answer
    assert "sanboot" in lab.get(f"/boot/ipxe?mac={MAC}").text
    ask_again(lab.config.state_dir, MAC.upper())
    assert lab.boot()
    assert (lab.machine().state, lab.machine().taken) == (State.LOADING, False)
    # Once: the file is used up.
    assert not list((lab.config.state_dir / "again").iterdir())


def test_all_that_survives_a_restart_of_the_server(lab: Lab) -> None:
    token = lab.boot()
    assert lab.kickstart(token).status_code == 200
    pin = lab.server.fingerprint
    lab.restart()
    assert lab.server.fingerprint == pin
    assert lab.machine().state is State.GIVEN
    assert lab.boot() == ""
    assert lab.kickstart(token).status_code == 410
    assert lab.report(token, "success").status_code == 204


def test_again_as_an_option(lab: Lab) -> None:
    lab.kickstart(lab.boot())
    lab.restart(again=frozenset({MAC}))
    assert lab.boot()
    with pytest.raises(EdgeLinuxError, match="'52:54' is not a MAC address"):
        lab.restart(again=frozenset({"52:54"}))


def test_a_machine_without_a_kickstart_boots_from_its_disk(lab: Lab, tmp_path: Path) -> None:
    make_site(tmp_path / "some", OTHER.replace(":", "-"), "second")
    lab.restart(sites=load_sites(tmp_path / "some"))
    assert lab.boot(MAC) == ""
    assert lab.machine().state is State.NOTHING
    assert lab.machine().event == "boots from disk: no kickstart for this machine"
    assert lab.boot(OTHER)


def test_without_sites_every_machine_boots_from_its_disk(lab: Lab) -> None:
    lab.restart(sites=None)
    assert lab.boot() == ""


def test_a_kickstart_by_serial_number(lab: Lab, tmp_path: Path) -> None:
    make_site(tmp_path / "some", "serial-SRV-9", "ninth")
    lab.restart(sites=load_sites(tmp_path / "some"))
    # The boot loader said it.
    assert lab.boot(MAC, query="&serial=SRV-9&uuid=")
    assert lab.boot(OTHER, query="&serial=SRV-8&uuid=") == ""
    # It did not: the installer has to ask, once.
    third = "52:54:00:00:00:03"
    token = lab.boot(third)
    assert lab.kickstart(token, third, serial="SRV-7").status_code == 404
    assert lab.machine(third).state is State.NOTHING
    assert lab.boot(third) == ""


def test_two_addresses_for_one_machine_are_shown(lab: Lab) -> None:
    lab.boot()
    lab.boot(address="127.0.0.2")
    assert lab.machine().warning == "asked for its boot menu from two addresses, 127.0.0.1 and 127.0.0.2"


def test_a_boot_menu_is_for_who_has_the_card(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "arp"
    table.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        f"127.0.0.1        0x1         0x2         {MAC}     *        eth0\n"
        "127.0.0.4        0x1         0x0         00:00:00:00:00:00     *        eth0\n"
    )
    monkeypatch.setattr(
        "edgelinux_build.pxe.server.desk.neighbour", lambda address: neighbour(address, table)
    )
    lab.restart()
    assert lab.boot(OTHER) == ""
    assert (lab.machine(OTHER).state, lab.machine(OTHER).message) == (
        State.REFUSED,
        f"boot menu asked for by 127.0.0.1, which is {MAC}",
    )
    assert lab.boot(MAC)
    # Not known: behind a router, or this machine itself.
    assert lab.boot(OTHER, "127.0.0.4")
    assert lab.boot(OTHER, "127.0.0.5")
    lab.restart(check_card=False)
    assert lab.boot(OTHER)


def test_who_has_a_card_is_not_known_without_the_kernels_table(tmp_path: Path) -> None:
    assert neighbour("127.0.0.1", tmp_path / "arp") == ""


def test_what_the_boot_loader_fetches_is_seen(lab: Lab) -> None:
    events = lab.server.events
    events.dhcp(MAC.upper(), "127.0.0.1")
    assert lab.machine().state is State.SEEN
    events.fetched("127.0.0.1", "grub/x86_64-efi/core.efi")
    assert (lab.machine().state, lab.machine().event) == (State.LOADING, "fetched grub/x86_64-efi/core.efi")
    events.fetched("127.0.0.99", "grub/x86_64-efi/core.efi")
    events.dhcp("nonsense", "127.0.0.1")
    assert [machine.mac for machine in events.machines()] == [MAC]
    lab.boot()
    events.fetched("127.0.0.1", "medium/boot/vmlinuz")
    assert lab.machine().state is State.BOOTING


def test_as_many_machines_as_can_be_made_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgelinux_build.pxe.server.ledger._MOST", 1)
    assert lab.boot(MAC)
    assert lab.get(f"/boot/grub.cfg?mac={OTHER}").status_code == 503
    assert lab.boot(MAC)


def test_the_state_that_cannot_be_read_installs_nothing(config: ServerConfig) -> None:
    (config.state_dir / "machines.json").write_text("{")
    with pytest.raises(EdgeLinuxError, match=r"machines\.json, which .*: it is damaged"):
        Lab(config)
