import gc

from assay.adapters.supervision.gunicorn_hooks import when_ready


def test_what_a_server_shares_with_its_workers_is_left_alone_by_their_collectors() -> None:
    before = gc.get_freeze_count()
    try:
        when_ready(None)
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()
