create or replace function vigil.subject_ref(person uuid) returns uuid
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    ref uuid;
begin
    if person is null then
        return null;
    end if;
    select s.subject_ref into ref from vigil.subjects s where s.user_id = person;
    if ref is null then
        insert into vigil.subjects (user_id) values (person)
        on conflict (user_id) do update set user_id = excluded.user_id
        returning subject_ref into ref;
    end if;
    return ref;
end
$$;
comment on function vigil.subject_ref(uuid) is 'The pseudonym of a person in the audit log, made when first needed.';
revoke all on function vigil.subject_ref(uuid) from public;
