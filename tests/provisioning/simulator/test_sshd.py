"""The SSH server of a booted machine: who comes in, what happens there, and that power off ends it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import asyncssh
import pytest

from portal.core import clock
from provisioning.simulator.shell import Host
from provisioning.simulator.sshd import Sshd
from tests.provisioning.simulator.ssh_client import KEY, OTHER_KEY, ask, is_open, public, session

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


@pytest.fixture
def serve(loop, spec):
    """Opens a server with these authorized_keys lines; it is closed at the end."""
    opened = []

    def go(*lines) -> Sshd:
        host = Host(spec, "gpu-01", "ubuntu", "Test Linux 1", "")
        sshd = Sshd(loop, host, {"os": "Test Linux 1"}, {"ssh_authorized_keys": list(lines)}, HOST_KEY)
        sshd.start()
        opened.append(sshd)
        return sshd

    yield go
    for sshd in opened:
        sshd.stop()


def test_the_user_comes_in_with_a_key_and_nobody_else_does(serve, spec):
    serve(public(KEY))

    assert ask(spec, "whoami") == ("ubuntu\n", "", 0)
    for who in ({"key": OTHER_KEY}, {"user": "root"}, {"user": ""}, {"user": "Ubuntu"}):
        with pytest.raises(asyncssh.PermissionDenied):
            ask(spec, "whoami", **who)


@pytest.mark.parametrize("then", ["ubuntu", "root"])
def test_the_user_of_a_connection_cannot_be_changed_on_the_way(serve, spec, then):
    """First the right user with a wrong key, then another user with the right one, on one connection."""
    serve(public(KEY))

    class Client(asyncssh.SSHClient):
        def connection_made(self, connection):
            found = connection.public_key_auth_requested
            offered = []

            async def next_key():
                pair = await found()
                offered.append(pair)
                if len(offered) == 2:
                    connection._username = then
                return pair

            connection.public_key_auth_requested = next_key

    async def go():
        connection, _ = await asyncssh.create_connection(
            Client, spec.ssh_host, spec.ssh_port, username="ubuntu", known_hosts=None, config=None, agent_path=None,
            client_keys=[OTHER_KEY, KEY], preferred_auth="publickey",
        )  # fmt: skip
        async with connection:
            return (await connection.run("whoami")).stdout

    if then == "ubuntu":
        assert asyncio.run(go()) == "ubuntu\n"
    else:
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(go())


@pytest.mark.parametrize("lines", [[], ["junk"], [None, 7], ['from="10.0.0.1" ' + public(KEY)]])
def test_without_a_good_key_nobody_comes_in(serve, spec, lines):
    serve(*lines)

    with pytest.raises(asyncssh.PermissionDenied):
        ask(spec, "whoami")


def test_a_key_is_good_until_its_expiry(serve, spec):
    now = clock.now()
    late, early = now + timedelta(hours=1), now - timedelta(minutes=1)
    serve(
        f'expiry-time="{late:%Y%m%d%H%M%S}Z" {public(KEY)}', f'expiry-time="{early:%Y%m%d%H%M%S}Z" {public(OTHER_KEY)}'
    )

    assert ask(spec, "hostname")[0] == "gpu-01\n"
    with pytest.raises(asyncssh.PermissionDenied):
        ask(spec, "hostname", key=OTHER_KEY)


@pytest.mark.parametrize("request_", [{"command": "whoami"}, {"command": None}, {"command": None, "subsystem": "sftp"}])
def test_a_restricted_key_runs_its_command_whatever_is_asked(serve, spec, request_):
    serve(f'restrict,command="hostname" {public(KEY)}')

    assert ask(spec, **request_) == ("gpu-01\n", "", 0)


def test_nothing_that_a_tenant_sends_is_executed(serve, spec, tmp_path):
    serve(public(KEY))
    canary = tmp_path / "canary"

    found = [
        ask(spec, f"touch {canary}"),
        ask(spec, f"echo $(touch {canary}) `touch {canary}`; touch {canary}"),
        ask(spec, None, input=f"touch {canary}\n. {canary}\nhostname\nexit\n"),
        ask(spec, None, subsystem="netconf"),
        ask(spec, "true", env={"LD_PRELOAD": str(canary), "BASH_ENV": str(canary)}),
    ]

    assert [status for _, _, status in found] == [127, 0, 0, 1, 0]
    assert not canary.exists()
    assert "gpu-01\n" in found[2][0]
    assert found[3][:2] == ("", "subsystem netconf: there is none (emulated server)\n")


def test_no_door_leads_on_to_the_host(serve, spec):
    serve(public(KEY))

    async def go():
        async with session(spec) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", spec.ssh_port)
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_unix_connection("/run/x")
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.start_sftp_client()

    asyncio.run(go())


def test_a_clients_agent_leaves_no_socket_on_the_host(serve, spec, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    serve(public(KEY))

    async def go():
        async with session(spec, agent_path=str(tmp_path / "agent"), agent_forwarding=True) as connection:
            await connection.run("true")
            return [path.name for path in tmp_path.iterdir()]

    assert asyncio.run(go()) == []


def test_a_resized_window_and_ctrl_c_leave_the_session_open(serve, spec):
    serve(public(KEY))
    seen = []

    async def prompts(process, number):
        async with asyncio.timeout(60):
            while "".join(seen).count("ubuntu@gpu-01:~$ ") < number:
                seen.append(await process.stdout.read(1000))

    async def go():
        async with session(spec) as connection:
            process = await connection.create_process(term_type="xterm", term_size=(80, 24))
            await prompts(process, 1)
            process.change_terminal_size(120, 40)
            process.stdin.write("hostname\n")
            await prompts(process, 2)
            process.stdin.write("\x03")
            await prompts(process, 3)
            process.send_signal("INT")
            await prompts(process, 4)
            process.stdin.write("whoami\nexit\n")
            await process.wait()
            return process.exit_status

    assert asyncio.run(go()) == 0
    assert "hostname\r\ngpu-01\r\n" in "".join(seen)


def test_an_endless_line_is_cut_off_and_the_session_goes_on(serve, spec):
    serve(public(KEY))

    async def go():
        async with session(spec) as connection:
            process = await connection.create_process()
            for _ in range(64):
                process.stdin.write("x" * 65536)
                await process.stdin.drain()
            process.stdin.write("\nhostname\nexit\n")
            async with asyncio.timeout(60):
                return (await process.wait()).stdout

    text = asyncio.run(go())

    assert "the line is too long" in text
    assert "gpu-01\n" in text


@pytest.mark.parametrize("kind", ["not logged in", "no session", "a shell", "two sessions, one of them over"])
def test_power_off_drops_every_connection(serve, spec, kind):
    sshd = serve(public(KEY))

    async def stranger():
        reader, writer = await asyncio.open_connection(spec.ssh_host, spec.ssh_port)
        writer.write(b"SSH-2.0-slow\r\n")
        await reader.readline()
        await asyncio.to_thread(sshd.stop)
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()

    async def go():
        async with session(spec) as connection:
            if kind == "a shell":
                await connection.create_process()
            if kind.startswith("two"):
                await connection.create_process()
                await connection.run("true")
            await asyncio.to_thread(sshd.stop)
            async with asyncio.timeout(60):
                await connection.wait_closed()

    asyncio.run(stranger() if kind == "not logged in" else go())

    assert not is_open(spec)


def test_who_knocks_while_it_closes_is_not_let_in(serve, spec):
    sshd = serve(public(KEY))
    sshd.closed = True

    with pytest.raises((OSError, asyncssh.Error)):
        ask(spec, "hostname")

    assert sshd.connections == set()


def test_connections_that_end_are_forgotten(serve, spec):
    sshd = serve(public(KEY))

    for _ in range(5):
        ask(spec, "hostname")

    async def settled():
        async with asyncio.timeout(60):
            while sshd.connections:
                await asyncio.sleep(0.01)

    sshd.loop.run(settled())
    assert sshd.connections == set()
