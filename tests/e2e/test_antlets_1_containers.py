"""Containers on the installed host: made, running, connected, confined."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.antlets import API, FAREWELL, WEB, Antlets, eventually, mac, python
from tests.e2e.spoofing import LISTEN, SEND, TRUE_FRAMES

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)


@pytest.fixture
def api1(antlets: Antlets) -> str:
    """The container that was made through the HTTP interface."""
    assert "api1" in antlets.all(), "the test that makes it failed"
    return "api1"


@contextmanager
def service(host: Any, unit: str, command: str) -> Iterator[None]:
    """Runs a service on the host meanwhile."""
    host.check_output(f"systemd-run --collect --unit={unit} {command}")
    try:
        yield
    finally:
        host.run(f"systemctl stop {unit}")


class TestAgent:
    def test_templates_came_with_the_host(self, antlets: Antlets) -> None:
        found = {one["name"]: one for one in antlets.ask("template", "list")}
        assert {name: one["dtype"] for name, one in found.items()} == {"debian-13.lxc": "lxc", "tiny": "kvm"}
        for one in found.values():
            assert one["versions"][-1]["name"]

    def test_hostd_serves_root_and_the_group_antlet(self, antlets: Antlets) -> None:
        host = antlets.host
        assert host.check_output("systemctl is-active hostd.service hostd.socket").split() == [
            "active",
            "active",
        ]
        assert host.check_output("stat -c '%a %U %G' /run/edgelinux/hostd.sock") == "660 root antlet"
        nobody = "setpriv --reuid=nobody --regid=nogroup"
        denied = host.run(f"{nobody} --clear-groups antlet list")
        assert (denied.rc, "usermod -aG antlet" in denied.stderr) == (7, True)
        assert host.run(f"{nobody} --groups=$(getent group antlet | cut -d: -f3) antlet list").rc == 0

    def test_the_interface_describes_itself(self, antlets: Antlets) -> None:
        status, document = antlets.call("GET", "/openapi.json")
        assert (status, document["openapi"][:3]) == (200, "3.1")
        assert "/api/antlets" in document["paths"]


class TestCreating:
    def test_by_command(self, antlets: Antlets, web1: str) -> None:
        found = antlets.show(web1)
        assert (found["antlet-num"], found["ip"], found["state"]) == (WEB, f"10.1.1.{WEB}", "Running")
        assert (found["ram"], found["autostart"], found["order"]) == (256, True, 20)
        assert found["nics"][0]["mac-address"] == mac(WEB)
        origin = antlets.host.check_output("zfs get -H -o value origin antlets/web1")
        assert origin.startswith("antlets/TEMPLATES/debian-13.lxc@"), "it is no clone"
        assert antlets.host.check_output("stat -c %a /antlets/web1/antlet.yaml") == "600"

    def test_by_the_http_interface(self, antlets: Antlets) -> None:
        keys = [antlets.host.file(f"{antlets.key()}.pub").content_string.strip()]
        wanted = {"dname": "api1", "template": "debian-13.lxc", "antlet-num": API, "ram": 192, "cpu": 1}
        more = {"autostart": True, "order": 10, "description": "made by a program", "ssh-keys": keys}
        status, made = antlets.call("POST", "/api/antlets", {**wanted, **more})
        assert status == 201, made
        assert wanted.items() <= made.items()
        assert (made["state"], made["dtype"], made["ip"]) == ("Stopped", "lxc", f"10.1.1.{API}")
        status, answer = antlets.call("POST", "/api/antlets/api1/state", {"action": "start"})
        assert (status, answer["success"]) == (200, True), answer
        assert antlets.call("GET", "/api/antlets/api1/state") == (200, {"state": "Running"})
        status, answer = antlets.call("GET", "/api/antlets/nobody")
        assert (status, list(answer)) == (404, ["errors"])

    def test_both_are_listed(self, antlets: Antlets, web1: str, api1: str) -> None:
        table = antlets.antlet("list").stdout
        assert re.search(rf"^web1 +{WEB} +lxc +Running +10\.1\.1\.{WEB} ", table, re.MULTILINE)
        assert re.search(rf"^api1 +{API} +lxc +Running +10\.1\.1\.{API} ", table, re.MULTILINE)

    def test_the_number_of_another_is_refused(self, antlets: Antlets, web1: str) -> None:
        create = ("create", "web2", "--template", "debian-13.lxc")
        assert "web1" in antlets.refused(5, *create, "--number", str(WEB))
        assert "web2" not in antlets.all()


class TestNetwork:
    @pytest.mark.parametrize(("name", "number"), [("web1", WEB), ("api1", API)])
    def test_address_by_dhcp(self, antlets: Antlets, name: str, number: int) -> None:
        def configured() -> str:
            return str(antlets.attached(name, "ip -4 -o addr show dev eth0").stdout)

        shown = eventually(f"{name} has an address", configured)
        assert f"inet 10.1.1.{number}/24 " in shown
        assert " dynamic " in shown, "it is not from DHCP"
        assert antlets.inside(name, "cat /sys/class/net/eth0/address") == mac(number)
        assert "default via 10.1.1.1 " in antlets.inside(name, "ip -4 route")

    @pytest.mark.parametrize("name", ["web1", "api1"])
    def test_the_key_lets_in(self, antlets: Antlets, name: str) -> None:
        antlets.wait_for_ssh(name)
        assert antlets.ssh(name, "hostname; id -un").stdout.split() == [name, "root"]

    def test_its_systemd_is_content(self, antlets: Antlets, web1: str) -> None:
        state = antlets.attached(web1, "systemctl is-system-running --wait").stdout.strip()
        failed = antlets.inside(web1, "systemctl --failed --plain --no-legend")
        assert (state, failed) == ("running", "")

    @pytest.mark.parametrize("name", [f"antlet{WEB}.bblv", "web1.bblv", "web1"])
    def test_names_of_antlets(self, antlets: Antlets, api1: str, name: str) -> None:
        found = antlets.inside(api1, f"getent ahostsv4 {name}")
        assert found.split()[0] == f"10.1.1.{WEB}"

    def test_other_names_are_asked_of_the_hosts_resolver(self, antlets: Antlets, api1: str) -> None:
        """With a resolver on the host that knows one answer to everything, so that it works offline."""
        host = antlets.host
        # Written to, not mounted over: dnsmasq waits for the file to change.
        host.check_output("cp /etc/resolv.conf /run/resolv && echo nameserver 127.0.0.77 > /etc/resolv.conf")
        try:
            with service(host, "test-dns", python(DNS_SERVER)):
                eventually(
                    "the answer of the host's resolver",
                    lambda: "192.0.2.77" in antlets.attached(api1, "getent ahostsv4 www.example.org").stdout,
                    60,
                )
        finally:
            host.check_output("cat /run/resolv > /etc/resolv.conf")

    def test_antlets_reach_the_world(self, antlets: Antlets, api1: str) -> None:
        """The world is the machine that runs the test: 10.0.2.2 is its loopback."""
        with greeter(b"hello from outside") as port:
            heard = antlets.inside(api1, python(HEAR, "10.0.2.2", str(port)))
        assert heard == "hello from outside"

    def test_antlets_reach_each_other(self, antlets: Antlets, web1: str, api1: str) -> None:
        antlets.inside(api1, f"ping -c 1 -W 10 10.1.1.{WEB}")

    def test_the_hosts_ports_are_closed_to_antlets(self, antlets: Antlets, api1: str) -> None:
        """But for those that its firewall opens to everybody: SSH."""
        with service(antlets.host, "test-port", "python3 -m http.server --bind 10.1.1.1 8099"):
            reach = "curl --silent --fail --output /dev/null http://10.1.1.1:8099/"
            eventually("the port", lambda: antlets.host.run(reach).rc == 0, 60)
            assert "timed out" in antlets.attached(api1, python(HEAR, "10.1.1.1", "8099")).stderr
        assert antlets.inside(api1, python(HEAR, "10.1.1.1", "22")).startswith("SSH-2.0")


class TestConfinement:
    def test_root_inside_is_nobody_outside(self, antlets: Antlets, web1: str) -> None:
        init = antlets.first_process(web1)
        assert antlets.inside(web1, "id -u") == "0"
        assert int(antlets.host.check_output(f"stat -c %u /proc/{init}")) >= 100000
        assert antlets.inside(web1, "cat /proc/self/uid_map").split()[0::2] == ["0", "65536"]
        # Nothing was given another owner for it, so making a clone takes no longer for a large root.
        assert antlets.host.check_output("stat -c %u /antlets/web1/rootfs/etc/passwd") == "0"

    def test_what_is_the_hosts_is_out_of_reach(self, antlets: Antlets, web1: str) -> None:
        for command in (
            "echo 1 > /proc/sys/kernel/panic",
            "mknod /tmp/disk b 259 0",
            "echo b > /proc/sysrq-trigger",
        ):
            assert antlets.attached(web1, command).rc != 0, command

    def test_limits(self, antlets: Antlets, web1: str) -> None:
        assert antlets.inside(web1, "cat /sys/fs/cgroup/memory.max") == str(256 * 1024**2)
        assert antlets.inside(web1, "cat /sys/fs/cgroup/pids.max").isdecimal()
        antlets.antlet("set", web1, "--ram", "320")
        assert antlets.inside(web1, "cat /sys/fs/cgroup/memory.max") == str(320 * 1024**2)

    def test_figures(self, antlets: Antlets, web1: str) -> None:
        found = antlets.call("GET", f"/api/antlets/{web1}/stats")[1]
        assert found["memory-limit"] == antlets.show(web1)["ram"] * 1024**2
        assert 0 < found["memory"] < found["memory-limit"]
        assert found["processes"] > 3
        assert min(found["cpu-seconds"], found["net-received"], found["net-sent"]) > 0

    def test_another_address_leads_nowhere(self, antlets: Antlets, web1: str) -> None:
        antlets.inside(web1, "ip addr add 10.1.1.99/24 dev eth0")
        try:
            assert antlets.attached(web1, "ping -c 2 -W 3 -I 10.1.1.99 10.1.1.1").rc != 0
            antlets.inside(web1, f"ping -c 1 -W 10 -I 10.1.1.{WEB} 10.1.1.1")
        finally:
            antlets.inside(web1, "ip addr del 10.1.1.99/24 dev eth0")

    def test_false_frames_do_not_arrive(self, antlets: Antlets, web1: str, api1: str) -> None:
        """Another's address or MAC, ARP for the gateway or a neighbour, DHCP answers, routers, VLAN tags."""
        heard = "/run/frames"
        antlets.inside(api1, f"systemd-run --collect -p StandardOutput=file:{heard} {python(LISTEN, 'eth0')}")
        eventually("the listener", lambda: "listening" in antlets.attached(api1, f"cat {heard}").stdout, 60)
        own, neighbour = (mac(WEB), f"10.1.1.{WEB}"), (mac(API), f"10.1.1.{API}")
        antlets.inside(web1, python(SEND, "eth0", *own, *neighbour, mac(99), "10.1.1.99"))

        def arrived() -> list[str]:
            lines = antlets.inside(api1, f"cat {heard}").split()[1:]
            return lines if "end" in lines else []

        assert eventually("the last frame", arrived, 60) == TRUE_FRAMES
        assert mac(1) in antlets.inside(api1, "ping -c 1 -W 10 10.1.1.1 > /dev/null; ip neigh show 10.1.1.1")


