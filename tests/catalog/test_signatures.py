"""Who signed an image: our own signature is what openssl makes and checks, and nothing may have changed since."""

import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.signatures import BadKey, signed, signer_of
from portal.fleet.verify import key_id_of

DESCRIPTION = b'{"slug": "debian-12"}\n'


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def written(key):
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def test_the_signer_is_found_among_those_who_are_trusted():
    signature = signed(DESCRIPTION, pem(KEY))

    assert signer_of(DESCRIPTION, signature, [written(OTHER), written(KEY)]) == key_id_of(
        KEY.public_key().public_bytes_raw()
    )
    assert signer_of(DESCRIPTION, signature, [written(OTHER)]) == ""
    assert signer_of(DESCRIPTION, signature, []) == ""


@given(place=st.integers(0, len(DESCRIPTION) + 63), bit=st.integers(0, 7))
def test_not_a_bit_may_differ(place, bit):
    whole = bytearray(DESCRIPTION + signed(DESCRIPTION, pem(KEY)))
    whole[place] ^= 1 << bit

    assert signer_of(bytes(whole[: len(DESCRIPTION)]), bytes(whole[len(DESCRIPTION) :]), [written(KEY)]) == ""


@pytest.mark.parametrize("length", [0, 63, 65])
def test_what_has_another_length_is_no_signature(length):
    assert signer_of(DESCRIPTION, bytes(length), [written(KEY)]) == ""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed (apt-get install openssl)")
def test_openssl_makes_the_same(tmp_path):
    (tmp_path / "key.pem").write_bytes(pem(KEY))
    (tmp_path / "told.json").write_bytes(DESCRIPTION)
    sign = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "key.pem", "-in", "told.json", "-out", "told.json.sig"]

    subprocess.run(sign, cwd=tmp_path, check=True, timeout=60)

    assert (tmp_path / "told.json.sig").read_bytes() == signed(DESCRIPTION, pem(KEY))


@pytest.mark.parametrize("bad", [b"", b"no key", pem(generate_private_key(65537, 2048))], ids=["empty", "text", "RSA"])
def test_only_an_ed25519_key_signs(bad):
    with pytest.raises(BadKey):
        signed(DESCRIPTION, bad)


@pytest.mark.parametrize("bad", ["no base 64!", "AAAA"])
def test_a_trusted_key_that_is_none_is_named(bad):
    with pytest.raises(BadKey, match=bad):
        signer_of(DESCRIPTION, bytes(64), [bad])
