"""HTTPS in front of the BMCs, with clients that are slow, wrong or gone."""

from __future__ import annotations

import socket
import ssl
import threading

import httpx
import pytest

from provisioning.simulator.fleet import Fleet, Timings
from provisioning.simulator.server import TLSServer
from tests.provisioning.simulator.emulator import free_port, until


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['wsgi.url_scheme']} {environ['PATH_INFO']}".encode()]


def fleet_at(port, demo_tls, **changes):
    files = {"cert": demo_tls.certificate, "key": demo_tls.key, **changes}
    return Fleet("127.0.0.1", port, timings=Timings(), **files)


@pytest.fixture
def server(demo_tls):
    server = TLSServer(fleet_at(free_port(), demo_tls), app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def get(server, demo_tls):
    def go(path="/x", ca=demo_tls.ca):
        context = ssl.create_default_context(cafile=ca)
        return httpx.get(f"https://127.0.0.1:{server.port}{path}", verify=context, trust_env=False, timeout=60)

    return go


def test_it_answers_who_trusts_the_demo_ca_and_nobody_else(get):
    assert get("/hello").text == "https /hello"
    with pytest.raises(httpx.ConnectError, match="certificate"):
        get(ca=None)


def test_clients_that_say_nothing_or_nonsense_hold_up_nobody(get, server):
    threads = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    for number, client in enumerate(silent):
        if number % 2:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")

    assert get().text == "https /x"

    for client in silent:
        client.close()
    until(lambda: threading.active_count() <= threads)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_old_tls_is_not_spoken(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", server.port)) as raw,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(raw)


def test_an_address_in_use_is_named(server, demo_tls):
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
        TLSServer(fleet_at(server.port, demo_tls), app)


@pytest.mark.parametrize("name,words", [("missing", "No such file"), ("junk", "junk.crt")])
def test_a_certificate_that_cannot_be_used_is_named(demo_tls, tmp_path, name, words):
    (tmp_path / "junk.crt").write_text("junk")
    port = free_port()

    with pytest.raises(OSError, match=f"certificate .*{name}.crt with key .*{words}|certificate .*{words}"):
        TLSServer(fleet_at(port, demo_tls, cert=tmp_path / f"{name}.crt"), app)

    with socket.create_server(("127.0.0.1", port)):
        pass
