create or replace function vigil.tool() returns text
    language plpgsql stable
    set search_path = ''
as $$
declare
    headers jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
begin
    return left(coalesce(headers ->> 'x-vigil-tool', headers ->> 'x-client-info',
                         nullif(current_setting('application_name', true), ''), 'unknown'), 120);
end
$$;
comment on function vigil.tool() is 'The program the caller says it is; recorded, never trusted.';
revoke all on function vigil.tool() from public;
