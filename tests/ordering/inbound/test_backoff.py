"""Waits double, stop growing, and are spread."""

from ordering.inbound.backoff import Backoff, spread_evenly


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(2, 15, spread=lambda: 1.0)
    assert [backoff.wait_s(failures) for failures in range(1, 7)] == [2, 4, 8, 15, 15, 15]


def test_each_wait_is_multiplied_by_what_is_drawn() -> None:
    drawn = iter([0.5, 1.5])
    backoff = Backoff(2, 3, spread=lambda: next(drawn))
    assert [backoff.wait_s(1), backoff.wait_s(9)] == [1.0, 4.5]


def test_many_failures_do_no_harm() -> None:
    assert Backoff(1, 300, spread=lambda: 1.0).wait_s(1_000_000) == 300


def test_waits_are_spread_by_half_to_either_side() -> None:
    drawn = [spread_evenly() for _ in range(1000)]
    assert min(drawn) >= 0.5
    assert max(drawn) <= 1.5
    assert max(drawn) - min(drawn) > 0.5
