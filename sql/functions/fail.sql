create or replace function vigil.fail(code text, message text, hint text default null) returns void
    language plpgsql immutable
    set search_path = ''
as $$
begin
    raise exception using errcode = code, message = message, hint = coalesce(hint, '');
end
$$;
comment on function vigil.fail(text, text, text) is 'Raises one of our SQLSTATEs (docs/errors.md) with what to try.';
revoke all on function vigil.fail(text, text, text) from public;
