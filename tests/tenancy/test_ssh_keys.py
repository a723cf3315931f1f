"""Public keys as people paste them: what is a key is read, everything else is refused with the way out."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from portal.core.errors import InvalidInput
from portal.tenancy.ssh_keys import COMMENT_LENGTH, MAX_LENGTH, TYPES, parse_public_key
from tests.factories import KEY


def line_of(private):
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def string(value):
    return len(value).to_bytes(4, "big") + value


def security_key(key_type, plain_line, application=b"ssh:"):
    """Write a hardware-backed key as PROTOCOL.u2f of OpenSSH does: the plain key's fields, then the application."""
    plain_type, body = plain_line.split()
    fields = base64.b64decode(body)[4 + len(plain_type) :]
    whole = string(key_type.encode()) + fields + string(application)
    return f"{key_type} {base64.b64encode(whole).decode()}"


ED25519 = line_of(ed25519.Ed25519PrivateKey.generate())
RSA = {bits: line_of(rsa.generate_private_key(65537, bits)) for bits in (1024, 2048, 3072)}
ECDSA = {
    curve.key_size: line_of(ec.generate_private_key(curve))
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
}
GOOD = [
    ED25519,
    RSA[2048],
    RSA[3072],
    *ECDSA.values(),
    security_key("sk-ssh-ed25519@openssh.com", ED25519),
    security_key("sk-ecdsa-sha2-nistp256@openssh.com", ECDSA[256]),
]
TYPE, BODY = ED25519.split()


def test_every_accepted_type_is_tried():
    assert {line.split()[0] for line in GOOD} == set(TYPES)


@pytest.mark.parametrize("line", GOOD, ids=lambda line: line.split()[0])
@pytest.mark.parametrize("comment", ["", "ana@lab", "Ana's laptop, Zürich"])
def test_a_real_key_is_read(line, comment):
    parsed = parse_public_key(f"  {line} {comment}\n")

    assert parsed.line == f"{line} {comment}".strip()
    assert parsed.key_type == line.split()[0]
    assert parsed.comment == comment


def test_the_fingerprint_is_the_one_that_ssh_keygen_shows():
    # `ssh-keygen -lf` of the factories' key.
    assert parse_public_key(KEY).fingerprint == "SHA256:WObw7tlT7tYtBRyUBEw0dB/IpLH8bm0gTK9dKvKQm3I"


def test_space_around_and_between_is_taken_in():
    assert parse_public_key(f"\n {TYPE}   {BODY}  two  words \r\n").line == f"{TYPE} {BODY} two  words"


def test_base64_that_openssh_would_refuse_is_written_anew():
    key_type, body = ECDSA[256].split()
    assert body.count("=") == 1, "the last digit must have two unused bits"
    with_bits = f"{body[:-2]}{chr(ord(body[-2]) + 1)}="

    assert base64.b64decode(with_bits) == base64.b64decode(body)
    assert parse_public_key(f"{key_type} {with_bits}").line == ECDSA[256]


def test_a_long_comment_is_cut():
    parsed = parse_public_key(f"{ED25519} {'x' * (COMMENT_LENGTH - 1)} tail")

    assert parsed.comment == "x" * (COMMENT_LENGTH - 1)


