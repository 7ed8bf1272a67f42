-- Part 3 of 3: schema realtime. Run by `supabase_admin` after bootstrap.sql; safe to run again.
-- Partitions of realtime.messages are made by bootstrap_partitions.sql, which runs daily.

-- Messages sent from the database ----------------------------------------------------------------

create table if not exists realtime.messages (
    topic          text not null,
    extension      text not null,
    payload        jsonb,
    event          text,
    private        boolean default false,
    updated_at     timestamp not null default now(),
    inserted_at    timestamp not null default now(),
    id             uuid not null default gen_random_uuid(),
    binary_payload bytea,
    primary key (id, inserted_at),
    constraint messages_one_payload check (payload is null or binary_payload is null)
) partition by range (inserted_at);
create index if not exists messages_inserted_at_topic_index
    on realtime.messages (inserted_at desc, topic) where extension = 'broadcast' and private;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant select, insert on realtime.messages to postgres with grant option;
comment on table realtime.messages is
    'Rows sent on private channels. Its policies decide who may join and send; it is not a history.';

create or replace function realtime.topic() returns text
    language sql stable
    as $$ select nullif(current_setting('realtime.topic', true), '') $$;
comment on function realtime.topic() is 'The channel whose rights are being checked.';

-- A failed send must not undo the caller's own writes: callers that need certainty write a row.
create or replace function realtime.send(
    payload jsonb, event text, topic text, private boolean default true
) returns void
    language plpgsql
    as $$
declare
    row_id uuid := gen_random_uuid();
    body   jsonb := payload;
begin
    if jsonb_typeof(body) is distinct from 'object' then
        raise exception 'the payload must be a JSON object';
    end if;
    if not body ? 'id' then
        body := body || jsonb_build_object('id', row_id);
    end if;
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (row_id, body, event, topic, private, 'broadcast');
exception
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;

create or replace function realtime.send_binary(
    payload bytea, event text, topic text, private boolean default true
) returns void
    language plpgsql
    as $$
begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (binary_payload, event, topic, private, extension)
    values (payload, event, topic, private, 'broadcast');
exception
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;

create or replace function realtime.broadcast_changes(
    topic_name text, event_name text, operation text, table_name text, table_schema text,
    new record, old record, level text default 'ROW'
) returns void
    language plpgsql
    as $$
begin
    if level = 'STATEMENT' then
        raise exception 'function can only be triggered for each row, not for each statement';
    end if;
    if operation not in ('INSERT', 'UPDATE', 'DELETE') then
        raise exception 'Unexpected operation value: %', operation;
    end if;
    perform realtime.send(
        jsonb_build_object(
            'schema', table_schema, 'table', table_name, 'operation', operation,
            'record', to_jsonb(new), 'old_record', to_jsonb(old)
        ),
        event_name, topic_name
    );
exception
    when others then
        raise exception 'Failed to process the row: %', sqlerrm;
end;
$$;

-- Subscriptions to table changes -----------------------------------------------------------------

do $$
begin
    if to_regtype('realtime.equality_op') is null then
        create type realtime.equality_op as enum (
            'eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in',
            'like', 'ilike', 'is', 'match', 'imatch', 'isdistinct'
        );
        create type realtime.user_defined_filter as (
            column_name text, op realtime.equality_op, value text
        );
    end if;
    if to_regproc('realtime.to_regrole') is null then
        create function realtime.to_regrole(role_name text) returns regrole
            language sql immutable as 'select role_name::regrole';
    end if;
end;
$$;

create table if not exists realtime.subscription (
    id               bigint generated always as identity primary key,
    subscription_id  uuid not null,
    entity           regclass not null,
    filters          realtime.user_defined_filter[] not null default '{}',
    claims           jsonb not null,
    claims_role      regrole not null
                         generated always as (realtime.to_regrole(claims ->> 'role')) stored,
    created_at       timestamp not null default timezone('utc', now()),
    action_filter    text default '*',
    selected_columns text[]
);
grant select on realtime.subscription to anon, authenticated, service_role, postgres;

-- The log that carries realtime.messages to the gateway --------------------------------------------

do $$
begin
    if not exists (
        select from pg_catalog.pg_publication
        where pubname = 'supabase_realtime_messages_publication'
    ) then
        create publication supabase_realtime_messages_publication
            for table realtime.messages with (publish_via_partition_root = true);
    end if;
end;
$$;
