create or replace function vigil.tail_audit(after_id bigint, max_rows integer)
    returns table (id bigint, event_id uuid, at timestamptz, kind text, actor uuid, actor_name text, subject uuid, subject_name text,
                   on_behalf_of text, tool text, batch uuid, detail jsonb)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    return query
        with chosen as (
            (select e.* from vigil.events e where after_id is null order by e.id desc limit least(greatest(max_rows, 0), 1000))
            union all
            (select e.* from vigil.events e where e.id > after_id order by e.id limit least(greatest(max_rows, 0), 1000))
        )
        select e.id, e.event_id, e.at, e.kind, a.user_id, ap.name, s.user_id, sp.name, fp.name, e.tool, e.batch, e.body2::jsonb
        from chosen e
        left join vigil.subjects a on a.subject_ref = (e.body0::jsonb ->> 'ref')::uuid
        left join public.profiles ap on ap.id = a.user_id
        left join vigil.subjects s on s.subject_ref = (e.body1::jsonb ->> 'ref')::uuid
        left join public.profiles sp on sp.id = s.user_id
        left join vigil.subjects f on f.subject_ref = (e.body0::jsonb ->> 'for')::uuid
        left join public.profiles fp on fp.id = f.user_id
        order by e.id;
end
$$;
comment on function vigil.tail_audit(bigint, integer) is 'The newest audit events, or those after an id, with names where they still resolve.';
revoke all on function vigil.tail_audit(bigint, integer) from public;
grant execute on function vigil.tail_audit(bigint, integer) to authenticated;

create or replace function public.tail_audit(after_id bigint default null, max_rows integer default 50)
    returns table (id bigint, event_id uuid, at timestamptz, kind text, actor uuid, actor_name text, subject uuid, subject_name text,
                   on_behalf_of text, tool text, batch uuid, detail jsonb)
    language sql stable
    set search_path = ''
begin atomic
    select l.* from vigil.tail_audit(after_id, max_rows) l;
end;
comment on function public.tail_audit(bigint, integer) is 'Staff: the audit log.';
revoke all on function public.tail_audit(bigint, integer) from public, anon;
grant execute on function public.tail_audit(bigint, integer) to authenticated;
