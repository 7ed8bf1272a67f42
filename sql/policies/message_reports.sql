alter table public.message_reports enable row level security;
revoke all on public.message_reports from public, anon, authenticated, service_role;
grant select, insert (message_id, reported_by, report_reason, description) on public.message_reports to authenticated;
grant select, insert on public.message_reports to service_role;
do $$
begin
    -- Legacy clients send `reason`.
    if exists (select from pg_catalog.pg_attribute where attrelid = 'public.message_reports'::regclass and attname = 'reason' and not attisdropped) then
        grant insert (reason) on public.message_reports to authenticated;
    end if;
end
$$;

drop policy if exists vigil_message_reports_guard_select on public.message_reports;
create policy vigil_message_reports_guard_select on public.message_reports as restrictive
    for select to public
    using (reported_by = (select vigil.uid()));
comment on policy vigil_message_reports_guard_select on public.message_reports is 'A reporter sees their own reports; nobody else sees who reported.';

drop policy if exists vigil_message_reports_guard_insert on public.message_reports;
create policy vigil_message_reports_guard_insert on public.message_reports as restrictive
    for insert to public
    with check (reported_by = (select vigil.uid()));
comment on policy vigil_message_reports_guard_insert on public.message_reports is 'A member reports as themselves.';

drop policy if exists vigil_message_reports_guard_update on public.message_reports;
create policy vigil_message_reports_guard_update on public.message_reports as restrictive
    for update to public
    using (false);
comment on policy vigil_message_reports_guard_update on public.message_reports is 'The status of a report follows its decision.';

drop policy if exists vigil_message_reports_guard_delete on public.message_reports;
create policy vigil_message_reports_guard_delete on public.message_reports as restrictive
    for delete to public
    using (false);
comment on policy vigil_message_reports_guard_delete on public.message_reports is 'Reports are kept.';
{{permissive:message_reports:select:reported_by = (select vigil.uid())}}
{{permissive:message_reports:insert:reported_by = (select vigil.uid())}}
