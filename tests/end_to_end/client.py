"""What an API client does: reserve, wait, log in, release."""

import asyncio
import io
import itertools
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import asyncssh

from portal.core import clock

_number = itertools.count(1)
LIMIT_S = 240


def key_pair():
    key = asyncssh.generate_private_key("ssh-ed25519", comment="e2e")
    return key, key.export_public_key().decode().strip()


def add_key(stack, public_key):
    reply = stack.api.post("/ssh-keys", json={"name": f"e2e-{uuid.uuid4().hex[:8]}", "public_key": public_key})
    assert reply.status_code == 201, reply.text
    return reply.json()["id"]


def order(stack, keys, count=1, **fields):
    now = clock.now()
    body = {
        "name": f"e2e-{next(_number)}-{uuid.uuid4().hex[:6]}",
        "server_type": "h100-8x",
        "region": "eu-north-1",
        "count": count,
        "ends_at": (now + timedelta(hours=4)).isoformat(),
        "placement": "any",
        "ssh_keys": keys,
        **fields,
    }
    body.setdefault("image", stack.api.get("/images").json()["data"][0]["id"])
    return stack.api.post("/reservations", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})


def reserve(stack, keys, count=1, **fields):
    reply = order(stack, keys, count, **fields)
    assert reply.status_code == 201, reply.text
    return reply.json()["id"]


def wait_for(stack, reservation, *states, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = stack.api.get(f"/reservations/{reservation}").json()
        if found["state"] in states:
            return found
        time.sleep(0.3)
    told = "\n".join(str(event) for event in events(stack, reservation)[-20:])
    raise AssertionError(f"{reservation} is {found['state']}, not {states}, after {limit_s} s:\n{told}")


def events(stack, reservation):
    found, after = [], ""
    while True:
        reply = stack.api.get(f"/reservations/{reservation}/events", params={"after": after} if after else {})
        assert reply.status_code == 200, reply.text
        page = reply.json()["data"]
        if not page:
            return found
        found += page
        after = page[-1]["id"]


def servers(stack, reservation):
    reply = stack.api.get(f"/reservations/{reservation}/servers")
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def until(condition, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {limit_s} s"
        time.sleep(0.05)


def release(stack, reservation):
    reply = stack.api.post(f"/reservations/{reservation}/release", json={})
    assert reply.status_code in (200, 202), reply.text


def hostname_over_ssh(server, key):
    """Log in with the key, trusting only the host keys that the portal names, and return what ``hostname`` prints."""
    return over_ssh(server, key, "hostname").strip()


def over_ssh(server, key, command):
    """Log in as ``hostname_over_ssh`` does and return what a command prints."""
    with ThreadPoolExecutor(1) as apart:  # Playwright's loop may run in this thread
        return apart.submit(asyncio.run, _printed(server, key, command)).result(120)


async def _printed(server, key, command):
    known = asyncssh.import_known_hosts(
        "".join(f"[{server['ssh_host']}]:{server['ssh_port']} {line}\n" for line in server["host_keys"])
    )
    async with asyncssh.connect(
        server["ssh_host"],
        server["ssh_port"],
        username=server["ssh_user"],
        client_keys=[key],
        known_hosts=known,
        config=None,
        agent_path=None,
    ) as connection:
        done = await connection.run(command, check=True)
        return done.stdout


def kit(stack, reservation):
    """Return the files of the hand-over kit, as they are seen from outside."""
    reply = stack.api.get(f"/reservations/{reservation}/handover", params={"format": "zip"})
    assert reply.status_code == 200, reply.text
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        return {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}


def report(stack, reservation):
    """Return what was checked before the hand-over."""
    reply = stack.api.get(f"/reservations/{reservation}/handover/report.json")
    assert reply.status_code == 200, reply.text
    return reply.json()
