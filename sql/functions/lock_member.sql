create or replace function vigil.member_lock_key(member uuid) returns bigint
    language plpgsql immutable parallel safe
    set search_path = ''
as $$
begin
    return hashtextextended('vigil.member:' || member::text, 0);
end
$$;
comment on function vigil.member_lock_key(uuid) is 'Advisory lock key: senders share it, a new restriction takes it alone.';
revoke all on function vigil.member_lock_key(uuid) from public;
