"""What the worker counts; one registry for each worker, so that two in a process do not mix."""

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from vigil.outbox import Outcome


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counters of one worker, as /metrics shows them."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    verdicts: Counter = field(init=False)
    failed: Counter = field(init=False)
    lost: Counter = field(init=False)
    judging: Histogram = field(init=False)
    rings: Counter = field(init=False)
    bell_live: Gauge = field(init=False)
    bell_attempts: Counter = field(init=False)
    due: Counter = field(init=False)
    lateness: Histogram = field(init=False)
    leading: Gauge = field(init=False)
    queue: Gauge = field(init=False)
    oldest: Gauge = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "verdicts": Counter(
                "vigil_verdicts", "Verdicts found.", ["verdict"], registry=self.registry
            ),
            "failed": Counter("vigil_deferred", "Jobs deferred.", registry=self.registry),
            "lost": Counter("vigil_leases_lost", "Leases lost.", registry=self.registry),
            "judging": Histogram(
                "vigil_judging_seconds", "Time to judge a batch.", registry=self.registry
            ),
            "rings": Counter("vigil_doorbell_rings", "Rings heard.", registry=self.registry),
            "bell_live": Gauge("vigil_doorbell_live", "1 while live.", registry=self.registry),
            "bell_attempts": Counter(
                "vigil_doorbell_attempts", "Subscriptions tried.", registry=self.registry
            ),
            "due": Counter("vigil_due", "Due things recorded.", ["kind"], registry=self.registry),
            "lateness": Histogram(
                "vigil_due_lateness_seconds",
                "How late they were recorded.",
                registry=self.registry,
                buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            ),
            "leading": Gauge("vigil_clock_leading", "1 on the leader.", registry=self.registry),
            "queue": Gauge("vigil_queue", "Jobs by state.", ["state"], registry=self.registry),
            "oldest": Gauge(
                "vigil_queue_oldest_seconds", "Age of the oldest job.", registry=self.registry
            ),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def judged(self, texts: int, seconds: float) -> None:
        """Count a judged batch."""
        if texts:
            self.judging.observe(seconds)

    def settled(self, outcomes: Sequence[Outcome], settled: int) -> None:
        """Count verdicts and the leases that were lost before they could be settled."""
        for verdict, count in Tally(outcome.verdict for outcome in outcomes).items():
            self.verdicts.labels(verdict).inc(count)
        self.lost.inc(max(len(outcomes) - settled, 0))
