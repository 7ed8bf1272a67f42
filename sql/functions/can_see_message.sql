create or replace function vigil.can_see_message(viewer uuid, message uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return exists (
        select from public.messages m
        where m.id = message
          and (m.sender_id = viewer
               or (m.moderation_status = 'approved' and m.deleted_at is null
                   and viewer = any (vigil.witnesses(m.conversation_id, m.sender_id, m.created_at))
                   and not vigil.is_shadowed(m.id))));
end
$$;
comment on function vigil.can_see_message(uuid, uuid) is 'The visibility rule for one named viewer, for definers; equal to the generated policy predicate (tested).';
revoke all on function vigil.can_see_message(uuid, uuid) from public;
