"""Waiting: woken by the first event, pauses that grow and differ."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from vigil.wait import Backoff, first_of, retry_seconds


async def test_the_first_event_ends_the_wait() -> None:
    one, other = asyncio.Event(), asyncio.Event()
    waiting = asyncio.create_task(first_of(one, other, seconds=60))
    await asyncio.sleep(0)
    other.set()
    assert await waiting is True
    assert await first_of(one, seconds=0.001) is False
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1, "no waiter is left behind"


@given(st.integers(), st.integers(1, 200))
def test_pauses_stay_within_half_and_whole_of_a_doubling_up_to_the_ceiling(
    seed: int, failures: int
) -> None:
    backoff = Backoff(first=0.1, ceiling=15, rng=random.Random(seed))
    for failure in range(failures):
        whole = min(15, 0.1 * 2 ** min(failure, 40))
        assert whole / 2 <= backoff.next() <= whole
    backoff.reset()
    assert backoff.next() <= 0.1


def test_two_replicas_do_not_retry_in_step() -> None:
    one, other = Backoff(rng=random.Random(1)), Backoff(rng=random.Random(2))
    assert [one.next() for _ in range(5)] != [other.next() for _ in range(5)]


def test_a_huge_count_of_failures_is_no_overflow() -> None:
    assert retry_seconds(10**6, 1.0, 300.0) == 300.0
