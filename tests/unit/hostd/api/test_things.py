"""antMan's contract for snapshots, network cards and templates; ours for pools, disks, network, recovery."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.unit.hostd.api.fake import FakeAgent


def test_snapshots(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    taken = client.post("/api/antlets/web1", json={"name": "monday"})
    assert taken.status_code == 200
    found = taken.json()
    assert {**found, "name": "monday", "antlet-name": "web1", "zfs-path": "antlets/web1@monday"} == found
    assert (found["used"], found["used-display"]) == (4096, "4.0 KiB")
    assert found["logicalreferenced-display"] == "5.0 MiB"
    unnamed = client.post("/api/antlets/web1/snapshots")
    assert (unnamed.status_code, unnamed.json()["name"]) == (201, "2023-11-14-221320")
    names = [one["name"] for one in client.get("/api/antlets/web1/snapshots").json()]
    assert names == ["monday", "2023-11-14-221320"]
    assert client.get("/api/antlets/web1/snapshots/monday").json() == found


def test_restoring_to_an_older_one(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    for name in ("monday", "tuesday", "friday"):
        agent._take("web1", name)
    where = "/api/antlets/web1/snapshots/restore/monday"
    refused = client.post(where)
    assert refused.status_code == 400
    assert refused.json()["errors"] == ["tuesday", "friday"]
    assert client.post(where, json={"destroy-newer": True}).json()["success"] is True
    assert [one["name"] for one in client.get("/api/antlets/web1/snapshots").json()] == ["monday"]


def test_deleting_a_snapshot_answers_203_as_antman_does(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    agent._take("web1", "monday")
    answer = client.delete("/api/antlets/web1/snapshots/monday")
    assert (answer.status_code, answer.json()["success"]) == (203, True)
    assert client.delete("/api/antlets/web1/snapshots/monday").status_code == 404
    missing = client.get("/api/antlets/web1/snapshots/monday")
    assert (missing.status_code, list(missing.json())) == (404, ["errors"])
    assert client.post("/api/antlets/web1/snapshots/restore/no").status_code == 404


@pytest.mark.parametrize("name", ["a/b", "a@b", "-x", "..", "a b", ""])
def test_names_that_cannot_be_a_snapshots(client: TestClient, agent: FakeAgent, name: str) -> None:
    agent.add("web1")
    answer = client.post("/api/antlets/web1", json={"name": name})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("name: ")


def test_a_snapshot_of_another_antlet_than_the_paths(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    answer = client.post("/api/antlets/web1", json={"name": "a", "antlet-name": "web2"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("antlet-name: ")


def test_network_cards(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1", 25)
    first = {
        "type": "network",
        "source": "bblv",
        "model": "virtio",
        "mac-address": "b2:61:6e:73:6c:19",
    }
    assert client.get("/api/antlets/web1/vnics").json() == [first]
    added = client.post("/api/antlets/web1/vnics", json={"type": "bridge", "source": "br0"})
    assert added.status_code == 201
    second = {"type": "bridge", "source": "br0", "model": "virtio", "mac-address": "b2:61:6e:73:6d:19"}
    assert added.json() == second
    assert client.get("/api/antlets/web1/vnics/B2:61:6E:73:6D:19").json() == second
    again = client.post("/api/antlets/web1/vnics", json=second)
    assert again.status_code == 400
    assert client.delete("/api/antlets/web1/vnics/b2:61:6e:73:6c:19").status_code == 204
    # The one that is left keeps the MAC by which its guest knows it, and a new one gets a free one.
    assert client.get("/api/antlets/web1/vnics").json() == [second]
    third = client.post("/api/antlets/web1/vnics", json={"type": "network", "source": "bblv"}).json()
    assert third == first
    missing = client.get("/api/antlets/web1/vnics/b2:61:6e:73:70:19")
    assert (missing.status_code, list(missing.json())) == (404, ["errors"])
    assert client.delete("/api/antlets/web1/vnics/none").status_code == 404
    assert client.put("/api/antlets/web1/restore-default-nic").json()["success"] is True
    assert client.get("/api/antlets/web1/vnics").json() == [first]


def test_a_static_address_on_a_bridge(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    body = {"type": "bridge", "source": "br0", "address": "192.0.2.8/24", "gateway": "192.0.2.1"}
    found = client.post("/api/antlets/web1/vnics", json=body).json()
    assert {**found, **body} == found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "user"}, "type"),
        ({"source": "../x"}, "source"),
        ({"model": "ne2000"}, "model"),
        ({"mac-address": "b2:61"}, "mac-address"),
        ({"mac": "b2:61:6e:73:6d:19"}, "mac"),
    ],
)
def test_wrong_network_cards(
    client: TestClient, agent: FakeAgent, change: dict[str, str], field: str
) -> None:
    agent.add("web1")
    answer = client.post("/api/antlets/web1/vnics", json={"type": "bridge", "source": "br0", **change})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{field}: ")


def test_templates(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    assert [one["name"] for one in client.get("/api/templates").json()] == ["debian-13.lxc", "tiny"]
    found = client.get("/api/templates/tiny").json()
    for field in ("zfs-path", "creation", "used", "logicalreferenced", "origin"):
        assert field in found
    for field in ("creation-display", "used-display", "logicalreferenced-display", "origin-display"):
        assert isinstance(found[field], str)
    made = client.post("/api/templates", json={"name": "shop", "antlet": "web1", "description": "a shop"})
    assert (made.status_code, made.json()["description"]) == (201, "a shop")
    assert client.post("/api/templates", json={"name": "web1"}).status_code == 201
    assert client.request("DELETE", "/api/templates", json={"name": "shop"}).status_code == 200
    assert client.delete("/api/templates/web1").status_code == 204
    assert client.delete("/api/templates/tiny/versions/1").status_code == 204
    missing = client.get("/api/templates/shop")
    assert (missing.status_code, list(missing.json())) == (404, ["errors"])


def test_a_template_in_use_says_by_what(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    answer = client.delete("/api/templates/debian-13.lxc")
    assert (answer.status_code, answer.json()["errors"]) == (400, ["web1"])


def test_importing_a_template(client: TestClient) -> None:
    body = {"source": "/root/a.tar.xz", "template": "mine", "format": "tar", "description": "of mine"}
    answer = client.post("/api/templates/import", json=body)
    assert (answer.status_code, answer.json()["name"]) == (201, "mine")
    assert client.post("/api/templates/import", json={**body, "format": "iso"}).status_code == 400
    assert "source" in client.post("/api/templates/import", json={"template": "x"}).json()["message"]


def test_pools_and_disks(client: TestClient) -> None:
    assert client.get("/api/disks/free").json()[0]["path"] == "/dev/vdc"
    made = client.post("/api/pools", json={"name": "hdd", "layout": "mirror", "disks": ["vdc", "vdd"]})
    assert (made.status_code, made.json()["name"]) == (201, "hdd")
    assert [one["name"] for one in client.get("/api/pools").json()] == ["antlets", "hdd"]
    assert client.get("/api/pools/hdd").json()["vdevs"][0]["type"] == "mirror"
    assert client.post("/api/pools/hdd/scrub").json()["message"] == "scrub of pool hdd started"
    assert client.post("/api/pools/hdd/scrub", json={"stop": True}).json()["success"] is True
    assert client.post("/api/pools/no/scrub").status_code == 404
    assert list(client.get("/api/pools/no").json()) == ["errors"]
    faults: list[dict[str, object]] = [{"layout": "raidz"}, {"disks": []}, {"ashift": 9}]
    for wrong in faults:
        body = {"name": "x", "layout": "mirror", "disks": ["vdc"], **wrong}
        assert client.post("/api/pools", json=body).status_code == 400


def test_forgetting_a_pool_that_is_gone(client: TestClient, agent: FakeAgent) -> None:
    agent.lose("usb")
    refused = client.delete("/api/pools/antlets/record")
    assert (refused.status_code, refused.headers["error-kind"]) == (400, "refused")
    assert client.delete("/api/pools/usb/record").status_code == 204
    assert client.delete("/api/pools/usb/record").status_code == 404
    assert [one["name"] for one in client.get("/api/pools").json()] == ["antlets"]


def test_network(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    assert client.get("/api/system/base-ip").json() == {"base-ip": "10.1.1."}
    client.post("/api/antlets/web1/start")
    refused = client.put("/api/network", json={"base-ip": "10.2.2."})
    assert (refused.status_code, refused.json()["errors"]) == (400, ["web1"])
    answer = client.put("/api/network", json={"base-ip": "10.2.2.", "restart": True})
    assert (answer.status_code, answer.json()["subnet"]) == (200, "10.2.2.0/24")
    assert client.get("/api/network").json()["gateway"] == "10.2.2.1"
    assert client.put("/api/network", json={"base-ip": "8.8.8."}).status_code == 400


def test_host_and_recovery(client: TestClient) -> None:
    assert client.get("/api/host").json()["version"] == "2.1.0"
    found = client.post("/api/recover", json={"dry-run": True}).json()
    assert found["success"] is True
    assert found["result"]["antlets"] == ["web1"]
    assert client.post("/api/recover", json={"pools": 5}).status_code == 400
