create or replace function vigil.guard_user_restriction() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    until timestamptz;
begin
    if tg_op = 'UPDATE' then
        raise exception using errcode = 'VG110', message = 'A restriction is changed by the server only.', hint = 'Use lift_restriction or restrict_member.';
    end if;
    -- A back end that still writes here issues a real restriction, with its own rules.
    until := coalesce(new.expires_at, clock_timestamp() + new.duration_hours * interval '1 hour');
    if new.duration_hours <= 0 or until <= clock_timestamp() then
        perform vigil.fail('VG204', 'A duration lies above zero.', 'Leave it out for permanent.');
    end if;
    if new.restriction_type = 'shadow_ban' then
        perform vigil.fail('VG203', 'A shadow ban needs a recorded legal basis.', 'Use restrict_member.');
    end if;
    if vigil.staff_rank(new.user_id) > 0 then
        perform vigil.fail('VG202', 'Staff are restricted by somebody of a higher role.', 'Use restrict_member.');
    end if;
    perform vigil.apply_restriction(new.created_by, new.user_id, new.restriction_type, coalesce(nullif(btrim(new.reason), ''), 'no reason given'),
        until, new.conversation_id, null, case when new.restriction_type = 'limit' then coalesce(new.message_limit_per_day, 20) end, null, null, null);
    return null;
end
$$;
comment on function vigil.guard_user_restriction() is 'Turns a direct insert by a back end into a real restriction; the row members see is written by that.';
revoke all on function vigil.guard_user_restriction() from public;
create or replace trigger zzz_vigil_100_guard_user_restriction before insert or update on public.user_restrictions
    for each row when (not vigil.is_acting()) execute function vigil.guard_user_restriction();

create or replace function vigil.refuse_members() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    raise exception using errcode = '42501', message = 'Restrictions are issued by the staff.', hint = 'Use restrict_member.';
end
$$;
comment on function vigil.refuse_members() is 'Whatever the app grants, no member issues a restriction by writing the table.';
revoke all on function vigil.refuse_members() from public;
create or replace trigger zzz_vigil_050_refuse_members before insert on public.user_restrictions
    for each row when (current_user in ('anon', 'authenticated')) execute function vigil.refuse_members();
