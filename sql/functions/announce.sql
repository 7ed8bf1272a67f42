create or replace function vigil.announce(people uuid[], event text, payload jsonb) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    -- A wake-up: realtime.send turns every failure into a warning, so nothing may depend on it.
    perform realtime.send(payload, event, 'user:' || person::text, true) from unnest(people) as person;
end
$$;
comment on function vigil.announce(uuid[], text, jsonb) is 'Sends an event to the private user:{id} topic of each; ids and flags only, never content.';
revoke all on function vigil.announce(uuid[], text, jsonb) from public;
