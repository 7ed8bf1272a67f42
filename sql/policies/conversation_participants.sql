alter table public.conversation_participants enable row level security;
revoke all on public.conversation_participants from public, anon, authenticated, service_role;
grant select, insert (conversation_id, user_id, role, joined_at) on public.conversation_participants to authenticated;
grant select, insert on public.conversation_participants to service_role;

drop policy if exists vigil_conversation_participants_guard_select on public.conversation_participants;
create policy vigil_conversation_participants_guard_select on public.conversation_participants as restrictive
    for select to public
    using ((user_id = (select vigil.uid()) or conversation_id = any ((select vigil.my_current_conversations())::uuid[]))
           and id <> all ((select vigil.hidden_stays())::uuid[]));
comment on policy vigil_conversation_participants_guard_select on public.conversation_participants is 'One''s own stays, and those of conversations one is in now.';

drop policy if exists vigil_conversation_participants_guard_insert on public.conversation_participants;
create policy vigil_conversation_participants_guard_insert on public.conversation_participants as restrictive
    for insert to public
    with check (exists (select from public.conversations c where c.id = conversation_id and c.created_by = (select vigil.uid())));
comment on policy vigil_conversation_participants_guard_insert on public.conversation_participants is 'Only a conversation''s creator adds people directly; the trigger asks for more.';

drop policy if exists vigil_conversation_participants_guard_update on public.conversation_participants;
create policy vigil_conversation_participants_guard_update on public.conversation_participants as restrictive
    for update to public
    using (false);
comment on policy vigil_conversation_participants_guard_update on public.conversation_participants is 'Stays end by RPC.';

drop policy if exists vigil_conversation_participants_guard_delete on public.conversation_participants;
create policy vigil_conversation_participants_guard_delete on public.conversation_participants as restrictive
    for delete to public
    using (false);
comment on policy vigil_conversation_participants_guard_delete on public.conversation_participants is 'Stays are history.';
{{permissive:conversation_participants:select:true}}
{{permissive:conversation_participants:insert:exists (select from public.conversations c where c.id = conversation_id and c.created_by = (select vigil.uid()))}}
