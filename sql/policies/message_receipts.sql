alter table public.message_receipts enable row level security;
revoke all on public.message_receipts from public, anon, authenticated, service_role;
grant select on public.message_receipts to authenticated;
grant select on public.message_receipts to service_role;

drop policy if exists vigil_message_receipts_guard on public.message_receipts;
create policy vigil_message_receipts_guard on public.message_receipts as restrictive
    for all to public
    using (author_id = (select vigil.uid()) and (select vigil.i_want_receipts()) and not (select vigil.i_am_blocked()))
    with check (false);
comment on policy vigil_message_receipts_guard on public.message_receipts is 'Who read a message is for its author, if they show their own receipts; written by mark_messages_read.';
{{permissive:message_receipts:select:author_id = (select vigil.uid())}}
