alter table public.messaging_preferences enable row level security;
revoke all on public.messaging_preferences from public, anon, authenticated, service_role;
grant select, insert, update on public.messaging_preferences to authenticated;
grant select, insert, update on public.messaging_preferences to service_role;

drop policy if exists vigil_messaging_preferences_guard on public.messaging_preferences;
create policy vigil_messaging_preferences_guard on public.messaging_preferences as restrictive
    for all to public
    using (user_id = (select vigil.uid())) with check (user_id = (select vigil.uid()));
comment on policy vigil_messaging_preferences_guard on public.messaging_preferences is 'Preferences are private: they would tell who refuses whom.';
{{permissive:messaging_preferences:select:user_id = (select vigil.uid())}}
{{permissive:messaging_preferences:insert:user_id = (select vigil.uid())}}
{{permissive:messaging_preferences:update:user_id = (select vigil.uid())}}
