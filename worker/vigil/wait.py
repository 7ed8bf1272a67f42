"""Waiting: for one of several events, and after a failure for longer each time."""

import asyncio
import random
from dataclasses import dataclass, field


async def first_of(*events: asyncio.Event, seconds: float) -> bool:
    """Wait until one of `events` is set (true) or `seconds` have passed (false)."""
    if any(event.is_set() for event in events):
        return True
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(
            waits, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED
        )
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()


@dataclass(slots=True)
class Backoff:
    """Pauses that double up to a ceiling, each drawn from its upper half."""

    first: float = 0.1
    ceiling: float = 15.0
    rng: random.Random = field(default_factory=random.SystemRandom)
    failures: int = 0

    def reset(self) -> None:
        """Forget the failures: the next pause is short again."""
        self.failures = 0

    def next(self) -> float:
        """The pause after one more failure in a row."""
        full = retry_seconds(self.failures, self.first, self.ceiling)
        self.failures += 1
        return full * self.rng.uniform(0.5, 1.0)


def retry_seconds(failures: int, first: float, ceiling: float) -> float:
    """The longest pause after so many failures before this one."""
    return min(ceiling, first * 2.0 ** min(failures, 32))
