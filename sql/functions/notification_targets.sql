create or replace function vigil.is_quiet(member uuid, at timestamptz) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    p record;
    local time;
begin
    select q.quiet_hours_start as since, q.quiet_hours_end as until, q.time_zone into p from public.messaging_preferences q where q.user_id = member;
    if not found or p.since is null or p.until is null then
        return false;
    end if;
    local := (at at time zone p.time_zone)::time;
    -- A span over midnight, or within a day.
    return case when p.since <= p.until then local >= p.since and local < p.until else local >= p.since or local < p.until end;
end
$$;
comment on function vigil.is_quiet(uuid, timestamptz) is 'Whether a member''s quiet hours, in their own time zone, cover a moment.';
revoke all on function vigil.is_quiet(uuid, timestamptz) from public;

create or replace function vigil.notification_targets(message uuid) returns setof uuid
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    return query
    select person from public.messages m
    cross join lateral unnest(vigil.witnesses(m.conversation_id, m.sender_id, m.created_at)) as person
    where m.id = message and vigil.can_see_message(person, m.id)
      and not vigil.is_quiet(person, clock_timestamp())
      and not exists (select from public.user_blocks b where b.blocker_id = person and b.blocked_id = m.sender_id);
end
$$;
comment on function vigil.notification_targets(uuid) is 'Whom a push may reach: who can see the message now, has not muted or blocked its author, and has no quiet hours.';
revoke all on function vigil.notification_targets(uuid) from public;
grant execute on function vigil.notification_targets(uuid) to service_role;

create or replace function public.notification_targets(message uuid) returns setof uuid
    language sql stable
    set search_path = ''
begin atomic
    select vigil.notification_targets(message);
end;
comment on function public.notification_targets(uuid) is 'For a push service: the members whom a message may alert now.';
revoke all on function public.notification_targets(uuid) from public, anon, authenticated;
grant execute on function public.notification_targets(uuid) to service_role;

create or replace function vigil.guard_preferences() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    new.updated_at := clock_timestamp() at time zone new.time_zone at time zone new.time_zone;
    return new;
exception when invalid_parameter_value then
    perform vigil.fail('VG209', 'This is no time zone.', 'Use a name like Europe/Paris.');
end
$$;
comment on function vigil.guard_preferences() is 'Quiet hours need a time zone that exists.';
revoke all on function vigil.guard_preferences() from public;
create or replace trigger zzz_vigil_100_guard_preferences before insert or update on public.messaging_preferences
    for each row execute function vigil.guard_preferences();
