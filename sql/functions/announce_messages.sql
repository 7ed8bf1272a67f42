create or replace function vigil.announce_messages() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    -- One statement for all of it: each further one would cost a message as much again.
    with shadowed as (
        insert into vigil.shadowed_messages (message_id, sender_id)
        select m.id, m.sender_id from sent m
        where exists (select from vigil.restrictions r
                      where r.user_id = m.sender_id and r.restriction_type = 'shadow_ban' and r.lifted_at is null
                        and (r.expires_at is null or r.expires_at > m.created_at))
        returning message_id
    ), careful as (
        insert into vigil.careful_stays (stay_id, user_id, conversation_id)
        -- Not their author's: one who looked twice where others look once could measure it.
        select distinct p.id, p.user_id, p.conversation_id
        from sent m join shadowed s on s.message_id = m.id
        join public.conversation_participants p on p.conversation_id = m.conversation_id and p.user_id <> m.sender_id
        where not exists (select from vigil.careful_stays c where c.stay_id = p.id)
        on conflict (stay_id) do nothing
    ), queued as (
        insert into vigil.jobs (kind, subject_id)
        select 'message', m.id from sent m order by m.created_at
    ), people as (
        select d.sender_id, '{"ref": "' || vigil.subject_ref(d.sender_id) || '"}' as body
        from (select distinct m.sender_id from sent m) d
    )
    insert into vigil.events (kind, tool, body0, body1, body2)
    select 'message.sent', (select vigil.tool()), p.body, p.body,
           '{"message": "' || m.id || '", "conversation": "' || m.conversation_id || '"}'
    from sent m join people p on p.sender_id = m.sender_id;
    return null;
end
$$;
comment on function vigil.announce_messages() is 'In the sender''s transaction: shadowing, the job and the audit event, once per statement.';
revoke all on function vigil.announce_messages() from public;
create or replace trigger vigil_900_announce_messages after insert on public.messages
    referencing new table as sent
    for each statement execute function vigil.announce_messages();
