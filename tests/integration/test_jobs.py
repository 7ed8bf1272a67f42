"""The queue: leases, retries, dead letters, and one verdict for each message."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from tests.support.database import Database, refused


@pytest.fixture
def backlog(db: Database) -> Database:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sender = db.acting_as(ann)
    with sender.transaction() as conn:
        for n in range(40):
            conn.execute(
                "insert into public.messages (conversation_id, content) values (%s, %s)",
                [conversation, f"m{n}"],
            )
    db.owner().run("update vigil.settings set keep_all_verdicts = true")
    return db


def claim(db: Database, name: str, batch: int = 10, lease: float = 60) -> list[dict[str, Any]]:
    return db.worker().rows("select * from vigil.claim_jobs(%s, %s, %s)", name, batch, lease)


def settle(db: Database, name: str, jobs: list[dict[str, Any]], verdict: str = "approve") -> int:
    """Settle what each lease among these jobs gave; approvals as ids, anything else as found."""
    settled = 0
    for lease in {j["lease_id"] for j in jobs}:
        ids = [j["job_id"] for j in jobs if j["lease_id"] == lease]
        plain = verdict == "approve"
        found = [] if plain else [{"job_id": i, "verdict": verdict} for i in ids]
        settled += db.worker().value(
            "select vigil.settle_jobs(%s, %s, %s::bigint[], %s, 'test')",
            name, lease, ids if plain else [], json.dumps(found),
        )  # fmt: skip
    return settled


def defer(db: Database, name: str, lease: int, *ids: int, pause: float = 0) -> list[dict[str, Any]]:
    failures = [{"job_id": i, "error": "boom", "retry_seconds": pause} for i in ids]
    return db.worker().rows(
        "select * from vigil.defer_jobs(%s, %s, %s)", name, lease, json.dumps(failures)
    )


def depth(db: Database) -> dict[str, Any]:
    found = db.worker().value("select vigil.queue_depth()")
    return {state: found[state] for state in ("ready", "leased", "deferred", "dead")}


def test_a_lease_is_exclusive_and_a_lost_one_settles_nothing(backlog: Database) -> None:
    first = claim(backlog, "a", 10, lease=0.2)
    assert len({j["content"] for j in first}) == 10
    assert not {j["job_id"] for j in claim(backlog, "b", 10)} & {j["job_id"] for j in first}
    assert settle(backlog, "b", first) == 0, "not b's lease"
    live = claim(backlog, "live", 5)
    time.sleep(0.25)
    again = [j for j in claim(backlog, "c", 40) if j["attempt"] == 2]
    assert {j["job_id"] for j in again} == {j["job_id"] for j in first}, (
        "free again when the lease ends"
    )
    assert settle(backlog, "a", first) == 0, "a came back from the dead"
    assert settle(backlog, "c", again) == 10
    assert settle(backlog, "c", again) == 0, "settling twice settles once"
    assert settle(backlog, "live", live) == 5, "only what ended was taken back"
    assert backlog.owner().value("select count(*) from vigil.verdicts") == 15


def test_many_workers_give_each_message_exactly_one_verdict_and_event(backlog: Database) -> None:
    def work(name: str) -> None:
        while jobs := claim(backlog, name, 3):
            settle(backlog, name, jobs)

    threads = [threading.Thread(target=work, args=[f"w{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owner = backlog.owner()
    assert owner.value("select count(*) from vigil.jobs") == 0
    per_message = "select count(v.*) from public.messages m left join vigil.verdicts v on v.subject_id = m.id group by m.id"
    assert set(owner.column(per_message)) == {1}
    assert len(backlog.events("message.judged")) == len(backlog.events("message.sent")) == 40


def test_failures_back_off_then_die_with_their_error_and_can_be_retried(backlog: Database) -> None:
    owner = backlog.owner()
    owner.run("update vigil.settings set job_max_attempts = 2")
    owner.run("delete from vigil.jobs where id <> (select min(id) from vigil.jobs)")
    for attempt in (1, 2):
        (job,) = claim(backlog, "w", 5)
        assert job["attempt"] == attempt
        (result,) = defer(backlog, "w", job["lease_id"], job["job_id"])
        assert result["dead"] is (attempt == 2)
    assert claim(backlog, "w") == []
    assert len(backlog.events("job.died")) == 1
    staff = backlog.acting_as(backlog.member("mia", "moderator"))
    (dead,) = staff.rows("select * from public.list_jobs('dead')")
    assert (dead["state"], dead["last_error"], dead["attempts"]) == ("dead", "boom", 2)
    assert staff.value("select public.retry_jobs()") == 1
    assert len(claim(backlog, "w")) == 1
    with refused("VG209"):
        staff.rows("select * from public.list_jobs('sleeping')")
    with refused("VG201"):
        backlog.acting_as(backlog.member("ann")).rows("select * from public.list_jobs()")


def test_a_job_that_kills_its_worker_each_time_dies_too(backlog: Database) -> None:
    owner = backlog.owner()
    owner.run("update vigil.settings set job_max_attempts = 2")
    owner.run("delete from vigil.jobs where id <> (select min(id) from vigil.jobs)")
    for _ in range(2):
        assert len(claim(backlog, "w", lease=0.05)) == 1
        time.sleep(0.1)
    assert claim(backlog, "w") == []
    assert (
        owner.value("select last_error from vigil.jobs where dead_at is not null")
        == "the worker died each time"
    )


def test_a_stopping_worker_gives_its_leases_back_without_an_attempt(backlog: Database) -> None:
    held = claim(backlog, "a", 39)
    (other,) = claim(backlog, "b")
    assert claim(backlog, "b") == []
    assert backlog.worker().value("select vigil.release_jobs('a')") == 39
    again = claim(backlog, "b", 40)
    assert other["job_id"] not in {j["job_id"] for j in again}, "b's own lease goes on"
    assert {j["attempt"] for j in again} == {1}
    assert len(again) == len(held)


def test_an_unknown_verdict_settles_nothing_and_bad_claims_are_refused(backlog: Database) -> None:
    jobs = claim(backlog, "w", 1)
    assert settle(backlog, "w", jobs, "perhaps") == 0
    assert depth(backlog) == {"ready": 39, "leased": 1, "deferred": 0, "dead": 0}
    for arguments in (("w", 0, 60), ("w", 10_001, 60), ("", 1, 60), ("w", 1, 0), ("w", None, 60)):
        with refused("VG209"):
            backlog.worker().rows("select * from vigil.claim_jobs(%s, %s, %s)", *arguments)


def test_a_hold_that_waits_too_long_becomes_an_overdue_case(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.owner().run(
        "update vigil.settings set moderation_mode = 'pre', hold_timeout = '1 millisecond'"
    )
    sent = db.acting_as(ann).send(conversation, "waiting")
    time.sleep(0.01)
    (due,) = db.worker().rows("select * from vigil.run_due(10)")
    assert (due["kind"], due["subject_id"]) == ("hold.timed_out", sent)
    assert db.owner().rows("select subject_id, overdue from vigil.cases") == [
        {"subject_id": sent, "overdue": True}
    ]
    assert db.worker().rows("select * from vigil.run_due(10)") == []
    assert db.acting_as(bob).sees(conversation) == [], "review, not silence, and not approval"
    assert [e["subject"] for e in db.events("hold.timed_out")] == [ann]


def test_one_session_leads_and_another_takes_over_when_it_ends(db: Database) -> None:
    first, second = db.worker(), db.worker()
    assert first.value("select vigil.try_lead()") is True
    assert second.value("select vigil.try_lead()") is False
    first.conn.close()
    deadline = time.monotonic() + 10
    while not second.value("select vigil.try_lead()"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_outcome_of_an_earlier_claim_settles_nothing_even_by_the_same_worker(
    backlog: Database,
) -> None:
    stale = claim(backlog, "a", 40, lease=0.2)
    time.sleep(0.25)
    fresh = claim(backlog, "a", 40)
    assert {j["attempt"] for j in fresh} == {2}
    assert settle(backlog, "a", stale, "remove") == 0
    assert settle(backlog, "a", fresh) == 40


def test_a_lease_settled_in_parts_keeps_the_rest_and_nothing_it_does_not_hold(
    backlog: Database,
) -> None:
    mine, theirs = claim(backlog, "a", 10), claim(backlog, "b", 10)
    lease = mine[0]["lease_id"]
    assert settle(backlog, "a", mine[:4]) == 4
    assert settle(backlog, "a", mine[:6]) == 2, "four are settled already"
    assert settle(backlog, "a", [j | {"lease_id": lease} for j in theirs]) == 0, "another's jobs"
    assert defer(backlog, "b", lease, mine[9]["job_id"]) == [], "another's lease"
    assert defer(backlog, "a", lease, theirs[0]["job_id"]) == [], "another's job"
    put_off = defer(backlog, "a", lease, mine[6]["job_id"], mine[7]["job_id"], pause=3600)
    assert {j["job_id"] for j in put_off} == {mine[6]["job_id"], mine[7]["job_id"]}
    assert depth(backlog) == {"ready": 20, "leased": 12, "deferred": 2, "dead": 0}
    assert settle(backlog, "a", mine) == 2, "what was put off is not the lease's any more"
    assert settle(backlog, "b", theirs) == 10
    assert backlog.owner().value("select count(*) from vigil.leases") == 0
    assert backlog.owner().value("select count(*) from vigil.verdicts") == 18
    staff = backlog.acting_as(backlog.member("mia", "auditor"))
    held = claim(backlog, "c", 5)
    states = staff.column("select state from public.list_jobs()")
    assert {s: states.count(s) for s in states} == {"ready": 15, "leased": 5, "deferred": 2}
    listed = staff.rows("select * from public.list_jobs('leased')")
    assert {(j["job_id"], j["leased_by"]) for j in listed} == {(j["job_id"], "c") for j in held}


def test_the_next_due_is_the_end_of_a_lease_or_of_a_pause(backlog: Database) -> None:
    worker, owner = backlog.worker(), backlog.owner()
    assert worker.value("select vigil.next_due()") is None
    (job, *_) = claim(backlog, "a", 2, lease=600)
    assert worker.value("select vigil.next_due()") == owner.value("select until from vigil.leases")
    defer(backlog, "a", job["lease_id"], job["job_id"], pause=60)
    paused = owner.value("select run_at from vigil.jobs where attempts = 1")
    assert worker.value("select vigil.next_due()") == paused
    assert job["job_id"] not in {j["job_id"] for j in claim(backlog, "b", 40)}, "it waits"


def test_a_claim_stays_cheap_over_a_long_backlog_with_many_leases_out(db: Database) -> None:
    """It reads the jobs it takes through their index, and never what other leases hold."""
    owner = db.owner()
    owner.run(
        "insert into vigil.jobs (kind, subject_id)"
        " select 'message', gen_random_uuid() from generate_series(1, 20000)"
    )
    owner.run("analyze vigil.jobs")
    for number in range(60):
        assert len(claim(db, f"w{number}", 100)) == 100
    owner.run("analyze vigil.leases")
    with db.superuser().transaction() as conn:
        conn.execute("load 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_format": "json",
            "client_min_messages": "log",
        }.items():
            conn.execute("select set_config(%s, %s, true)", [name, value])
        said: list[str] = []
        conn.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        conn.execute("select count(*) from vigil.claim_jobs('probe', 100, 60)")
    plans = [json.loads(text[text.index("{") :])["Plan"] for text in said if '"Plan"' in text]
    read: dict[str, float] = {}

    def walk(node: dict[str, Any]) -> None:
        if name := node.get("Relation Name"):
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read[name] = read.get(name, 0) + rows * node["Actual Loops"]
        for child in node.get("Plans", []):
            walk(child)

    for plan in plans:
        walk(plan)
    assert read["jobs"] <= 500, read
    assert read["leases"] <= 3 * 60, "leases, and not the jobs in them"


def test_a_worker_gives_back_its_own_leases_alone(backlog: Database) -> None:
    mine, theirs = claim(backlog, "a", 3), claim(backlog, "b", 5)
    assert backlog.worker().value("select vigil.release_jobs('a')") == len(mine) == 3
    assert settle(backlog, "b", theirs) == 5


def test_a_retry_wakes_the_dead_alone_and_is_on_the_record(backlog: Database) -> None:
    mia = backlog.member("mia", "moderator")
    jobs = claim(backlog, "a", 3)
    backlog.owner().run(
        "update vigil.jobs set dead_at = now() where id = (select min(id) from vigil.jobs)"
    )
    assert backlog.acting_as(mia).value("select public.retry_jobs()") == 1
    assert settle(backlog, "a", jobs) == 3, "a lease that lives is left alone"
    (event,) = backlog.events("jobs.retried")
    assert (event["actor"], event["detail"]) == (mia, {"jobs": 1})


def test_nothing_is_due_before_its_time_or_once_it_is_settled(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.restrict_member(%s, 'mute', 'r', '1 day')", bob)
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    conversation = db.conversation(ann, db.member("cid"))
    waiting, judged = (db.acting_as(ann).send(conversation, text) for text in ("one", "two"))
    staff.value("select public.decide_message(%s, 'approve', 'r')", judged)
    db.owner().run("update vigil.holds set times_out_at = now() where message_id <> %s", waiting)
    assert db.worker().rows("select * from vigil.run_due(10)") == []