def private_key(form):
    return ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def dsa_line():
    """Write a DSA key by hand: cryptography no longer does."""
    numbers = dsa.generate_private_key(1024).public_key().public_numbers()  # noqa: S505 - to be refused
    whole = numbers.parameter_numbers
    fields = [value.to_bytes(value.bit_length() // 8 + 1, "big") for value in (whole.p, whole.q, whole.g, numbers.y)]
    body = b"".join(string(field) for field in [b"ssh-dss", *fields])
    return f"ssh-dss {base64.b64encode(body).decode()}"


REFUSED = {
    "empty": ("", "malformed"),
    "only a word": ("hello", "malformed"),
    "only a type": (TYPE, "malformed"),
    "OpenSSH private key": (private_key(PrivateFormat.OpenSSH), "private_key"),
    "PKCS8 private key": (private_key(PrivateFormat.PKCS8), "private_key"),
    "private key in one line": (private_key(PrivateFormat.OpenSSH).replace("\n", " "), "private_key"),
    "PuTTY's private key": (f"PuTTY-User-Key-File-3: {TYPE}\nEncryption: none\n", "private_key"),
    "options": (f'command="id" {ED25519}', "malformed"),
    "option without a value": (f"no-pty {ED25519}", "malformed"),
    "two lines": (f"{ED25519}\n{ED25519}", "several_lines"),
    "two lines of an old Mac": (f"{ED25519}\r{ED25519}", "several_lines"),
    "weak RSA": (RSA[1024], "weak"),
    "cut": (ED25519[:-4], "malformed"),
    "cut inside a group": (ED25519[:-1], "malformed"),
    "cut hardware-backed key": (GOOD[-2][:-4], "malformed"),
    "hardware-backed key of a website": (security_key("sk-ssh-ed25519@openssh.com", ED25519, b"web:"), "malformed"),
    "something behind": (f"{TYPE} {base64.b64encode(base64.b64decode(BODY) + b'more').decode()}", "malformed"),
    "not base64": (f"{TYPE} {BODY[:-1]}!", "malformed"),
    "not ASCII": (f"{TYPE} {BODY[:-1]}é", "malformed"),
    "another type in front": (f"ssh-rsa {BODY}", "malformed"),
    "another curve in front": (f"ecdsa-sha2-nistp384 {ECDSA[256].split()[1]}", "malformed"),
    "unknown type": (f"ssh-ed448 {BODY}", "malformed"),
    "type in capitals": (f"SSH-ED25519 {BODY}", "malformed"),
    "certificate": (f"ssh-ed25519-cert-v01@openssh.com {BODY}", "malformed"),
    "DSA": (dsa_line(), "malformed"),
    "no point on the curve": (
        f"ecdsa-sha2-nistp256 {base64.b64encode(base64.b64decode(ECDSA[256].split()[1])[:-4] + bytes(4)).decode()}",
        "malformed",
    ),
    "too long": (f"{ED25519} {'x' * MAX_LENGTH}", "too_long"),
    "NUL": (f"{ED25519} a\x00b", "several_lines"),
    "escape sequence": (f"{ED25519} \x1b[2J", "several_lines"),
    "tab": (f"{TYPE}\t{BODY}", "several_lines"),
    "delete": (f"{ED25519} a\x7fb", "several_lines"),
    "next line": (f"{ED25519} a\x85b", "several_lines"),
    "line separator": (f"{ED25519} a\u2028{ED25519}", "several_lines"),
    "text turned around": (f"{ED25519} a\u202eb", "several_lines"),
    "half a character": (f"{ED25519} \ud800", "several_lines"),
}


@pytest.mark.parametrize("text, code", REFUSED.values(), ids=REFUSED)
def test_everything_else_is_refused_on_its_field(text, code):
    with pytest.raises(InvalidInput) as refusal:
        parse_public_key(text)

    (error,) = refusal.value.errors
    assert (error.field, error.code) == ("public_key", code)
    assert error.detail.endswith(".")


def test_a_body_of_another_type_is_called_so():
    with pytest.raises(InvalidInput, match="not of the type ssh-rsa that the line begins with"):
        parse_public_key(f"ssh-rsa {BODY}")


def test_a_comment_may_speak_of_a_private_key():
    assert parse_public_key(f"{ED25519} MY PRIVATE KEY").comment == "MY PRIVATE KEY"


def test_the_refusal_of_a_private_key_does_not_repeat_it():
    text = private_key(PrivateFormat.OpenSSH)

    with pytest.raises(InvalidInput) as refusal:
        parse_public_key(text)

    assert not any(line in str(refusal.value) for line in text.splitlines())


@given(st.sampled_from(GOOD), st.text(max_size=40))
@example(ED25519, "\u2029 b")
def test_what_is_accepted_is_one_line_for_every_program_and_reads_the_same_again(line, tail):
    text = f"{line} {tail}".strip()
    if not text.isprintable():
        with pytest.raises(InvalidInput):
            parse_public_key(text)
        return

    parsed = parse_public_key(text)

    assert parsed.line.splitlines() == [parsed.line]
    assert parse_public_key(parsed.line) == parsed
