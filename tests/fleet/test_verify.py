"""Certificates, checked offline: what was signed passes, and nothing else."""

import base64
import copy
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from portal.fleet.erase_policy import SAMPLE_BLOCKS, SAMPLE_BYTES
from portal.fleet.verify import (
    Refused,
    canonical,
    check_chain,
    digest_of,
    envelope,
    key_id_of,
    keys_in,
    read,
)

# The secret key of RFC 8032's first test vector: it signs nothing else.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
PUBLIC = KEY.public_key().public_bytes_raw()
KEYS = {key_id_of(PUBLIC): PUBLIC}
AT = "2030-01-15T12:00:00Z"


def certificate(sequence=1, previous=None, **changes):
    return {
        "version": 1,
        "id": f"crt_{sequence:026d}",
        "issuer": "https://portal.example",
        "issued_at": AT,
        "key_id": key_id_of(PUBLIC),
        "server": {"id": "srv_1", "serial": "SN1"},
        "sequence": sequence,
        "previous": previous,
        "drive": {"serial": "D1", "model": "Ünïcode 1", "firmware": "F1", "size_bytes": 4096},
        "erasure": {
            "method": "overwrite", "bytes_erased": 4096, "started_at": AT, "ended_at": AT, "recorded_at": AT,
        },
        "verification": {"mode": "full", "bytes_verified": 4096, "blocks_sampled": 0, "residue_bytes": 0},
        "firmware": [{"component": "BIOS", "version": "1", "expected": "1", "matches": True, "at": AT}],
        "operation": "op_1",
        "organization": "org_1",
        "project": "prj_1",
        "reservation": "res_1",
        **changes,
    }  # fmt: skip


def signed(document, key=KEY):
    return envelope(document, key.sign(canonical(document)))


def chain(length):
    made = []
    for number in range(1, length + 1):
        made.append(certificate(number, digest_of(canonical(made[-1])) if made else None))
    return made


FILE = signed(certificate())


def test_what_was_signed_is_read():
    assert read(FILE, KEYS) == certificate()


def test_every_changed_byte_is_refused():
    for place in range(len(FILE)):
        for other in {FILE[place] ^ 1, FILE[place] ^ 0x20, ord("0"), ord(" ")} - {FILE[place]}:
            with pytest.raises(Refused):
                read(FILE[:place] + bytes([other]) + FILE[place + 1 :], KEYS)


@given(st.integers(0, len(FILE)), st.binary(min_size=1, max_size=4))
def test_every_added_byte_is_refused(place, more):
    with pytest.raises(Refused):
        read(FILE[:place] + more + FILE[place:], KEYS)


@given(st.integers(0, len(FILE) - 1))
def test_every_part_is_refused(end):
    with pytest.raises(Refused):
        read(FILE[:end], KEYS)


def leaves(value, path=()):
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for number, inner in enumerate(value) for leaf in leaves(inner, (*path, number))]
    return [path]


def changed(path, value):
    document = copy.deepcopy(certificate())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


GONE = "(left out)"
SIGNATURE = json.loads(FILE)["signature"]


