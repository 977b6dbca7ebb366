import gc

from assay.adapters.supervision.gunicorn_hooks import pre_fork


def test_what_a_server_shares_with_its_workers_is_left_alone_by_their_collectors() -> None:
    before = gc.get_freeze_count()
    try:
        pre_fork(None, None)
        assert gc.get_freeze_count() > before + 10_000
    finally:
        gc.unfreeze()
