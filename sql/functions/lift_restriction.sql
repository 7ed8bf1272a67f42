create or replace function vigil.lift_restriction(restriction uuid, reason text, dry_run boolean, batch uuid, on_behalf_of uuid) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('moderator');
    r record;
begin
    if length(btrim(coalesce(reason, ''))) = 0 or length(reason) > 2000 then
        perform vigil.fail('VG209', 'A reason of 1 to 2000 characters is required.', 'Say why.');
    end if;
    select * into r from vigil.restrictions t where t.id = restriction for update;
    if not found then
        perform vigil.fail('VG205', 'No such restriction.', 'See list_restrictions.');
    end if;
    if r.user_id = me or vigil.staff_rank(r.user_id) >= vigil.staff_rank(me) then
        perform vigil.fail('VG202', 'Nobody lifts their own restriction or a peer''s.', 'Ask somebody of a higher role.');
    end if;
    if r.lifted_at is not null or r.expires_at <= clock_timestamp() then
        perform vigil.fail('VG207', 'This restriction has ended already.', 'Nothing to do.');
    end if;
    if not dry_run then
        update vigil.restrictions t set lifted_at = clock_timestamp(), lifted_by = me, lift_reason = reason where t.id = restriction;
        if r.restriction_type <> 'shadow_ban' then
            perform vigil.begin_acting();
            update public.user_restrictions t set lifted_at = clock_timestamp() where t.id = restriction;
            perform vigil.end_acting();
            perform vigil.announce(array[r.user_id], 'restriction_changed', '{}');
        end if;
        perform vigil.record('restriction.lifted', me, r.user_id, jsonb_build_object(
            'restriction', restriction, 'type', r.restriction_type, 'reason', reason), batch, on_behalf_of);
    end if;
    return jsonb_build_object('restriction_id', restriction, 'member', r.user_id, 'restriction', r.restriction_type, 'dry_run', dry_run);
end
$$;
comment on function vigil.lift_restriction(uuid, text, boolean, uuid, uuid) is 'Ends a restriction early, with its own actor and reason; history is kept. Ending a shadow ban publishes nothing.';
revoke all on function vigil.lift_restriction(uuid, text, boolean, uuid, uuid) from public;
grant execute on function vigil.lift_restriction(uuid, text, boolean, uuid, uuid) to authenticated;

create or replace function public.lift_restriction(restriction uuid, reason text, dry_run boolean default false,
                                                   batch uuid default null, on_behalf_of uuid default null) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.lift_restriction(restriction, reason, dry_run, batch, on_behalf_of);
end;
comment on function public.lift_restriction(uuid, text, boolean, uuid, uuid) is 'Moderators: end a restriction early.';
revoke all on function public.lift_restriction(uuid, text, boolean, uuid, uuid) from public, anon;
grant execute on function public.lift_restriction(uuid, text, boolean, uuid, uuid) to authenticated;

create or replace function vigil.list_restrictions(of_member uuid, active_only boolean, max_rows integer)
    returns table (restriction_id uuid, user_id uuid, member_name text, restriction text, conversation uuid, message_limit integer,
                   reason text, public_reason text, legal_basis text, created_by uuid, created_by_name text, created_at timestamptz,
                   expires_at timestamptz, lifted_at timestamptz, lifted_by uuid, lift_reason text, expired_at timestamptz)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    return query
        select r.id, r.user_id, p.name, r.restriction_type, r.conversation_id, r.message_limit_per_day, r.reason, r.public_reason,
               r.legal_basis, r.created_by, by_whom.name, r.created_at, r.expires_at, r.lifted_at, r.lifted_by, r.lift_reason,
               r.expiry_recorded_at
        from vigil.restrictions r
        join public.profiles p on p.id = r.user_id
        left join public.profiles by_whom on by_whom.id = r.created_by
        where (of_member is null or r.user_id = of_member)
          and (not active_only or (r.lifted_at is null and (r.expires_at is null or r.expires_at > clock_timestamp())))
        order by r.created_at desc, r.id
        limit least(greatest(max_rows, 0), 1000);
end
$$;
comment on function vigil.list_restrictions(uuid, boolean, integer) is 'Restrictions with who and why, for the staff.';
revoke all on function vigil.list_restrictions(uuid, boolean, integer) from public;
grant execute on function vigil.list_restrictions(uuid, boolean, integer) to authenticated;

create or replace function public.list_restrictions(member uuid default null, active_only boolean default true, max_rows integer default 100)
    returns table (restriction_id uuid, user_id uuid, member_name text, restriction text, conversation uuid, message_limit integer,
                   reason text, public_reason text, legal_basis text, created_by uuid, created_by_name text, created_at timestamptz,
                   expires_at timestamptz, lifted_at timestamptz, lifted_by uuid, lift_reason text, expired_at timestamptz)
    language sql stable
    set search_path = ''
begin atomic
    select l.* from vigil.list_restrictions(member, active_only, max_rows) l;
end;
comment on function public.list_restrictions(uuid, boolean, integer) is 'Staff: restrictions, with who and why.';
revoke all on function public.list_restrictions(uuid, boolean, integer) from public, anon;
grant execute on function public.list_restrictions(uuid, boolean, integer) to authenticated;
