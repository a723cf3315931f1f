"""The fence file, the worker's side. The reader on Ansible's side: tests/playbooks/test_fence_reader.py."""

from __future__ import annotations

import threading

import pytest

from provisioning.fence import Fence, FenceUnreadable, drop_fence, read_fence, write_fence


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "fence.json"

    write_fence(path, Fence(epoch=3, expires_at=1700000000.25))

    assert read_fence(path) == Fence(epoch=3, expires_at=1700000000.25)
    assert path.read_text() == '{"epoch": 3, "expires_at": 1700000000.25}'
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_reader_never_sees_half_a_fence(tmp_path):
    """The control is the writer itself: it has replaced the file many times while we read."""
    path = tmp_path / "fence.json"
    write_fence(path, Fence(0, 0.0))
    done = threading.Event()
    written = []

    def keep_fresh():
        while not done.is_set():
            written.append(len(written) + 1)
            write_fence(path, Fence(written[-1], float(written[-1])))

    writer = threading.Thread(target=keep_fresh)
    writer.start()
    seen = []
    # The reader may be quick or the disk slow: it is not over before the writer has been at work as well.
    while len(seen) < 2000 or len(written) <= 20:
        seen.append(read_fence(path))
    done.set()
    writer.join()

    assert all(fence.expires_at == fence.epoch for fence in seen)
    assert [fence.epoch for fence in seen] == sorted(fence.epoch for fence in seen)


def test_a_failed_write_leaves_the_old_fence_and_no_litter(tmp_path):
    path = tmp_path / "fence.json"
    write_fence(path, Fence(1, 2.0))

    with pytest.raises(TypeError):
        write_fence(path, Fence(epoch=object(), expires_at=1.0))

    assert read_fence(path) == Fence(1, 2.0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["fence.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"epoch": 1}', '{"epoch": "x", "expires_at": 1}'])
def test_what_is_not_a_fence_is_unreadable(tmp_path, content):
    path = tmp_path / "fence.json"
    path.write_text(content)

    with pytest.raises(FenceUnreadable, match=r"fence\.json"):
        read_fence(path)


def test_a_dropped_fence_is_gone_and_may_be_dropped_again(tmp_path):
    path = tmp_path / "fence.json"
    write_fence(path, Fence(1, 2.0))

    drop_fence(path)
    drop_fence(path)

    with pytest.raises(FenceUnreadable):
        read_fence(path)
