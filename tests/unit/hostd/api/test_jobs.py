"""Jobs, preferences, the OpenAPI document, and errors that nobody foresaw."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_hostd.api.app import create_app
from edgelinux_hostd.api.routes.jobs import KINDS
from edgelinux_hostd.api.work import preferences
from fastapi.openapi.models import OpenAPI
from fastapi.testclient import TestClient

from tests.unit.hostd.api.fake import FakeAgent

ASYNC = {"Prefer": "respond-async"}
ROOM = Path(__file__).parents[4] / "hostd"


def test_preferring_not_to_wait(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    answer = client.post("/api/antlets/web1/start", headers=ASYNC)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    job = answer.json()
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert (job["state"], job["final"], job["kind"]) == ("running", False, "start-antlet")
    assert client.get("/api/jobs?active=true").json() == [job]
    assert client.get(f"/api/jobs/{job['id']}?wait=0.01").json()["final"] is False
    agent.gate.set()
    done = client.get(f"/api/jobs/{job['id']}?wait=30").json()
    assert (done["state"], done["progress"]) == ("done", 1.0)
    assert done["steps"] == [{"name": "work", "state": "done"}]
    assert client.get("/api/jobs?active=true").json() == []
    assert client.get("/api/antlets/web1/state").json() == {"state": "Running"}
    log = client.get(f"/api/jobs/{job['id']}/log")
    assert log.text == "start-antlet web1: begun\n"


def test_waiting_has_an_end(agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    answer = TestClient(create_app(agent, longest=0.05)).post("/api/antlets/web1/start")
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers
    assert answer.headers["location"].startswith("/api/jobs/")
    agent.gate.set()


def test_waiting_so_long_and_no_longer(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    headers = {"Prefer": "respond-async, wait=30"}
    assert client.post("/api/antlets/web1/start", headers=headers).status_code == 200
    agent.gate.clear()
    answer = client.post("/api/antlets/web1/stop", headers={"Prefer": "respond-async, wait=0"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    agent.gate.set()


def test_preferences_as_the_rfc_writes_them() -> None:
    assert preferences(["respond-async, wait=100", 'handling="lenient"; x=y']) == {
        "respond-async": "",
        "wait": "100",
        "handling": "lenient",
    }
    assert preferences(["Respond-Async", "", ", ,"]) == {"respond-async": ""}


def test_cancelling(client: TestClient, agent: FakeAgent) -> None:
    agent.add("web1")
    agent.gate.clear()
    job = client.post("/api/antlets/web1/start", headers=ASYNC).json()["id"]
    assert client.post(f"/api/jobs/{job}/cancel").json()["cancel"] is True
    assert client.get(f"/api/jobs/{job}?wait=30").json()["state"] == "cancelled"
    late = client.post(f"/api/jobs/{job}/cancel")
    assert (late.status_code, late.headers["error-kind"]) == (400, "refused")
    agent.gate.set()


def test_trying_again(client: TestClient, agent: FakeAgent) -> None:
    job = agent.leave("delete-antlet")
    assert client.get(f"/api/jobs/{job}").json()["unsettled"] is True
    agent.gate.clear()
    again = client.post(f"/api/jobs/{job}/retry")
    assert (again.status_code, again.json()["state"], again.json()["unsettled"]) == (200, "running", False)
    early = client.post(f"/api/jobs/{job}/retry")
    assert (early.status_code, early.headers["error-kind"]) == (400, "refused")
    agent.gate.set()
    assert client.get(f"/api/jobs/{job}?wait=30").json()["state"] == "done"
    assert client.post(f"/api/jobs/{job}/retry").status_code == 400


def test_submitting_by_kind(client: TestClient) -> None:
    params = {"name": "web1", "template": "tiny"}
    answer = client.post("/api/jobs", json={"kind": "create-antlet", "params": params})
    assert answer.status_code == 202
    unknown = client.post("/api/jobs", json={"kind": "explode", "params": {}})
    assert unknown.status_code == 400
    assert unknown.json()["message"].startswith("kind: there is no kind of job 'explode'")
    wrong = client.post("/api/jobs", json={"kind": "create-antlet", "params": {**params, "ram": 1}})
    assert (wrong.status_code, wrong.json()["message"][:4]) == (400, "ram:")


def test_jobs_that_are_not_there(client: TestClient) -> None:
    for where in ("/api/jobs/no", "/api/jobs/no/log", "/api/jobs/no?wait=1"):
        answer = client.get(where)
        assert (answer.status_code, list(answer.json())) == (404, ["errors"])
    assert client.post("/api/jobs/no/cancel").status_code == 404
    assert client.post("/api/jobs/no/retry").status_code == 404
    assert client.get("/api/jobs/no?wait=soon").status_code == 400


def test_every_kind_of_job_has_a_path_of_its_own(client: TestClient, agent: FakeAgent) -> None:
    # What the table of POST /api/jobs lacks, no path could submit either.
    sources = (ROOM / "edgelinux_hostd/api/routes").glob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources if path.name != "jobs.py")
    for kind in KINDS:
        assert f'"{kind}"' in text, kind


def test_what_nobody_foresaw(
    client: TestClient, agent: FakeAgent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(agent, "antlets", broken)
    answer = client.get("/api/antlets")
    assert answer.status_code == 500
    assert list(answer.json()) == ["errors"]
    assert "secret" not in answer.text
    assert "ZeroDivisionError" in caplog.text


PATHS = """
/api/antlets get post | /api/antlets/clone post | /api/antlets/{name} get put delete post
/api/antlets/force/{name} delete | /api/antlets/{name}/start post | /api/antlets/{name}/stop post
/api/antlets/{name}/force-stop post | /api/antlets/{name}/pause post | /api/antlets/{name}/resume post
/api/antlets/{name}/reboot post | /api/antlets/{name}/state get post
/api/antlets/{name}/dependencies get | /api/antlets/{name}/rename post | /api/antlets/{name}/console post
/api/antlets/{name}/stats get | /api/stats get | /api/antlets/{name}/restore-default-nic put
/api/antlets/{name}/snapshots get post | /api/antlets/{name}/snapshots/{snapshot} get delete
/api/antlets/{name}/snapshots/restore/{snapshot} post
/api/antlets/{name}/vnics get post | /api/antlets/{name}/vnics/{mac} get delete
/api/templates get post delete | /api/templates/import post | /api/templates/{name} get delete
/api/templates/{name}/versions/{version} delete
/api/system/base-ip get | /api/network get put | /api/pools get post | /api/pools/{name} get
/api/pools/{name}/scrub post | /api/pools/{name}/record delete
/api/disks/free get | /api/host get | /api/recover post
/api/jobs get post | /api/jobs/{job} get | /api/jobs/{job}/log get | /api/jobs/{job}/cancel post
/api/jobs/{job}/retry post
/api/events get
"""


def test_the_openapi_document_has_every_path_and_no_422(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    wanted = {}
    for line in PATHS.replace("\n", "|").split("|"):
        where, *methods = line.split() or [""]
        if where:
            wanted[where] = set(methods)
    assert {where: set(found) for where, found in document["paths"].items()} == wanted
    assert '"422"' not in client.get("/openapi.json").text


def test_the_openapi_document_is_whole(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    OpenAPI.model_validate(document)
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is the build host's only")
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [one for part in value.values() for one in references(part)]
        return [one for part in value for one in references(part)] if isinstance(value, list) else []

    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for operation in operations:
        assert operation["description"]
        assert {"400", "404", "409", "500"} <= set(operation["responses"])
    created = document["paths"]["/api/antlets"]["post"]["responses"]
    assert {"201", "202"} <= set(created)
    # What answers at once is no job that could be waited for.
    for path in ("/api/jobs/{job}/cancel", "/api/jobs/{job}/retry"):
        assert "202" not in document["paths"][path]["post"]["responses"]
    assert "antlet-num" in schemas["AntletObject"]["properties"]
