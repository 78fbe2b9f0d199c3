"""An application over an agent in memory, and a client that sees errors as answers."""

from __future__ import annotations

import pytest
from edgelinux_hostd.api.app import create_app
from fastapi.testclient import TestClient

from tests.unit.hostd.api.fake import FakeAgent


@pytest.fixture
def agent() -> FakeAgent:
    return FakeAgent()


@pytest.fixture
def client(agent: FakeAgent) -> TestClient:
    return TestClient(create_app(agent), raise_server_exceptions=False)
