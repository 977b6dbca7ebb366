"""A bound on how often somebody may call."""

from assay_webhooks.notification.rate import Rate


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    now = [100.0]
    rate = Rate(per_second=2, burst=3, clock=lambda: now[0])
    assert [rate.admits() for _ in range(5)] == [True, True, True, False, False]
    now[0] += 0.5
    assert [rate.admits() for _ in range(2)] == [True, False]
    now[0] += 3600
    assert [rate.admits() for _ in range(5)] == [True, True, True, False, False]
