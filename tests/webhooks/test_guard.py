"""Nothing of ours can be reached by a webhook, whatever the address says and the name server answers."""

import socket

import pytest

from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.webhooks.models import Attempt, Endpoint
from portal.webhooks.services.announcing import announce
from provisioning.webhooks import deliver_webhooks
from tests.webhooks.receiving import endpoint

pytestmark = pytest.mark.django_db

INNER = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[fe80::1]",
    "[fc00::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "localhost",
    "localhost.",
]
MALFORMED = [
    "",
    "example.com",
    "http://example.com/",
    "HTTPS://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "https://",
    "https:///hooks",
    "https://user:word@example.com/",
    "https://user@example.com/",
    "https://example.com/#part",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/a b",
    "https://example.com/\r\nHost: x",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://[::1/",
    "https://example.com/" + "x" * 1000,
]


def say(scope):
    announce(actor=SYSTEM, event_type="incident.opened", data={"id": "inc_1"}, projects=[scope.project])
    deliver_webhooks()
    return Attempt.objects.latest("pk")


@pytest.mark.parametrize("host", INNER)
def test_what_is_not_public_is_not_connected_to(scope, receiver, settings, host):
    settings.METALYARD_WEBHOOK_NETWORKS = []
    endpoint(scope, receiver.url(host))
    tried = say(scope)

    assert receiver.got == []
    assert tried.status is None
    assert tried.error in ("The name leads to an address that is not public.", "The name has no address.")


@pytest.mark.parametrize("url", MALFORMED)
def test_addresses_that_nobody_can_post_to_are_refused(scope, url):
    with pytest.raises(InvalidInput) as refused:
        endpoint(scope, url)

    assert [error.field for error in refused.value.errors] == ["url"]
    assert not Endpoint.objects.exists()


def answering(monkeypatch, *addresses):
    """Let the name server answer with one list of addresses after the other; return what was asked."""
    answers, asked, real = list(addresses), [], socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host != "hooks.example.test":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("found", [["10.0.0.7"], ["93.184.216.34", "127.0.0.1"]])
def test_a_name_that_leads_inside_is_refused_also_where_only_one_of_its_addresses_does(
    scope, receiver, settings, monkeypatch, found
):
    settings.METALYARD_WEBHOOK_NETWORKS = []
    answering(monkeypatch, found)
    endpoint(scope, receiver.url("hooks.example.test"))

    assert say(scope).error == "The name leads to an address that is not public."
    assert receiver.got == []


def test_the_connection_is_made_to_the_address_that_was_checked(scope, receiver, monkeypatch):
    # A second question would lead to an address where nobody answers.
    asked = answering(monkeypatch, ["127.0.0.1"], ["10.0.0.7"])
    endpoint(scope, receiver.url("hooks.example.test"))
    tried = say(scope)

    # The receiver is reached, and has a certificate for another name.
    assert asked == ["hooks.example.test"]
    assert tried.error.startswith("The certificate is not accepted: ")
    assert receiver.got == []


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(scope, receiver, settings):
    settings.METALYARD_WEBHOOK_CA_FILE = ""
    endpoint(scope, receiver.url())

    assert say(scope).error.startswith("The certificate is not accepted: ")
    assert receiver.got == []


def test_no_proxy_of_the_environment_is_asked(scope, receiver, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    endpoint(scope, receiver.url())

    assert say(scope).status == 204


def test_who_answers_a_byte_now_and_then_is_cut_off(scope, receiver, monkeypatch):
    monkeypatch.setattr("provisioning.webhooks.LIMIT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint(scope, f"https://127.0.0.1:{silent.getsockname()[1]}/")
        tried = say(scope)

    assert (tried.status, tried.error) == (None, "No answer within 0.5 s.")
