create or replace function vigil.acknowledge_notice(notice uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    update public.notices n set acknowledged_at = coalesce(n.acknowledged_at, clock_timestamp())
    where n.id = notice and n.user_id = vigil.uid();
    if not found then
        perform vigil.fail('VG205', 'No such notice.', 'See your notices.');
    end if;
end
$$;
comment on function vigil.acknowledge_notice(uuid) is 'The caller has read a notice.';
revoke all on function vigil.acknowledge_notice(uuid) from public;
grant execute on function vigil.acknowledge_notice(uuid) to authenticated;

create or replace function public.acknowledge_notice(notice uuid) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.acknowledge_notice(notice);
end;
comment on function public.acknowledge_notice(uuid) is 'The caller acknowledges one of their notices.';
revoke all on function public.acknowledge_notice(uuid) from public, anon;
grant execute on function public.acknowledge_notice(uuid) to authenticated;