class TestEvents:
    def test_what_happens_to_a_container_is_told(self, antlets: Antlets, api1: str) -> None:
        """By whomever it is done: by hostd, behind its back, and by the container itself."""
        with antlets.events() as told:

            def states() -> list[str]:
                return [event["state"] for event in told() if event.get("antlet") == api1]

            def follows(*wanted: str) -> None:
                eventually(f"events {wanted}", lambda: len(states()) >= len(wanted))
                assert states() == list(wanted)

            antlets.antlet("pause", api1)
            follows("Paused")
            unit = f"/sys/fs/cgroup/antlets.slice/antlet-lxc@{api1}.service"
            antlets.host.check_output(f"echo 0 > {unit}/container/cgroup.freeze")
            follows("Paused", "Running")
            antlets.attached(api1, "systemctl poweroff")
            follows("Paused", "Running", "Stopped")
            assert antlets.state(api1) == "Stopped"
            antlets.antlet("start", api1)
            follows("Paused", "Running", "Stopped", "Running")

    def test_a_container_reboots_from_inside(self, antlets: Antlets, api1: str) -> None:
        first = f"lxc-info -P /run/edgelinux/lxc -n {api1} -p -H"

        def process() -> str:
            # Between the two there is none.
            return str(antlets.host.run(first).stdout.strip())

        def is_up() -> bool:
            return bool(antlets.attached(api1, "systemctl is-system-running").stdout == "running\n")

        # One that is not up yet may not be able to go down in order.
        eventually("its start", is_up)
        before = process()
        antlets.attached(api1, "systemctl reboot")
        eventually("another init", lambda: process() not in ("", "-1", before))
        eventually("its start", is_up)
        assert antlets.state(api1) == "Running"
        # Its files are its own still.
        assert antlets.inside(api1, "touch /root/again && stat -c '%U %G' /root /root/again") == (
            "root root\nroot root"
        )
        assert antlets.host.file(f"/antlets/{api1}/rootfs/root/again").user == "root"
        antlets.wait_for_ssh(api1)
        assert "failed" not in antlets.host.run(f"systemctl is-failed antlet-lxc@{api1}").stdout

    def test_a_paused_one_goes_on_to_shut_down_in_order(self, antlets: Antlets, api1: str) -> None:
        """As when the host goes down and hostd is not there to let it go on."""
        farewell = antlets.host.file(f"/antlets/{api1}/rootfs/root/farewell")
        antlets.inside(api1, FAREWELL)
        antlets.antlet("pause", api1)
        antlets.host.check_output(f"systemctl stop antlet-lxc@{api1}")
        assert farewell.exists
        antlets.host.check_output(f"rm {farewell.path}")
        antlets.antlet("start", api1)
        antlets.wait_for_ssh(api1)


# Answers every question for an address with the same one, and every other question with nothing.
DNS_SERVER = r"""
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.77", 53))
while True:
    asked, who = server.recvfrom(4096)
    end = asked.index(b"\0", 12) + 5
    found = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\x4d" if asked[end - 4:end - 2] == b"\0\1" else b""
    head = asked[:2] + b"\x81\x80\0\1\0" + (b"\1" if found else b"\0") + b"\0\0\0\0"
    server.sendto(head + asked[12:end] + found, who)
"""

# Prints what a server says first.
HEAR = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as server:
    print(server.recv(100).decode())
"""


@contextmanager
def greeter(words: bytes) -> Iterator[int]:
    """Listens on a port of this machine's loopback and greets whoever comes; gives the port."""

    class Greet(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(words)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
