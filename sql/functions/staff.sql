create or replace function vigil.staff_rank(person uuid) returns integer
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return coalesce((select case s.role when 'admin' then 3 when 'moderator' then 2 when 'auditor' then 1 end
                     from vigil.staff s where s.user_id = person), 0);
end
$$;
comment on function vigil.staff_rank(uuid) is '0 member, 1 auditor, 2 moderator, 3 admin.';
revoke all on function vigil.staff_rank(uuid) from public;

create or replace function vigil.require_staff(at_least text) returns uuid
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if me is null or vigil.staff_rank(me) < (case at_least when 'auditor' then 1 when 'moderator' then 2 else 3 end) then
        raise exception using errcode = 'VG201', message = format('This needs the role %s or higher.', at_least),
            hint = 'Sign in as such, or ask an admin: vigil staff add.';
    end if;
    return me;
end
$$;
comment on function vigil.require_staff(text) is 'The caller''s id, if they hold the role; refuses otherwise.';
revoke all on function vigil.require_staff(text) from public;

create or replace function vigil.bootstrap_admin(member uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    if not exists (select from public.profiles p where p.id = member) then
        perform vigil.fail('VG205', 'No such member.', 'Sign up first, then pass the id of that account.');
    end if;
    insert into vigil.staff (user_id, role, added_by) values (member, 'admin', null)
    on conflict (user_id) do update set role = 'admin';
    perform vigil.record('staff.added', null, member, jsonb_build_object('role', 'admin', 'by', 'owner'));
end
$$;
comment on function vigil.bootstrap_admin(uuid) is 'The database owner makes the first admin.';
revoke all on function vigil.bootstrap_admin(uuid) from public;

create or replace function vigil.add_staff(member uuid, role text, reason text, dry_run boolean) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('admin');
    before text;
begin
    if role is null or role not in ('auditor', 'moderator', 'admin') then
        perform vigil.fail('VG209', format('%s is no role.', coalesce(role, 'null')), 'Use auditor, moderator or admin.');
    end if;
    if not exists (select from public.profiles p where p.id = member and p.anonymised_at is null) then
        perform vigil.fail('VG205', 'No such member.', 'Look the member up with find_member.');
    end if;
    perform pg_advisory_xact_lock(hashtextextended('vigil.staff', 0));
    select s.role into before from vigil.staff s where s.user_id = member;
    if before = role then
        perform vigil.fail('VG207', format('This member is %s already.', role), 'Nothing to do.');
    end if;
    if before = 'admin' and (member = me or (select count(*) from vigil.staff s where s.role = 'admin') = 1) then
        perform vigil.fail('VG202', 'Nobody demotes themselves or the last admin.', 'Let another admin do it.');
    end if;
    if not dry_run then
        insert into vigil.staff (user_id, role, added_by) values (member, role, me)
        on conflict (user_id) do update set role = excluded.role, added_by = excluded.added_by, added_at = now();
        perform vigil.record('staff.added', me, member, jsonb_build_object('role', role, 'before', before, 'reason', reason));
    end if;
    return jsonb_build_object('member', member, 'role', role, 'before', before, 'dry_run', dry_run);
end
$$;
comment on function vigil.add_staff(uuid, text, text, boolean) is 'An admin gives a member a staff role.';
revoke all on function vigil.add_staff(uuid, text, text, boolean) from public;
grant execute on function vigil.add_staff(uuid, text, text, boolean) to authenticated;

create or replace function public.add_staff(member uuid, role text, reason text default null, dry_run boolean default false) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.add_staff(member, role, reason, dry_run);
end;
comment on function public.add_staff(uuid, text, text, boolean) is 'Admins: give a member a staff role.';
revoke all on function public.add_staff(uuid, text, text, boolean) from public, anon;
grant execute on function public.add_staff(uuid, text, text, boolean) to authenticated;

create or replace function vigil.remove_staff(member uuid, reason text, dry_run boolean) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('admin');
    before text;
begin
    perform pg_advisory_xact_lock(hashtextextended('vigil.staff', 0));
    select s.role into before from vigil.staff s where s.user_id = member;
    if before is null then
        perform vigil.fail('VG205', 'This member is not on the staff.', 'See list_staff.');
    end if;
    if before = 'admin' and (member = me or (select count(*) from vigil.staff s where s.role = 'admin') = 1) then
        perform vigil.fail('VG202', 'Nobody removes themselves or the last admin.', 'Let another admin do it.');
    end if;
    if coalesce(reason, '') = '' then
        perform vigil.fail('VG209', 'A reason is required.', 'Pass reason.');
    end if;
    if not dry_run then
        delete from vigil.staff s where s.user_id = member;
        perform vigil.record('staff.removed', me, member, jsonb_build_object('role', before, 'reason', reason));
    end if;
    return jsonb_build_object('member', member, 'before', before, 'dry_run', dry_run);
end
$$;
comment on function vigil.remove_staff(uuid, text, boolean) is 'An admin takes a staff role away; never the last admin''s.';
revoke all on function vigil.remove_staff(uuid, text, boolean) from public;
grant execute on function vigil.remove_staff(uuid, text, boolean) to authenticated;

create or replace function public.remove_staff(member uuid, reason text, dry_run boolean default false) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.remove_staff(member, reason, dry_run);
end;
comment on function public.remove_staff(uuid, text, boolean) is 'Admins: take a staff role away.';
revoke all on function public.remove_staff(uuid, text, boolean) from public, anon;
grant execute on function public.remove_staff(uuid, text, boolean) to authenticated;

create or replace function vigil.list_staff() returns table (user_id uuid, name text, role text, added_by uuid, added_at timestamptz)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    return query select s.user_id, p.name, s.role, s.added_by, s.added_at
        from vigil.staff s join public.profiles p on p.id = s.user_id order by s.added_at;
end
$$;
comment on function vigil.list_staff() is 'The staff, for the staff.';
revoke all on function vigil.list_staff() from public;
grant execute on function vigil.list_staff() to authenticated;

create or replace function public.list_staff() returns table (user_id uuid, name text, role text, added_by uuid, added_at timestamptz)
    language sql stable
    set search_path = ''
begin atomic
    select s.user_id, s.name, s.role, s.added_by, s.added_at from vigil.list_staff() s;
end;
comment on function public.list_staff() is 'Staff: who is on it.';
revoke all on function public.list_staff() from public, anon;
grant execute on function public.list_staff() to authenticated;

create or replace function vigil.whoami() returns jsonb
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    return jsonb_build_object('user_id', me, 'name', (select p.name from public.profiles p where p.id = me),
                              'role', (select s.role from vigil.staff s where s.user_id = me));
end
$$;
comment on function vigil.whoami() is 'The caller, and their staff role or null.';
revoke all on function vigil.whoami() from public;
grant execute on function vigil.whoami() to authenticated;

create or replace function public.whoami() returns jsonb
    language sql stable
    set search_path = ''
begin atomic
    select vigil.whoami();
end;
comment on function public.whoami() is 'The signed-in member and their staff role.';
revoke all on function public.whoami() from public, anon;
grant execute on function public.whoami() to authenticated;

create or replace function vigil.find_member(handle text) returns table (user_id uuid, name text, email text)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    if coalesce(handle, '') = '' then
        perform vigil.fail('VG209', 'Whom do you mean?', 'Pass an id, an e-mail address or the start of a name.');
    end if;
    return query
        select p.id, p.name, u.email::text
        from public.profiles p left join auth.users u on u.id = p.id
        where p.id::text = lower(handle)
           or lower(u.email::text) = lower(handle)
           or (length(handle) >= 2 and left(lower(p.name), length(handle)) = lower(handle))
        order by (p.id::text = lower(handle) or lower(u.email::text) = lower(handle)) desc, p.name, p.id
        limit 10;
end
$$;
comment on function vigil.find_member(text) is 'Staff look a member up by id, e-mail or the start of the name.';
revoke all on function vigil.find_member(text) from public;
grant execute on function vigil.find_member(text) to authenticated;

create or replace function public.find_member(handle text) returns table (user_id uuid, name text, email text)
    language sql stable
    set search_path = ''
begin atomic
    select f.user_id, f.name, f.email from vigil.find_member(handle) f;
end;
comment on function public.find_member(text) is 'Staff: look a member up.';
revoke all on function public.find_member(text) from public, anon;
grant execute on function public.find_member(text) to authenticated;
