create or replace function vigil.live_audience(conversation uuid) returns uuid[]
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.uid();
    most integer := (select s.live_audience_max from vigil.settings s);
    banned boolean := vigil.is_restricted(me, '{shadow_ban}', conversation);
    people uuid[];
begin
    if vigil.is_restricted(me, '{mute,block}', conversation) then
        return '{}';
    end if;
    -- Who must not hear is replaced, not left out: the same work goes to a topic that nobody may join.
    select array_agg(case when knows and not banned then f.person else gen_random_uuid() end) into people
    from (
        select other.user_id as person, bool_or(not exists (select from vigil.shadowed_stays s where s.stay_id = other.id)) as knows
        from public.conversation_participants mine
        join public.conversation_participants other on other.conversation_id = mine.conversation_id and other.user_id <> me
        where mine.user_id = me and mine.left_at is null and other.left_at is null
          and (conversation is null or mine.conversation_id = conversation)
          and not exists (select from vigil.shadowed_stays s where s.stay_id in (mine.id, other.id) and s.added_by <> me)
        group by other.user_id
    ) f
    where not exists (select from public.user_blocks b where b.kind = 'block'
                      and ((b.blocker_id = me and b.blocked_id = f.person) or (b.blocker_id = f.person and b.blocked_id = me)))
      and not vigil.is_restricted(f.person, '{block}')
      and (conversation is null
           or coalesce((select p.typing_indicators from public.messaging_preferences p where p.user_id = f.person), true));
    return case when cardinality(people) <= most then people else '{}' end;
end
$$;
comment on function vigil.live_audience(uuid) is 'Who may know now that the caller types in a conversation, or is present (null). Asked at each event, so that a block, a removal or a ban binds at once.';
revoke all on function vigil.live_audience(uuid) from public;

create or replace function vigil.set_typing(conversation uuid, is_typing boolean) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.uid();
begin
    if me is null or is_typing is null or not conversation = any (vigil.my_current_conversations())
       or not coalesce((select p.typing_indicators from public.messaging_preferences p where p.user_id = me), true) then
        return;
    end if;
    update public.user_presence p
    set is_typing_in_conversation = case when is_typing then conversation end, last_seen = clock_timestamp(), updated_at = clock_timestamp()
    where p.user_id = me;
    perform vigil.announce(vigil.live_audience(conversation), 'typing',
                           jsonb_build_object('conversation_id', conversation, 'user_id', me, 'is_typing', is_typing));
end
$$;
comment on function vigil.set_typing(uuid, boolean) is 'Tells those who may know that the caller types; answers everyone alike.';
revoke all on function vigil.set_typing(uuid, boolean) from public;
grant execute on function vigil.set_typing(uuid, boolean) to authenticated;

create or replace function public.set_typing(conversation uuid, is_typing boolean default true) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.set_typing(conversation, is_typing);
end;
comment on function public.set_typing(uuid, boolean) is 'The caller types, or stopped; arrives as `typing` on the private topics of those who may know.';
revoke all on function public.set_typing(uuid, boolean) from public, anon;
grant execute on function public.set_typing(uuid, boolean) to authenticated;

create or replace function vigil.update_presence(member uuid, new_status text, conversation uuid, typing_in uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    mine uuid[] := vigil.my_current_conversations();
    before text;
begin
    if not vigil.is_self(member) then
        return;
    end if;
    if new_status is null or new_status not in ('online', 'away', 'busy', 'offline') then
        perform vigil.fail('VG209', 'This is no presence status.', 'Use online, away, busy or offline.');
    end if;
    select p.status into before from public.user_presence p where p.user_id = member;
    insert into public.user_presence (user_id, status, current_conversation_id, is_typing_in_conversation, last_seen, updated_at)
    values (member, new_status,
            -- A conversation the caller is not in reads as none: no answer tells whether it exists.
            case when conversation = any (mine) then conversation end,
            case when typing_in = any (mine)
                 and coalesce((select p.typing_indicators from public.messaging_preferences p where p.user_id = member), true) then typing_in end,
            clock_timestamp(), clock_timestamp())
    on conflict (user_id) do update set status = excluded.status, current_conversation_id = excluded.current_conversation_id,
        is_typing_in_conversation = excluded.is_typing_in_conversation, last_seen = excluded.last_seen, updated_at = excluded.updated_at;
    if before is distinct from new_status then
        perform vigil.announce(vigil.live_audience(null), 'presence', jsonb_build_object('user_id', member, 'status', new_status));
    end if;
end
$$;
comment on function vigil.update_presence(uuid, text, uuid, uuid) is 'Keeps the caller''s presence; who may see it is decided when it is read.';
revoke all on function vigil.update_presence(uuid, text, uuid, uuid) from public;
grant execute on function vigil.update_presence(uuid, text, uuid, uuid) to authenticated;

create or replace function public.update_user_presence(user_uuid uuid, new_status text, conversation_uuid uuid default null,
                                                       typing_in_conversation uuid default null) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.update_presence(user_uuid, new_status, conversation_uuid, typing_in_conversation);
end;
comment on function public.update_user_presence(uuid, text, uuid, uuid) is 'Keeps the caller''s presence; answers everyone alike.';
revoke all on function public.update_user_presence(uuid, text, uuid, uuid) from public, anon;
grant execute on function public.update_user_presence(uuid, text, uuid, uuid) to authenticated;
