alter table public.user_presence enable row level security;
revoke all on public.user_presence from public, anon, authenticated, service_role;
grant select on public.user_presence to authenticated;
grant select on public.user_presence to service_role;

drop policy if exists vigil_user_presence_guard_select on public.user_presence;
create policy vigil_user_presence_guard_select on public.user_presence as restrictive
    for select to public
    using (user_id = (select vigil.uid())
           or (user_id = any ((select vigil.my_present_people())::uuid[])
               and (current_conversation_id is null or current_conversation_id = any ((select vigil.my_current_conversations())::uuid[]))
               and (is_typing_in_conversation is null or is_typing_in_conversation = any ((select vigil.my_current_conversations())::uuid[]))));
comment on policy vigil_user_presence_guard_select on public.user_presence is 'Presence of people one shares a conversation with, unless a block or a restriction silences it; never of a conversation one is not in.';

drop policy if exists vigil_user_presence_guard_insert on public.user_presence;
create policy vigil_user_presence_guard_insert on public.user_presence as restrictive
    for insert to public
    with check (false);
comment on policy vigil_user_presence_guard_insert on public.user_presence is 'Presence is written by update_user_presence.';

drop policy if exists vigil_user_presence_guard_update on public.user_presence;
create policy vigil_user_presence_guard_update on public.user_presence as restrictive
    for update to public
    using (false);
comment on policy vigil_user_presence_guard_update on public.user_presence is 'Presence is written by update_user_presence.';

drop policy if exists vigil_user_presence_guard_delete on public.user_presence;
create policy vigil_user_presence_guard_delete on public.user_presence as restrictive
    for delete to public
    using (false);
comment on policy vigil_user_presence_guard_delete on public.user_presence is 'Presence is written by update_user_presence.';
{{permissive:user_presence:select:true}}
