"""Calls that name a conversation, a person or a notice, and those of the staff: an outsider learns nothing by any of them."""

from __future__ import annotations

# {c} is a conversation one is not in, {sender} somebody in it, {me} the caller, {notice} a notice of another member.
# Each is asked again with ids that nobody has; the answers must be the same to the last field.
OUTSIDE = {
    "list_messages": "select * from public.list_messages({c})",
    "search_messages": "select * from public.search_messages('root', {c})",
    "mark_messages_read": "select public.mark_messages_read({me}, {c})",
    "can_user_send_message": "select public.can_user_send_message({me}, {c})",
    "set_typing": "select public.set_typing({c})",
    "update_user_presence": "select public.update_user_presence({me}, 'online', {c}, {c})",
    "leave_conversation": "select public.leave_conversation({c})",
    "close_conversation": "select public.close_conversation({c})",
    "add_participant": "select public.add_participant({c}, {me})",
    "remove_participant": "select public.remove_participant({c}, {sender})",
    "set_slow_mode": "select public.set_slow_mode({c}, 5)",
    "send_message": "select * from public.send_message({c}, 'probe')",
    "acknowledge_notice": "select public.acknowledge_notice({notice})",
    "INSERT of a message": "insert into public.messages (conversation_id, content) values ({c}, 'probe')",
    "INSERT of a message, ignoring conflicts": "insert into public.messages (conversation_id, content, client_message_id) values ({c}, 'probe', 'x') on conflict do nothing",
    "INSERT of a stay": "insert into public.conversation_participants (conversation_id, user_id) values ({c}, {me})",
    "INSERT of a stay for another": "insert into public.conversation_participants (conversation_id, user_id) values ({c}, {sender})",
    "UPDATE of the title": "update public.conversations set title = 'x' where id = {c}",
    "UPDATE of a profile": "update public.profiles set name = 'x' where id = {sender}",
    "UPDATE of presence": "update public.user_presence set status = 'away' where user_id = {sender}",
    "INSERT of a block": "insert into public.user_blocks (blocker_id, blocked_id) values ({me}, {sender})",
    "INSERT of a foreign block": "insert into public.user_blocks (blocker_id, blocked_id) values ({sender}, {me})",
    "INSERT of foreign preferences": "insert into public.messaging_preferences (user_id) values ({sender})",
    "INSERT of a foreign profile": "insert into public.profiles (id) values ({sender})",
    "INSERT in another's name": "insert into public.messages (conversation_id, sender_id, content) values ({c}, {sender}, 'probe')",
    "INSERT of a receipt": "insert into public.message_receipts (message_id, user_id, author_id, conversation_id) values ({c}, {me}, {sender}, {c})",
    "INSERT of a tombstone": "insert into public.message_tombstones (message_id, conversation_id, sender_id, message_created_at, kind) values ({c}, {c}, {sender}, now(), 'hidden')",
    "reads another's unread count": "select public.get_unread_message_count({sender})",
    "reads a thread as another": "select * from public.get_message_thread({c}, {sender})",
    "marks as another": "select public.mark_messages_read({sender}, {c})",
    "asks whether another may send": "select public.can_user_send_message({sender}, {c})",
    "is present as another": "select public.update_user_presence({sender}, 'online', {c})",
}  # fmt: skip

# Every call of the staff, as somebody who is not on it: VG201 before anything is looked up.
STAFF = {
    "restrict_member": "select public.restrict_member({sender}, 'mute', 'r')",
    "lift_restriction": "select public.lift_restriction({c}, 'r')",
    "list_restrictions": "select * from public.list_restrictions({sender})",
    "decide_message": "select public.decide_message({c}, 'hide', 'r')",
    "show_message": "select public.show_message({c})",
    "list_cases": "select * from public.list_cases()",
    "add_terms": "select public.add_terms('[]')",
    "remove_terms": "select public.remove_terms('{1}')",
    "list_terms": "select * from public.list_terms()",
    "list_jobs": "select * from public.list_jobs()",
    "retry_jobs": "select public.retry_jobs()",
    "worker_status": "select public.worker_status()",
    "tail_audit": "select * from public.tail_audit()",
    "add_staff": "select public.add_staff({me}, 'admin')",
    "remove_staff": "select public.remove_staff({sender}, 'r')",
    "list_staff": "select * from public.list_staff()",
    "find_member": "select * from public.find_member('sender')",
}  # fmt: skip

# Speaks of the caller alone, or takes no id of a message or a conversation.
OF_ONESELF = {
    "whoami": "the caller's own account",
    "start_conversation": "names people; test_somebody_unwilling_and_nobody_answer_alike",
}

# What clients listen to, and the events they get: each has a surface of the matrix, or a reason.
PUBLISHED = {
    "messages": "Realtime INSERT and UPDATE",
    "message_tombstones": "Realtime of tombstones",
    "notices": "notices",
    "conversations": "last_message_at",
}
EVENTS = {
    "message_": "events on the own topic",  # hidden, removed, deleted
    "message_approved": "events on the own topic",
    "message_edited": "events on the own topic",
    "messages_read": "their receipt reaches the author",
    "typing": "the author typing, live",
    "presence": "the author's presence, live",
    "restriction_changed": "empty, and to the member restricted alone",
}
MESSAGE_COLUMNS = {
    "id", "conversation_id", "sender_id", "recipient_id", "content", "message_type", "status", "parent_message_id",
    "thread_id", "encryption_status", "read_at", "edited_at", "deleted_at", "is_flagged", "flagged_reason",
    "moderation_status", "client_message_id", "created_at", "updated_at",
}  # fmt: skip
