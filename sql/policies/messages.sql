alter table public.messages enable row level security;
revoke all on public.messages from public, anon, authenticated, service_role, vigil_doorbell;
grant select, insert (conversation_id, sender_id, recipient_id, content, message_type, parent_message_id, client_message_id, status,
                      encryption_status, thread_id, moderation_status, is_flagged, created_at, updated_at),
    update (read_at, status, deleted_at) on public.messages to authenticated;
-- Shows no row. Without it Realtime tells whoever holds the public key of every change, as an error 401, and when it came.
grant select (id) on public.messages to anon;
grant select, insert, update on public.messages to service_role;
grant usage on schema public to vigil_doorbell;
grant select (id) on public.messages to vigil_doorbell;

drop policy if exists vigil_messages_guard_select on public.messages;
create policy vigil_messages_guard_select on public.messages as restrictive
    for select to public
    using ((select current_user) in ('vigil_doorbell', 'anon', 'authenticated') or {{visible_message:messages}});
comment on policy vigil_messages_guard_select on public.messages is 'Nobody sees more of a message than the visibility rule allows, whatever the app permits. The two roles of the API have it without an alternative below.';

-- The same rule again, since a predicate with `or` uses no index.
drop policy if exists vigil_messages_guard_select_members on public.messages;
create policy vigil_messages_guard_select_members on public.messages as restrictive
    for select to anon, authenticated
    using ({{visible_message:messages}});
comment on policy vigil_messages_guard_select_members on public.messages is 'The visibility rule for the roles of the API, in the form that an index serves.';

drop policy if exists vigil_messages_guard_insert on public.messages;
create policy vigil_messages_guard_insert on public.messages as restrictive
    for insert to public
    with check (sender_id = (select vigil.uid()));
comment on policy vigil_messages_guard_insert on public.messages is 'A member sends as themselves only.';

drop policy if exists vigil_messages_guard_update on public.messages;
create policy vigil_messages_guard_update on public.messages as restrictive
    for update to public
    using ((sender_id = (select vigil.uid()) or recipient_id = (select vigil.uid()))
           and {{visible_message:messages}});
comment on policy vigil_messages_guard_update on public.messages is 'Only author and recipient write: deletion and receipt; the trigger narrows further. An UPDATE that reads no column asks no SELECT policy, so this one repeats the rule.';

drop policy if exists vigil_messages_guard_delete on public.messages;
create policy vigil_messages_guard_delete on public.messages as restrictive
    for delete to public
    using (false);
comment on policy vigil_messages_guard_delete on public.messages is 'Rows are never deleted: DELETE reaches every Realtime subscriber.';
{{permissive:messages:select:true}}
{{permissive:messages:insert:sender_id = (select vigil.uid())}}
{{permissive:messages:update:sender_id = (select vigil.uid()) or recipient_id = (select vigil.uid())}}

drop policy if exists vigil_messages_doorbell on public.messages;
create policy vigil_messages_doorbell on public.messages
    for select to vigil_doorbell
    using (true);
comment on policy vigil_messages_doorbell on public.messages is 'The worker''s wake-up: ids alone, by column grant.';
