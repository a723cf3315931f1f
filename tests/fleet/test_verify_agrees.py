"""What the portal takes for proof, and what the offline checker does: the same, or certificates would be refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.clock import as_rfc3339
from portal.fleet.erase_policy import SAMPLE_BLOCKS, SAMPLE_BYTES
from portal.fleet.models import Erasure
from portal.fleet.verify import Refused, read
from tests.fleet.test_verify import KEYS, certificate, signed

BEGUN = datetime(2030, 1, 15, tzinfo=UTC)
SIZES = st.sampled_from([0, 1, 4096, SAMPLE_BYTES - 1, SAMPLE_BYTES, SAMPLE_BYTES + 4096, 2**40])
NEAR = st.sampled_from([0, 0, 0, 0, -1, 1, 4096])


@st.composite
def erasures(draw):
    size, mode = draw(SIZES), draw(st.sampled_from(["full", "sample"]))
    read_back = size if mode == "full" else draw(st.sampled_from([size, SAMPLE_BYTES]))
    return Erasure(
        drive_serial="D1",
        method="overwrite",
        size_bytes=size,
        bytes_erased=max(0, size + draw(NEAR)),
        verify_mode=mode,
        bytes_verified=max(0, read_back + draw(NEAR)),
        blocks_sampled=0 if mode == "full" else SAMPLE_BLOCKS + draw(st.sampled_from([0, 0, 0, -1, 1, 2**30])),
        residue_bytes=draw(st.sampled_from([0, 0, 0, 1])),
        started_at=BEGUN,
        ended_at=BEGUN + timedelta(seconds=draw(st.sampled_from([0, 0, 1, -1]))),
    )


@settings(max_examples=300)
@given(erasures())
def test_the_checker_refuses_what_is_no_proof_and_nothing_else(erasure):
    begun, ended = as_rfc3339(erasure.started_at), as_rfc3339(erasure.ended_at)
    file = signed(
        certificate(
            drive={"serial": "D1", "model": "", "firmware": "", "size_bytes": erasure.size_bytes},
            erasure={
                "method": "overwrite", "bytes_erased": erasure.bytes_erased,
                "started_at": begun, "ended_at": ended, "recorded_at": ended,
            },
            verification={
                "mode": erasure.verify_mode, "bytes_verified": erasure.bytes_verified,
                "blocks_sampled": erasure.blocks_sampled, "residue_bytes": erasure.residue_bytes,
            },
        )
    )  # fmt: skip

    if any(erasure.own_flaws()):
        with pytest.raises(Refused):
            read(file, KEYS)
    else:
        read(file, KEYS)
