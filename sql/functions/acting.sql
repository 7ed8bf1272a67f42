create or replace function vigil.is_acting() returns boolean
    language plpgsql stable
    set search_path = ''
as $$
begin
    -- The owner alone is not enough: an app's own definers run as the same role.
    return coalesce(pg_catalog.current_setting('vigil.acting', true), '') = 'on'
       and current_user = (select pg_catalog.pg_get_userbyid(n.nspowner)
                           from pg_catalog.pg_namespace n where n.nspname = 'vigil');
end
$$;
comment on function vigil.is_acting() is 'True only inside a definer of this schema that opened the guards. Used in WHEN clauses, where the caller''s role still shows.';
revoke all on function vigil.is_acting() from public;
grant execute on function vigil.is_acting() to public;

create or replace function vigil.begin_acting() returns void
    language plpgsql volatile
    set search_path = ''
as $$
begin
    perform set_config('vigil.acting', 'on', true);
end
$$;
comment on function vigil.begin_acting() is 'Opens the guards for the statement that follows in a definer; always closed by end_acting.';
revoke all on function vigil.begin_acting() from public;

create or replace function vigil.end_acting() returns void
    language plpgsql volatile
    set search_path = ''
as $$
begin
    perform set_config('vigil.acting', '', true);
end
$$;
comment on function vigil.end_acting() is 'Closes the guards again.';
revoke all on function vigil.end_acting() from public;
