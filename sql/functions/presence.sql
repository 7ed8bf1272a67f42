create or replace function vigil.update_presence(member uuid, new_status text, conversation uuid, typing_in uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    mine uuid[] := vigil.my_current_conversations();
begin
    if not vigil.is_self(member) then
        return;
    end if;
    if new_status is null or new_status not in ('online', 'away', 'busy', 'offline') then
        perform vigil.fail('VG209', 'This is no presence status.', 'Use online, away, busy or offline.');
    end if;
    insert into public.user_presence (user_id, status, current_conversation_id, is_typing_in_conversation, last_seen, updated_at)
    values (member, new_status,
            -- A conversation the caller is not in reads as none: no answer tells whether it exists.
            case when conversation = any (mine) then conversation end,
            case when typing_in = any (mine)
                 and coalesce((select p.typing_indicators from public.messaging_preferences p where p.user_id = member), true) then typing_in end,
            clock_timestamp(), clock_timestamp())
    on conflict (user_id) do update set status = excluded.status, current_conversation_id = excluded.current_conversation_id,
        is_typing_in_conversation = excluded.is_typing_in_conversation, last_seen = excluded.last_seen, updated_at = excluded.updated_at;
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
