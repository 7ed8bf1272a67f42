alter table public.conversations enable row level security;
revoke all on public.conversations from public, anon, authenticated, service_role;
grant select, insert (title, created_by, kind, status), update (title) on public.conversations to authenticated;
-- Shows no row. Without it Realtime tells whoever holds the public key of every change, as an error 401, and when it came.
grant select (id) on public.conversations to anon;
grant select, insert, update on public.conversations to service_role;

drop policy if exists vigil_conversations_guard_select on public.conversations;
create policy vigil_conversations_guard_select on public.conversations as restrictive
    for select to public
    using (id = any ((select vigil.my_conversations())::uuid[])
           or (created_by = (select vigil.uid()) and not (select vigil.i_am_blocked())));
comment on policy vigil_conversations_guard_select on public.conversations is 'A member sees conversations they are or were in, or created.';

drop policy if exists vigil_conversations_guard_insert on public.conversations;
create policy vigil_conversations_guard_insert on public.conversations as restrictive
    for insert to public
    with check (created_by = (select vigil.uid()));
comment on policy vigil_conversations_guard_insert on public.conversations is 'A member starts conversations as themselves.';

drop policy if exists vigil_conversations_guard_update on public.conversations;
create policy vigil_conversations_guard_update on public.conversations as restrictive
    for update to public
    using (id = any ((select vigil.my_current_conversations())::uuid[]) and (select not vigil.i_am_silenced()));
comment on policy vigil_conversations_guard_update on public.conversations is 'Participants may change the title, unless a restriction silences them.';

drop policy if exists vigil_conversations_guard_delete on public.conversations;
create policy vigil_conversations_guard_delete on public.conversations as restrictive
    for delete to public
    using (false);
comment on policy vigil_conversations_guard_delete on public.conversations is 'Conversations are closed, never deleted.';
{{permissive:conversations:select:true}}
{{permissive:conversations:insert:created_by = (select vigil.uid())}}
{{permissive:conversations:update:created_by = (select vigil.uid())}}
