"""The worker's processes: what its first one has loaded is shared by all of them."""

import gc

from celery.signals import worker_before_create_process

from portal.celery import app


def test_what_is_loaded_before_a_process_is_forked_is_left_out_of_its_garbage_collection():
    assert not gc.get_freeze_count()
    try:
        worker_before_create_process.send(sender=app)

        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
