alter table public.profiles enable row level security;
revoke all on public.profiles from public, anon, authenticated, service_role;
grant select, insert (id, name, location), update (name, location) on public.profiles to authenticated;
grant select, insert, update on public.profiles to service_role;

drop policy if exists vigil_profiles_guard_select on public.profiles;
create policy vigil_profiles_guard_select on public.profiles as restrictive
    for select to public
    using (id = (select vigil.uid()) or id = any ((select vigil.my_people())::uuid[]));
comment on policy vigil_profiles_guard_select on public.profiles is 'Oneself, and people one shares a conversation with: a profile carries a location.';

drop policy if exists vigil_profiles_guard_insert on public.profiles;
create policy vigil_profiles_guard_insert on public.profiles as restrictive
    for insert to public
    with check (id = (select vigil.uid()));
comment on policy vigil_profiles_guard_insert on public.profiles is 'A member makes their own profile only.';

drop policy if exists vigil_profiles_guard_update on public.profiles;
create policy vigil_profiles_guard_update on public.profiles as restrictive
    for update to public
    using (id = (select vigil.uid()));
comment on policy vigil_profiles_guard_update on public.profiles is 'A member changes their own profile only.';

drop policy if exists vigil_profiles_guard_delete on public.profiles;
create policy vigil_profiles_guard_delete on public.profiles as restrictive
    for delete to public
    using (false);
comment on policy vigil_profiles_guard_delete on public.profiles is 'Profiles outlive accounts.';
{{permissive:profiles:select:true}}
{{permissive:profiles:insert:id = (select vigil.uid())}}
{{permissive:profiles:update:id = (select vigil.uid())}}
