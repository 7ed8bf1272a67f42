create or replace function vigil.my_stays_in() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    return array(select p.conversation_id from public.conversation_participants p
                 where p.user_id = me
                   and p.id <> all (array(select s.stay_id from vigil.shadowed_stays s where s.user_id = me and s.added_by <> me)));
end
$$;
comment on function vigil.my_stays_in() is 'Conversations with a stay of the caller''s, past or present. For policies: evaluated once per statement.';
revoke all on function vigil.my_stays_in() from public;
grant execute on function vigil.my_stays_in() to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.my_careful_conversations() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if vigil.is_restricted(me, '{block}') then
        return vigil.my_stays_in();
    end if;
    return array(select s.conversation_id from vigil.careful_stays s where s.user_id = me);
end
$$;
comment on function vigil.my_careful_conversations() is 'Those where not every approved message is the caller''s to see: only their rows pay a look.';
revoke all on function vigil.my_careful_conversations() from public;
grant execute on function vigil.my_careful_conversations() to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.covers_my_stay(conversation uuid, said_at timestamptz) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    return exists (
        select from public.conversation_participants p
        where p.conversation_id = conversation and p.user_id = me
          and p.joined_at <= said_at and (p.left_at is null or said_at < p.left_at)
          and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> me));
end
$$;
comment on function vigil.covers_my_stay(uuid, timestamptz) is 'Whether something was said during one of the caller''s stays; asked only where the stays do not cover everything.';
revoke all on function vigil.covers_my_stay(uuid, timestamptz) from public;
grant execute on function vigil.covers_my_stay(uuid, timestamptz) to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.may_look(conversation uuid, said_at timestamptz, message uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return vigil.covers_my_stay(conversation, said_at)
       and not exists (select from vigil.shadowed_messages s where s.message_id = message and s.released_at is null)
       and not vigil.is_restricted(vigil.uid(), '{block}');
end
$$;
comment on function vigil.may_look(uuid, timestamptz, uuid) is 'Whether an approved message is the caller''s to see: said during a stay, not shadowed, the caller not blocked.';
revoke all on function vigil.may_look(uuid, timestamptz, uuid) from public;
grant execute on function vigil.may_look(uuid, timestamptz, uuid) to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.note_stay() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    -- Who joined later, or left, has not heard all; whoever was there from the start has, whatever is sent meanwhile.
    if new.left_at is not null
       or new.joined_at > (select c.created_at from public.conversations c where c.id = new.conversation_id) then
        insert into vigil.careful_stays (stay_id, user_id, conversation_id) values (new.id, new.user_id, new.conversation_id) on conflict (stay_id) do nothing;
    end if;
    return null;
end
$$;
comment on function vigil.note_stay() is 'Remembers the stays that do not cover the whole of their conversation.';
revoke all on function vigil.note_stay() from public;
create or replace trigger vigil_500_note_stay after insert or update on public.conversation_participants
    for each row execute function vigil.note_stay();
