"""Secrets are readable with any of the configured keys and with no other."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from portal.core import secrets

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def test_what_is_stored_hides_the_text_and_gives_it_back():
    stored = secrets.encrypt("pässword")

    assert "pässword" not in stored
    assert stored != secrets.encrypt("pässword"), "equal secrets must not look equal"
    assert secrets.decrypt(stored) == "pässword"


def test_keys_can_be_rotated(settings):
    settings.METALYARD_SECRETS_KEYS = [OLD]
    before = secrets.encrypt("secret")
    settings.METALYARD_SECRETS_KEYS = [NEW, OLD]

    after = secrets.encrypt("secret")

    assert secrets.decrypt(before) == "secret", "the old key still opens what it closed"
    settings.METALYARD_SECRETS_KEYS = [NEW]
    assert secrets.decrypt(after) == "secret", "new secrets are closed with the first key"
    with pytest.raises(ValueError, match="No configured key opens this secret"):
        secrets.decrypt(before)


@pytest.mark.parametrize(
    "stored",
    ["", "junk", "gAAAAABé", Fernet(OTHER).encrypt(b"secret").decode()],
    ids=["empty", "junk", "not base64", "of another key"],
)
def test_what_no_key_opens_is_refused(stored):
    with pytest.raises(ValueError, match="No configured key opens this secret"):
        secrets.decrypt(stored)


@pytest.mark.parametrize("keys, problem", [([], "is empty"), ([""], "is empty"), (["short"], "32 url-safe base64")])
def test_unusable_keys_are_a_problem_of_the_configuration(settings, keys, problem):
    settings.METALYARD_SECRETS_KEYS = keys

    with pytest.raises(ImproperlyConfigured, match=f"METALYARD_SECRETS_KEYS.*{problem}"):
        secrets.encrypt("secret")
