"""The worker's processes: what its first one has loaded is shared by all of them."""

import gc

from portal.celery import SharedMemory, app


def test_what_is_loaded_before_a_process_is_forked_is_left_out_of_its_garbage_collection():
    assert SharedMemory in app.steps["worker"]
    assert not gc.get_freeze_count()
    try:
        app.WorkController(app=app, hostname="w@test", pool="prefork")

        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
