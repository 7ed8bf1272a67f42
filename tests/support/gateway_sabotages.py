"""Ways to break the Realtime gateway on purpose: each must turn the named test red."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeSabotage:
    """One text of a module, what a saboteur puts in its place, and the test that must notice."""

    what: str
    module: str
    old: str
    new: str
    test: str


ALL = (
    # Who may see and send
    CodeSabotage("policies are not asked on INSERT", "changes", 'if work.change.kind == "DELETE" or not', 'if work.change.kind in ("DELETE", "INSERT") or not', "rows.py::test_failing_policies_cost_nobody_else_a_message"),
    CodeSabotage("policies are not asked on UPDATE", "changes", 'if work.change.kind == "DELETE" or not', 'if work.change.kind in ("DELETE", "UPDATE") or not', "changes.py::test_row_that_becomes_invisible_is_not_announced"),
    CodeSabotage("policies see no claims", "examiner", "perform set_config('request.jwt.claims', question ->> 'claims', true);", "", "changes.py::test_each_member_sees_own_rows_only"),
    CodeSabotage("a DELETE shows more than the key", "changes", 'if change.kind == "DELETE" and table.row_security:', "if False:", "rows.py::test_deleted_row_under_row_security_shows_its_key_only"),
    CodeSabotage("column grants do not count", "changes", "if role in column.roles and (", "if (", "changes.py::test_each_member_sees_own_rows_only"),
    CodeSabotage("a key that may not be read is no error", "changes", "any(role not in column.roles for column in table.primary_key)", "False", "rows.py::test_error_events"),
    CodeSabotage("filters do not count", "changes", "if decided is False:\n            return False", "if decided is False:\n            continue", "changes.py::test_filter"),
    CodeSabotage("one failing policy costs the others", "examiner", "failure := sqlstate || ' ' || sqlerrm;", "raise;", "rows.py::test_failing_policies_cost_nobody_else_a_message"),
    CodeSabotage("a private channel needs no right", "authorization", 'return ReadRights(probes["broadcast"] in seen,', "return ReadRights(True,", "broadcast.py::test_private_channel_is_refused_without_a_policy"),
    CodeSabotage("a failing policy gives the right", "authorization", "reason=str(exc))\n            return ReadRights(False, False)", "reason=str(exc))\n            return ReadRights(True, True)", "wire.py::test_failing_policy_denies_only_its_subject"),
    CodeSabotage("sending needs no right", "authorization", "except psycopg.errors.InsufficientPrivilege:\n            return False", "except psycopg.errors.InsufficientPrivilege:\n            return True", "broadcast.py::test_private_broadcast_needs_the_right_to_send"),
    CodeSabotage("a lost right keeps the channel", "channel", "if not self.rights.any:\n                raise ChannelClosedError", "if False:\n                raise ChannelClosedError", "wire.py::test_lost_right_closes_the_private_channel"),
    CodeSabotage("private messages reach public channels", "broadcast", "self.listeners(message.topic, private=private):", "(*self.listeners(message.topic, private=True), *self.listeners(message.topic, private=False)):", "wire.py::test_public_and_private_channels_never_mix"),
    # Tokens
    CodeSabotage("an expired token connects", "auth", "if late >= 0:", "if False:", "wire.py::test_refused_connections"),
    CodeSabotage("expiry leaves the channel open", "channel", "self.close(exc.message)", "self._schedule_expiry()", "wire.py::test_token_refresh_and_expiry"),
    CodeSabotage("a new token keeps the old claims", "channel", "self.access = access\n", "pass\n", "wire.py::test_token_refresh_and_expiry"),
    CodeSabotage("any known key verifies", "auth", "if algorithm in _ASYMMETRIC.get(kind, ()):\n            return key, algorithm", "if self._known:\n            return self._known['r'][1], 'RS256'", "keys.py::test_another_key_does_not"),
    # The twenty rules
    CodeSabotage("version 1 speaks version 2", "serializer", "if version is Version.V1:\n        return (", "if version is Version.V2:\n        return (", "wire.py::test_version_1_frames"),
    CodeSabotage("a missing version means 2", "serializer", "if not vsn:\n            return cls.V1", "if not vsn:\n            return cls.V2", "units.py::test_versions"),
    CodeSabotage("binary broadcasts come as text", "broadcast", "if version is Version.V2:", "if version is None:", "wire.py::test_version_2_frames"),
    CodeSabotage("ids change", "bindings", "digest = hashlib.sha256(canonical.encode()).digest()", "digest = __import__('os').urandom(8)", "units.py::test_ids"),
    CodeSabotage("entries are echoed with more than came", "bindings", 'return {**self.params, "id": self.id}', 'return {"filter": None, **self.params, "id": self.id}', "wire.py::test_version_1_frames"),
    CodeSabotage("a failed change has no time", "changes", '"commit_timestamp": change.committed_at,', '"commit_timestamp": None if work.refused.get(role) else change.committed_at,', "wire.py::test_keys_of_the_new_style"),
    CodeSabotage("ok before the log is read", "watching", "await channel.gateway.reader.live.wait()", "", "edges.py::test_subscribed_is_said_only_once_live"),
    CodeSabotage("a leave is closed before it is answered", "socket", 'channel.reply(message.ref, "ok", {})\n            channel.close()', 'channel.close()\n            channel.reply(message.ref, "ok", {})', "wire.py::test_duplicate_join_replies_before_it_closes"),
    CodeSabotage("a second join closes before it answers", "socket", "if before is not None:\n            before.shutdown()", 'if before is not None:\n            before.shutdown()\n            before.push_closing("phx_close")', "wire.py::test_duplicate_join_replies_before_it_closes"),
    CodeSabotage("heartbeats go unanswered", "socket", 'if message.topic == "phoenix" and', 'if message.topic == "nobody" and', "wire.py::test_heartbeat_unmatched_and_garbage"),
    CodeSabotage("garbage ends the socket", "socket", 'log.debug("realtime.frame_dropped", reason=str(exc))', "return", "wire.py::test_heartbeat_unmatched_and_garbage"),
    CodeSabotage("a denied broadcast is answered", "pushes", 'if not await channel.may_write("broadcast"):\n        return', 'if not await channel.may_write("broadcast"):\n        channel.reply(message.ref, "error", {})\n        return', "edges.py::test_denied_broadcast_is_met_with_silence"),
    CodeSabotage("no acknowledgement", "pushes", 'if ack:\n        channel.reply(message.ref, "ok", {})', "if False:\n        pass", "wire.py::test_version_2_frames"),
    CodeSabotage("the sender hears itself unasked", "pushes", "but=None if channel.request.to_self else channel", "but=None", "broadcast.py::test_public_broadcast_and_self"),
    CodeSabotage("a changed presence leaves its old one", "presence", "leaves=[before] if before else []", "leaves=[]", "broadcast.py::test_presence"),
    CodeSabotage("who goes stays present", "channel", "self.gateway.presences.leave(self.room, self)", "pass", "broadcast.py::test_presence"),
    CodeSabotage("replayed messages come twice", "replaying", "return message.message_id in self._replayed", "return False", "wire.py::test_replay"),
    CodeSabotage("the server stops without a word", "socket", "await self._say_farewell()", "pass", "edges.py::test_farewell_before_the_server_stops"),
    CodeSabotage("generated values are not worked out", "changes", "changes = await complete(changes, tables, self._examiner)", "", "generated.py::test_generated_columns_are_in_the_record"),
)  # fmt: skip
