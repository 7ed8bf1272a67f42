create or replace function vigil.i_am_blocked() returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return vigil.is_restricted(vigil.uid(), '{block}');
end
$$;
comment on function vigil.i_am_blocked() is 'Whether the caller is blocked everywhere.';
revoke all on function vigil.i_am_blocked() from public;
grant execute on function vigil.i_am_blocked() to anon, authenticated, service_role;

create or replace function vigil.i_am_silenced() returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return vigil.is_restricted(vigil.uid(), '{mute,block}');
end
$$;
comment on function vigil.i_am_silenced() is 'Whether the caller may not send anywhere, and knows it.';
revoke all on function vigil.i_am_silenced() from public;
grant execute on function vigil.i_am_silenced() to anon, authenticated, service_role;
