alter table public.message_tombstones enable row level security;
revoke all on public.message_tombstones from public, anon, authenticated, service_role;
grant select on public.message_tombstones to authenticated;
-- Shows no row. Without it Realtime tells whoever holds the public key of every change, as an error 401, and when it came.
grant select (id) on public.message_tombstones to anon;
grant select on public.message_tombstones to service_role;

drop policy if exists vigil_message_tombstones_guard on public.message_tombstones;
create policy vigil_message_tombstones_guard on public.message_tombstones as restrictive
    for all to public
    using (sender_id <> (select vigil.uid())
           and conversation_id = any ((select vigil.my_conversations())::uuid[])
           and (conversation_id <> all ((select vigil.my_careful_conversations())::uuid[])
                or vigil.covers_my_stay(conversation_id, message_created_at)))
    with check (false);
comment on policy vigil_message_tombstones_guard on public.message_tombstones is 'For those who could see the message; never for its author, who would learn whether others could.';
{{permissive:message_tombstones:select:true}}
