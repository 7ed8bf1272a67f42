create or replace function vigil.guard_send() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    facts vigil.send_facts;
    memo text;
    thread uuid;
begin
    new.sender_id := coalesce(new.sender_id, vigil.uid());
    -- Anyone can write the setting; nobody can make its digest the current value of a sequence that the owner alone may use.
    memo := nullif(current_setting('vigil.send_memo', true), '');
    -- As vigil.memo_digest() computes it, without its call for each row of a batch.
    if memo is not null and currval('vigil.send_memo')
        = ('x' || encode(substring(sha256(convert_to(memo, 'UTF8')) for 8), 'hex'))::bit(64)::bigint & 9223372036854775807 then
        facts := memo::vigil.send_facts;
    end if;
    -- What does not depend on the row is asked with its first one: a memo serves one statement.
    if (facts.sender = new.sender_id and facts.conversation = new.conversation_id) is not true then
        if current_setting('transaction_isolation') <> 'read committed' then
            raise exception using errcode = 'VG109', message = 'Messages are sent at isolation level READ COMMITTED only.',
                hint = 'A snapshot taken earlier would not see a restriction made since. Begin an ordinary transaction.';
        end if;
        if new.sender_id is null or new.conversation_id is null then
            raise exception using errcode = 'VG101', message = 'This conversation is not available to you.',
                hint = 'Name the conversation and sign in.';
        end if;
        -- Shared with other sends, exclusive to restrict_member: a send cannot commit after a restriction it did not see.
        perform pg_advisory_xact_lock_shared(vigil.member_lock_key(new.sender_id));
        facts := vigil.check_may_send(new.sender_id, new.conversation_id);
        perform vigil.remember_send(facts);
    end if;
    if new.encryption_status is distinct from 'none' then
        raise exception using errcode = 'VG111', message = 'Encrypted messages are not available yet.',
            hint = 'Leave encryption_status out.';
    end if;
    if facts.inline_max_words > 0 or coalesce(length(new.content) > facts.max_length or new.content !~ '[^[:space:]]', true) then
        perform vigil.check_content(new.content, new.conversation_id);
    end if;
    if new.parent_message_id is not null then
        select coalesce(m.thread_id, m.id) into thread from public.messages m
        where m.id = new.parent_message_id and m.conversation_id = new.conversation_id
          and m.moderation_status = 'approved' and m.deleted_at is null and vigil.can_see_message(new.sender_id, m.id);
        if not found then
            raise exception using errcode = 'VG113', message = 'The message you reply to is not available.',
                hint = 'It may have been deleted; send without parent_message_id.';
        end if;
    end if;
    new.id := gen_random_uuid();
    new.thread_id := thread;
    new.recipient_id := facts.recipient;
    -- From acceptance, never from recipients: a shadow-banned author sees the same.
    new.status := case when facts.cause is null then 'delivered' else 'sent' end;
    new.read_at := null;
    new.edited_at := null;
    new.deleted_at := null;
    new.is_flagged := false;
    new.flagged_reason := null;
    new.moderation_status := case when facts.cause is null then 'approved' else 'pending' end;
    new.created_at := clock_timestamp();
    new.updated_at := new.created_at;
    if facts.cause is not null then
        insert into vigil.holds (message_id, cause, times_out_at)
        select new.id, facts.cause, clock_timestamp() + s.hold_timeout from vigil.settings s;
    end if;
    return new;
end
$$;
comment on function vigil.guard_send() is 'Judges every new message by its row, whoever inserts it, and sets what the server owns.';
revoke all on function vigil.guard_send() from public;
create or replace trigger zzz_vigil_100_guard_send before insert on public.messages
    for each row execute function vigil.guard_send();
