"""A program that calls the API."""

import itertools
import json
import time
from datetime import timedelta
from urllib.parse import quote

from django.test import Client

from portal.core import clock
from portal.tenancy.roles import Role
from tests import factories, racing

_keys = itertools.count(1)
PROBLEM = "application/problem+json"


class Api:
    """The test client with a token, JSON bodies, and a fresh Idempotency-Key for each POST."""

    def __init__(self, token):
        self.token = token
        self.client = Client(raise_request_exception=False)

    @classmethod
    def of(cls, project, role=Role.OPERATOR):
        return cls(factories.token(project, role)[1])

    def get(self, path, query=None, **headers):
        return self.client.get(f"/api/v1{path}", query or {}, headers=self._headers(headers))

    def post(self, path, body=None, key=None, **headers):
        headers = {"Idempotency-Key": key or f"key-{next(_keys)}", **headers}
        return self.send("POST", path, json.dumps({} if body is None else body), **headers)

    def delete(self, path, **headers):
        return self.send("DELETE", path, "", **headers)

    def send(self, method, path, raw, content_type="application/json", **headers):
        """Send a body as it is."""
        return self.client.generic(
            method, f"/api/v1{path}", raw, content_type=content_type, headers=self._headers(headers)
        )

    def _headers(self, more):
        return {"Authorization": f"Bearer {self.token}", **more} if self.token else more


def order(project, **fields):
    """Return the body of a reservation that fits."""
    begin = clock.now() + timedelta(days=1)
    return {
        "name": "train-7b",
        "server_type": "h100x8",
        "region": "eu-north-1",
        "count": 2,
        "starts_at": clock.as_rfc3339(begin),
        "ends_at": clock.as_rfc3339(begin + timedelta(days=1)),
        "image": "ubuntu-24-04",
        "ssh_keys": [key.public_id for key in project.ssh_keys.all()],
        **fields,
    }


def assert_problem(reply, status, code):
    """Check that a reply is a problem document and return its field errors as {pointer: code}."""
    assert reply.status_code == status, reply.content
    assert reply.headers["Content-Type"] == PROBLEM
    found = reply.json()
    assert found["code"] == code, found
    assert found["status"] == status
    assert found["type"] == f"/api/v1/problems#{code}"
    assert found["instance"] == quote(reply.wsgi_request.path)
    assert found["request_id"] == reply.headers["X-Request-Id"]
    assert found["title"]
    assert found["detail"]
    for error in found.get("errors", []):
        assert set(error) == {"pointer", "code", "detail"}
        assert error["detail"]
    return {error["pointer"]: error["code"] for error in found.get("errors", [])}


def await_true(condition):
    """Wait until a condition of another thread's making holds."""
    deadline = time.monotonic() + racing.PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.01)