@pytest.mark.parametrize("path", leaves(certificate()), ids=str)
@pytest.mark.parametrize("value", [GONE, None, "other", 7, 1.5, True, [], {}], ids=str)
def test_every_changed_field_is_refused_even_in_canonical_form(path, value):
    document = changed(path, value)
    if canonical(document) == canonical(certificate()):
        return
    with pytest.raises(Refused):
        read(envelope(document, base64.b64decode(SIGNATURE)), KEYS)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"version": 2}, "version 2"),
        ({"more": 1}, "has not the fields"),
        ({"id": "res_1"}, "id is not"),
        ({"sequence": 0}, "place in the chain"),
        ({"sequence": 2}, "place in the chain"),
        ({"sequence": True}, "sequence is not"),
        ({"previous": "0" * 64}, "place in the chain"),
        ({"drive": {"serial": "D1", "model": "", "firmware": "", "size_bytes": 4097}}, "all was erased"),
        (
            {"verification": {"mode": "full", "bytes_verified": 1, "blocks_sampled": 0, "residue_bytes": 0}},
            "all was read back",
        ),
        (
            {"verification": {"mode": "full", "bytes_verified": 4096, "blocks_sampled": 0, "residue_bytes": 1}},
            "nothing left",
        ),
        (
            {
                "drive": {"serial": "D1", "model": "", "firmware": "", "size_bytes": 0},
                "erasure": {
                    "method": "overwrite",
                    "bytes_erased": 0,
                    "started_at": AT,
                    "ended_at": AT,
                    "recorded_at": AT,
                },
                "verification": {"mode": "full", "bytes_verified": 0, "blocks_sampled": 0, "residue_bytes": 0},
            },
            "all was erased",
        ),
        (
            {
                "erasure": {
                    "method": "overwrite",
                    "bytes_erased": 4096,
                    "started_at": AT,
                    "ended_at": "2030-01-15T11:59:59Z",
                    "recorded_at": AT,
                }
            },
            "ended before it began",
        ),
        (
            {"firmware": [{"component": "BIOS", "version": "6.6", "expected": "1", "matches": False, "at": AT}]},
            "firmware is not as it should be .BIOS",
        ),
        ({"verification": {"mode": "sample", "bytes_verified": 0, "blocks_sampled": 0, "residue_bytes": 0}}, "5000"),
    ],
)
def test_what_makes_no_sense_is_refused_though_it_is_signed(changes, words):
    with pytest.raises(Refused, match=words):
        read(signed(certificate(**changes)), KEYS)


@pytest.mark.parametrize(
    "blocks, read_back, is_good",
    [
        (SAMPLE_BLOCKS, SAMPLE_BYTES, True),
        (SAMPLE_BLOCKS - 1, SAMPLE_BYTES, False),
        (SAMPLE_BLOCKS, SAMPLE_BYTES - 1, False),
        (SAMPLE_BLOCKS + 1, SAMPLE_BYTES, False),
        (SAMPLE_BLOCKS, 2**40 + 1, False),
    ],
)
def test_a_sample_is_as_large_as_the_portal_asks(blocks, read_back, is_good):
    times = {"started_at": AT, "ended_at": AT, "recorded_at": AT}
    document = certificate(
        drive={"serial": "D1", "model": "", "firmware": "", "size_bytes": 2**40},
        erasure={"method": "blkdiscard", "bytes_erased": 2**40, **times},
        verification={
            "mode": "sample", "bytes_verified": read_back, "blocks_sampled": blocks, "residue_bytes": 0,
        },
    )  # fmt: skip

    if is_good:
        assert read(signed(document), KEYS) == document
        return
    with pytest.raises(Refused, match="random blocks"):
        read(signed(document), KEYS)


def test_another_key_signs_nothing():
    other = Ed25519PrivateKey.generate()

    with pytest.raises(Refused, match="signature is false"):
        read(signed(certificate(), other), KEYS)
    with pytest.raises(Refused, match="none of the given"):
        read(FILE, {})


def test_a_key_under_anothers_id_is_not_believed():
    """The id of a key is worked out, not read: a set of keys cannot pass one off as another."""
    forger = Ed25519PrivateKey.generate()
    public = base64.b64encode(forger.public_key().public_bytes_raw()).decode()
    keys = keys_in(json.dumps({"keys": [{"key_id": key_id_of(PUBLIC), "public_key": public}]}).encode())

    with pytest.raises(Refused):
        read(signed(certificate(), forger), keys)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_whole_chain_is_good_in_any_order(count):
    check_chain(chain(count))
    check_chain(list(reversed(chain(count))))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_link_is_named(missing):
    links = chain(5)
    del links[missing]

    with pytest.raises(Refused, match=f"number {missing + 1} is missing"):
        check_chain(links)


def test_swapped_and_doubled_links_are_refused():
    links = chain(4)
    swapped = [links[0], {**links[2], "sequence": 2}, {**links[1], "sequence": 3}, links[3]]

    with pytest.raises(Refused, match="does not follow"):
        check_chain(swapped)
    with pytest.raises(Refused, match="two certificates are number 2"):
        check_chain([*links, links[1]])
