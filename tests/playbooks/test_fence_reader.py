"""The fence as the plugin reads it: whatever is not a fresh fence of our epoch is a lost fence."""

from __future__ import annotations

import time

import pytest
from ansible_collections.metalyard.metal.plugins.plugin_utils.fence import Fence as FenceReader
from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

from provisioning.fence import Fence, drop_fence, write_fence


def test_what_the_worker_writes_the_plugin_accepts(tmp_path):
    write_fence(tmp_path / "fence.json", Fence(epoch=7, expires_at=time.time() + 600))

    left = FenceReader(tmp_path / "fence.json", epoch=7).seconds_left()

    assert 500 < left <= 600


@pytest.mark.parametrize("epoch, seconds, reason", [(8, 600, "taken over"), (6, 600, "taken over"), (7, -0.1, "ended")])
def test_another_epoch_or_an_ended_lease_is_lost(tmp_path, epoch, seconds, reason):
    write_fence(tmp_path / "fence.json", Fence(epoch=epoch, expires_at=time.time() + seconds))

    with pytest.raises(Refusal, match=reason) as refusal:
        FenceReader(tmp_path / "fence.json", epoch=7).seconds_left()

    assert refusal.value.code == "fence_lost"


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "7", '{"epoch": 7}',
        '{"epoch": true, "expires_at": 9e12}', '{"epoch": "7", "expires_at": 9e12}',
        '{"epoch": 7, "expires_at": "9e12"}', '{"epoch": 7, "expires_at": NaN}', '{"epoch": 7.0, "expires_at": 9e12}',
    ],
)  # fmt: skip
def test_a_malformed_fence_is_lost(tmp_path, content):
    (tmp_path / "fence.json").write_text(content)

    with pytest.raises(Refusal) as refusal:
        FenceReader(tmp_path / "fence.json", epoch=7).seconds_left()

    assert refusal.value.code == "fence_lost"


def test_a_dropped_fence_is_lost(tmp_path):
    write_fence(tmp_path / "fence.json", Fence(epoch=7, expires_at=time.time() + 60))
    drop_fence(tmp_path / "fence.json")

    with pytest.raises(Refusal) as refusal:
        FenceReader(tmp_path / "fence.json", epoch=7).seconds_left()

    assert refusal.value.code == "fence_lost"
