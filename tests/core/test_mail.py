"""Mail is sent once, with the page that says the same, and holds up nobody."""

import smtplib

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from portal.core.mail import mail_people


def test_a_mail_ends_with_the_address_of_its_page(settings):
    settings.METALYARD_PUBLIC_URL = "https://portal.example.test"
    addresses = ["a@example.test", "b@example.test"]

    assert mail_people("It ends", "It ends soon.\n", addresses, page="/sla", otherwise="the end")

    (sent,) = mail.outbox
    assert (sent.subject, sent.to) == ("It ends", addresses)
    assert sent.body == "It ends soon.\n\nhttps://portal.example.test/sla\n"


def test_what_somebody_wrote_adds_no_header():
    assert mail_people("End of a\r\nBcc: all@example.test", "Text", ["a@example.test"], page="/", otherwise="")

    assert mail.outbox[0].subject == "End of a Bcc: all@example.test"
    assert mail.outbox[0].recipients() == ["a@example.test"]


def test_nobody_to_tell_is_no_mail():
    assert not mail_people("Subject", "Text", [], page="/", otherwise="")

    assert mail.outbox == []


@pytest.mark.parametrize("error", [OSError("no route"), smtplib.SMTPRecipientsRefused({})])
def test_a_mail_server_that_fails_holds_up_nobody(error, monkeypatch, caplog):
    def refuse(*_args):
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)

    assert not mail_people("Subject", "Text", ["a@example.test"], page="/", otherwise="the end of res_1")

    assert "not told by mail: the end of res_1" in caplog.text
