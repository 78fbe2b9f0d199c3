"""antMan's contract for antlets: paths, status codes, shapes."""

from __future__ import annotations

from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from fastapi.testclient import TestClient

from tests.unit.hostd.api.fake import GIB, FakeAgent

WEB1 = {"dname": "web1", "ram": 1024, "cpu": 2, "template": "debian-13.lxc"}


def test_creating_answers_the_antlet_that_is_there(client: TestClient) -> None:
    body = {**WEB1, "antlet-num": 25, "zfs-quota": 10 * GIB, "description": "shop", "autostart": True}
    answer = client.post("/api/antlets", json=body)
    assert answer.status_code == 201
    found = answer.json()
    assert {**found, **body} == found
    assert found["ip"] == "10.1.1.25"
    assert found["dtype"] == "lxc"
    assert found["state"] == "Stopped"
    assert found["ram-display"] == "1.0 GiB"
    assert found["storage-display"] == "3.0 MiB"
    assert found["zpool"] == {
        "name": "antlets",
        "compression": "inherit",
        "mountpoint": "/antlets",
        "capacity": "30%",
        "size": "10.0 GiB",
        "health": "ONLINE",
        "mounted": True,
        "antsle:managed-origin": "antlets/TEMPLATES/debian-13.lxc@1",
    }
    assert client.get("/api/antlets/web1").json() == found
    assert client.get("/api/antlets").json() == [found]


def test_ram_and_cpu_are_the_templates_own_when_left_out(client: TestClient) -> None:
    found = client.post("/api/antlets", json={"dname": "web1", "template": "tiny"}).json()
    assert (found["ram"], found["cpu"], found["dtype"]) == (512, 1, "kvm")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dname": "Web/1"}, "dname: 'Web/1' cannot name an antlet"),
        ({"dname": "-x"}, "dname: '-x'"),
        ({"dname": "a@b"}, "dname: 'a@b'"),
        ({"template": ".."}, "template: '..'"),
        ({"antlet-num": 9}, "antlet-num: input should be greater than or equal to 10"),
        ({"antlet-num": 255}, "antlet-num: "),
        ({"ram": 1}, "ram: input should be greater than or equal to 16"),
        ({"ram": "much"}, "ram: input should be a valid integer"),
        ({"ram": 100_000}, "ram: 100000 MiB are more than the host has (at most 4096)"),
        ({"cpu": 0}, "cpu: "),
        ({"zfs-quota": -1}, "zfs-quota: "),
        ({"compression": "gzip"}, "compression: "),
        ({"autostart": "perhaps"}, "autostart: "),
        ({"rma": 1024}, "rma: extra inputs are not permitted"),
        ({"antlet_num": 25}, "antlet_num: extra inputs are not permitted"),
        ({"nics": [{"type": "bridge"}]}, "nics.0.source: field required"),
        ({"template": None}, "template: "),
    ],
)
def test_bad_input_is_400_and_names_the_field(client: TestClient, changes: dict[str, Any], said: str) -> None:
    answer = client.post("/api/antlets", json={**WEB1, **changes})
    assert answer.status_code == 400
    found = answer.json()
    assert found["success"] is False
    assert found["message"].startswith(said)
    assert found["errors"]
    assert answer.headers["error-kind"] == "invalid"


