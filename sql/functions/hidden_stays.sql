create or replace function vigil.hidden_stays() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    return coalesce((
        select array_agg(s.stay_id) from vigil.shadowed_stays s where s.added_by is distinct from me), '{}');
end
$$;
comment on function vigil.hidden_stays() is 'Stays that only whoever made them may see.';
revoke all on function vigil.hidden_stays() from public;
grant execute on function vigil.hidden_stays() to anon, authenticated, service_role, vigil_doorbell;
