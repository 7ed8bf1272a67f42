alter table public.notices enable row level security;
revoke all on public.notices from public, anon, authenticated, service_role;
grant select on public.notices to authenticated;
-- Shows no row. Without it Realtime tells whoever holds the public key of every change, as an error 401, and when it came.
grant select (id) on public.notices to anon;
grant select on public.notices to service_role;

drop policy if exists vigil_notices_guard on public.notices;
create policy vigil_notices_guard on public.notices as restrictive
    for all to public
    using (user_id = (select vigil.uid())) with check (false);
comment on policy vigil_notices_guard on public.notices is 'A member reads their own notices; acknowledge_notice is the only write.';
{{permissive:notices:select:user_id = (select vigil.uid())}}