def test_a_body_that_is_not_json(client: TestClient) -> None:
    answer = client.post("/api/antlets", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["message"]
    missing = client.post("/api/antlets")
    assert missing.status_code == 400
    assert missing.json()["errors"]


def test_several_faults_are_all_listed(client: TestClient) -> None:
    found = client.post("/api/antlets", json={"dname": "web1", "ram": 1}).json()
    assert [line.split(":")[0] for line in found["errors"]] == ["ram", "template"]
    assert found["message"].endswith("(and 1 more)")


def test_what_is_not_there_is_404_with_errors(client: TestClient) -> None:
    for where in ("/api/antlets/no", "/api/antlets/no/state", "/api/antlets/no/snapshots", "/api/nothing"):
        answer = client.get(where)
        assert answer.status_code == 404, where
        assert list(answer.json()) == ["errors"]
    answer = client.post("/api/antlets/no/start")
    # Whether the agent knows it at once or its job finds out, the answer is the same.
    assert answer.status_code == 404
    assert answer.json()["success"] is False
    assert client.post("/api/antlets", json={**WEB1, "template": "no"}).status_code == 404
    wrong = client.patch("/api/antlets")
    assert wrong.status_code == 405
    assert wrong.json()["errors"]


def test_putting_back_what_was_got_changes_nothing(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    found = client.get("/api/antlets/web1").json()
    answer = client.put("/api/antlets/web1", json=found)
    assert (answer.status_code, answer.json()) == (200, found)
    assert agent.submitted == []


def test_changing_sends_only_what_differs(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    found = client.get("/api/antlets/web1").json()
    answer = client.put("/api/antlets/web1", json={**found, "ram": 2048, "zfs-quota": GIB})
    assert answer.status_code == 200
    assert (answer.json()["ram"], answer.json()["zfs-quota"]) == (2048, GIB)
    (kind, params) = agent.submitted[0]
    assert kind == "update-antlet"
    assert params.model_dump(exclude_none=True) == {"name": "web1", "ram": 2048, "quota": GIB}


@pytest.mark.parametrize("change", [{"dname": "web2"}, {"template": "tiny"}, {"zpool-name": "hdd"}])
def test_what_cannot_change_is_named(client: TestClient, agent: FakeAgent, change: dict[str, str]) -> None:
    agent.add("web1")
    answer = client.put("/api/antlets/web1", json=change)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{next(iter(change))}: cannot be changed here")


def test_deleting(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    agent._take("web1", "monday")
    refused = client.delete("/api/antlets/web1")
    assert refused.status_code == 400
    assert refused.json() == {
        "success": False,
        "message": "antlet web1 is depended on",
        "errors": ["snapshot monday"],
    }
    assert refused.headers["error-kind"] == "refused"
    forced = client.delete("/api/antlets/force/web1")
    assert (forced.status_code, forced.content) == (204, b"")
    agent.add("web2")
    assert client.delete("/api/antlets/web2").status_code == 204
    assert client.get("/api/antlets").json() == []


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("start", "Running"),
        ("stop", "Stopped"),
        ("force-stop", "Stopped"),
        ("pause", "Paused"),
        ("resume", "Running"),
        ("reboot", "Running"),
    ],
)
def test_actions(client: TestClient, agent: FakeAgent, action: str, state: str) -> None:
    agent.add("web1")
    answer = client.post(f"/api/antlets/web1/{action}")
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert set(answer.json()) == {"success", "message"}
    assert client.get("/api/antlets/web1/state").json() == {"state": state}
    agent._state("web1", agent.antlet("web1").state.STOPPED)
    assert client.post("/api/antlets/web1/state", json={"action": action}).status_code == 200
    assert client.get("/api/antlets/web1/state").json() == {"state": state}


def test_state_takes_known_actions_only(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    answer = client.post("/api/antlets/web1/state", json={"action": "explode"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("action: ")


def test_stopping_takes_a_timeout(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    assert client.post("/api/antlets/web1/stop", json={"timeout": 5}).status_code == 200
    assert agent.submitted[0][1].model_dump() == {"name": "web1", "timeout": 5}
    assert client.post("/api/antlets/web1/stop", json={"timeout": -5}).status_code == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EdgeLinuxError("no space left"), 500),
        (EdgeLinuxError("wrong", exit_code=2), 400),
        (EdgeLinuxError("gone", exit_code=4), 404),
        (RefusedError("stands against it", items=["clone web2"]), 400),
        (EdgeLinuxError("busy", exit_code=6), 409),
    ],
)
def test_a_failed_job_answers_its_error(
    client: TestClient, agent: FakeAgent, error: EdgeLinuxError, status: int
) -> None:
    agent.failing["create-antlet"] = error
    answer = client.post("/api/antlets", json=WEB1)
    assert answer.status_code == status
    items = getattr(error, "items", ())
    expected = {"success": False, "message": str(error), "errors": list(items) or [str(error)]}
    assert answer.json() == expected


def test_two_at_once_on_one_antlet(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    first = client.post("/api/antlets/web1/start", headers={"Prefer": "respond-async"})
    second = client.post("/api/antlets/web1/stop")
    assert (first.status_code, second.status_code) == (202, 409)
    assert second.headers["error-kind"] == "busy"
    agent.gate.set()


def test_a_damaged_antlet_is_listed_with_its_problem(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.damage("web1", "antlet.yaml: line 3: not YAML")
    (found,) = client.get("/api/antlets").json()
    assert (found["state"], found["problem"]) == ("Damaged", "antlet.yaml: line 3: not YAML")
    assert client.get("/api/antlets/web1/vnics").status_code == 400


def test_renaming(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    answer = client.post("/api/antlets/web1/rename", json={"new-name": "web2"})
    assert (answer.status_code, answer.json()["dname"]) == (200, "web2")
    assert client.post("/api/antlets/web2/rename", json={"new-name": "Web"}).status_code == 400


def test_cloning_and_what_depends(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    body: dict[str, Any] = {
        "src-antlet": {"dname": "web1", "snapshot-name": "monday"},
        "dst-antlet": {"dname": "web2", "compression": "lz4", "zpool-name": "antlets", "antlet-num": 30},
    }
    answer = client.post("/api/antlets/clone", json=body)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert client.get("/api/antlets/web2").json()["antlet-num"] == 30
    assert client.get("/api/antlets/web1/dependencies").json() == [
        {"kind": "snapshot", "name": "monday", "of": "web1"},
        {"kind": "clone", "name": "antlets/web2", "of": "monday"},
    ]
    body["dst-antlet"] |= {"dname": "web3", "zpool-name": "hdd"}
    elsewhere = client.post("/api/antlets/clone", json=body)
    assert elsewhere.status_code == 400
    assert elsewhere.json()["message"].startswith("zpool-name: ")


def test_stats_and_console(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    assert client.get("/api/stats").json() == []
    assert client.get("/api/antlets/web1/stats").json()["memory"] == 0
    refused = client.post("/api/antlets/web1/console")
    assert refused.status_code == 400
    client.post("/api/antlets/web1/start")
    (found,) = client.get("/api/stats").json()
    assert (found["name"], found["cpu-seconds"], found["net-received"]) == ("web1", 12.5, 2048)
    assert client.post("/api/antlets/web1/console").json() == {"socket": "/run/edgelinux/console/web1.sock"}
