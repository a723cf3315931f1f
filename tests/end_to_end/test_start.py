"""The one command: starts, says no clearly, survives being killed, goes on with its data, leaves nothing behind."""

import json
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import httpx
import pytest

from portal.launcher import guard
from portal.tenancy.staff import StaffRole
from tests.end_to_end import client
from tests.end_to_end.stack import run_to_end, start, stop

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900), pytest.mark.xdist_group("start")]


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="metalyard-e2e-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def log_in(url, login, path):
    with httpx.Client(base_url=url, follow_redirects=True, timeout=120) as browser:
        browser.get(path)
        token = browser.cookies["csrftoken"]
        field = "username" if path.startswith("/admin") else "email"
        return browser.post(
            path,
            data={field: login["email"], "password": login["password"], "csrfmiddlewaretoken": token},
            headers={"Referer": url},
        )


@pytest.mark.long
def test_the_life_of_a_demo(folder):
    stack = start(folder / "state", "--fast")
    mark = stack.mark()
    access_file = stack.dir / "access.json"
    port = int(stack.url.rpartition(":")[2])
    try:
        assert stat.S_IMODE(access_file.stat().st_mode) == 0o600
        assert set(stack.access) == {"url", "api_token", "customer", "admin", "database_url"} | {
            role.name.lower() for role in StaffRole
        }
        customer = log_in(stack.url, stack.access["customer"], "/login")
        assert "Log out" in customer.text
        sales = log_in(stack.url, stack.access["sales"], "/admin/login/")
        assert sales.url.path == "/admin/"
        assert stack.rows("select count(*) >= 200 from fleet_server")[0][0]
        key = client.add_key(stack, client.key_pair()[1])

        code, said = run_to_end("--state-dir", str(folder / "other"), "--port", str(port))
        assert (code, said.count("Traceback")) == (2, 0)
        assert f"Port {port} is in use" in said

        stack.process.send_signal(signal.SIGKILL)
        stack.process.wait(60)
        client.until(lambda: not guard.marked(mark), limit_s=120)
    finally:
        stack.process.kill()

    again = start(folder / "state", "--fast")
    mark = again.mark()
    try:
        assert again.access == {**stack.access, "url": again.access["url"]}
        assert key in {found["id"] for found in again.api.get("/ssh-keys").json()["data"]}
    finally:
        stop(again)
    assert guard.marked(mark) == []
    assert not access_file.exists()

    code, said = run_to_end("--fast", "--once", "--reset", "--state-dir", str(stack.dir))
    assert code == 0, said
    assert guard.marked(mark) == []
    assert json.loads((stack.dir / "demo.json").read_text())["api_token"] != stack.access["api_token"]


def test_an_unwritable_folder_is_said_in_one_line(folder):
    (folder / "file").write_text("")

    code, said = run_to_end("--state-dir", str(folder / "file" / "state"))

    assert code == 2
    assert len(said.strip().splitlines()) == 1
    assert str(folder / "file") in said
