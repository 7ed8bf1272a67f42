alter table public.user_restrictions enable row level security;
revoke all on public.user_restrictions from public, anon, authenticated, service_role;
grant select on public.user_restrictions to authenticated;
grant select, insert on public.user_restrictions to service_role;

drop policy if exists vigil_user_restrictions_guard_select on public.user_restrictions;
create policy vigil_user_restrictions_guard_select on public.user_restrictions as restrictive
    for select to public
    using (user_id = (select vigil.uid()));
comment on policy vigil_user_restrictions_guard_select on public.user_restrictions is 'A member sees what they were told; a shadow ban is never in this table.';

drop policy if exists vigil_user_restrictions_guard_write on public.user_restrictions;
create policy vigil_user_restrictions_guard_write on public.user_restrictions as restrictive
    for insert to public
    with check (false);
comment on policy vigil_user_restrictions_guard_write on public.user_restrictions is 'Restrictions are issued by restrict_member.';

drop policy if exists vigil_user_restrictions_guard_update on public.user_restrictions;
create policy vigil_user_restrictions_guard_update on public.user_restrictions as restrictive
    for update to public
    using (false);
comment on policy vigil_user_restrictions_guard_update on public.user_restrictions is 'Restrictions are lifted by lift_restriction.';

drop policy if exists vigil_user_restrictions_guard_delete on public.user_restrictions;
create policy vigil_user_restrictions_guard_delete on public.user_restrictions as restrictive
    for delete to public
    using (false);
comment on policy vigil_user_restrictions_guard_delete on public.user_restrictions is 'History is kept.';
{{permissive:user_restrictions:select:user_id = (select vigil.uid())}}
