"""Snapshots, clones and templates of antlets on the installed host's pool."""

from __future__ import annotations

import pytest

from tests.e2e.antlets import WEB, Antlets, eventually

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)

DATA = "/root/data"


def test_snapshot_and_restore(antlets: Antlets, web1: str) -> None:
    """What changed after the snapshot is as before; it is refused while it would take more with it."""
    antlets.inside(web1, f"echo first > {DATA}")
    identity = antlets.inside(web1, "cat /etc/machine-id")
    antlets.antlet("snapshot", "take", web1, "first")
    antlets.inside(web1, f"echo second > {DATA}; echo more > {DATA}2")
    antlets.antlet("snapshot", "take", web1, "second")
    assert [one["name"] for one in antlets.ask("snapshot", "list", web1)] == ["first", "second"]

    assert "needs it stopped" in antlets.refused(5, "restore", web1, "first")
    antlets.antlet("stop", web1)
    newer = antlets.antlet("restore", web1, "first", code=5).stderr
    assert "second" in newer
    assert "--destroy-newer" in newer
    antlets.antlet("restore", web1, "first", "--destroy-newer")
    antlets.antlet("start", web1)

    assert antlets.inside(web1, f"cat {DATA}; ls {DATA}2 2> /dev/null || true") == "first"
    assert antlets.inside(web1, "cat /etc/machine-id") == identity
    assert [one["name"] for one in antlets.ask("snapshot", "list", web1)] == ["first"]
    assert "first" in antlets.refused(5, "snapshot", "take", web1, "first")
    assert "no snapshot" in antlets.refused(4, "restore", web1, "second")


def test_clone_is_another_antlet(antlets: Antlets, web1: str) -> None:
    """With the data of the snapshot, and nothing by which it could be taken for the one it is made of."""
    made = antlets.ask("clone", web1, "copy1", "--snapshot", "first", "--start")
    number = made["antlet-num"]
    assert number != WEB
    assert (made["state"], made["autostart"], made["ip"]) == ("Running", False, f"10.1.1.{number}")
    assert made["uuid"] != antlets.show(web1)["uuid"]
    assert antlets.inside("copy1", f"cat {DATA}") == "first"
    assert antlets.inside("copy1", "cat /etc/hostname") == "copy1"
    antlets.wait_for_ssh("copy1")
    ids = [antlets.inside(name, "cat /etc/machine-id") for name in (web1, "copy1")]
    keys = [
        antlets.inside(name, "cat /etc/ssh/ssh_host_*_key.pub | cut -d' ' -f2") for name in (web1, "copy1")
    ]
    assert len(set(ids)) == len(set(keys)) == 2


def test_what_others_depend_on_is_not_deleted(antlets: Antlets, web1: str) -> None:
    found = antlets.ask("dependencies", web1)
    assert {(one["kind"], one["name"]) for one in found} == {
        ("snapshot", "first"),
        ("clone", "antlets/copy1"),
    }
    for words in (("delete", web1, "--force"), ("snapshot", "delete", web1, "first")):
        assert "copy1" in antlets.antlet(*words, code=5).stderr
    assert antlets.state(web1) == "Running"


def test_template_of_an_antlet(antlets: Antlets) -> None:
    antlets.antlet("stop", "copy1")
    antlets.antlet("template", "make", "copy1", "mine.lxc", "--description", "with our data")
    assert antlets.ask("template", "show", "mine.lxc")["description"] == "with our data"
    made = antlets.ask("create", "copy2", "--template", "mine.lxc", "--quota", "64M", "--start")
    assert (made["template"], made["state"]) == ("mine.lxc", "Running")
    assert antlets.inside("copy2", f"cat {DATA}") == "first"
    assert "copy2" in antlets.antlet("template", "delete", "mine.lxc", code=5).stderr


def test_quota_is_the_limit_inside(antlets: Antlets) -> None:
    def available() -> int:
        """What the guest sees as free, in MiB."""
        return int(antlets.inside("copy2", "df --output=avail -B1M / | tail -n 1"))

    assert available() <= 64, "the quota it was created with"
    used = int(antlets.host.check_output("zfs get -Hp -o value used antlets/copy2"))
    antlets.antlet("set", "copy2", "--quota", f"{(used >> 20) + 11}M")
    assert available() <= 11
    # Each write is on disk before the next: a quota is noticed with what is written out, not before.
    filling = antlets.attached("copy2", "dd if=/dev/urandom of=/root/filling bs=1M count=24 oflag=sync")
    assert filling.rc != 0, filling
    antlets.inside("copy2", "rm /root/filling")
    antlets.antlet("set", "copy2", "--quota", "0")
    assert available() > 500


def test_deleting_in_order(antlets: Antlets) -> None:
    assert "running" in antlets.refused(5, "delete", "copy2")
    antlets.antlet("delete", "copy2", "--force")
    antlets.antlet("template", "delete", "mine.lxc")
    assert "copy2" not in antlets.all()
    assert {one["name"] for one in antlets.ask("template", "list")} == {"debian-13.lxc", "tiny"}
    assert antlets.host.run("zfs list -H -o name -t all -r antlets | grep -E 'copy2|mine'").stdout == ""


def test_pool(antlets: Antlets) -> None:
    pool = next(one for one in antlets.ask("pool", "list") if one["name"] == "antlets")
    assert (pool["health"], pool["mountpoint"], pool["warnings"]) == ("ONLINE", "/antlets", [])
    assert 0 < pool["allocated"] < pool["size"]
    antlets.antlet("pool", "scrub", "antlets")

    def scrubbed() -> bool:
        scrub = antlets.ask("pool", "status", "antlets")["scrub"]
        return (scrub["kind"], scrub["state"], scrub["errors"]) == ("scrub", "finished", 0)

    eventually("the scrub", scrubbed, 240)
    assert "mirror" in antlets.antlet("pool", "status", "antlets").stdout
    assert "no pool" in antlets.refused(4, "pool", "status", "hdd")
