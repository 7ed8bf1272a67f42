-- Turns an empty database of a fresh cluster into a Supabase-shaped one. Part 1 of 3: roles,
-- schemas, extensions, privileges. Part 2 is bootstrap_auth.sql, part 3 bootstrap_realtime.sql.
--
-- Run by `supabase_admin`, the superuser of the cluster. Safe to run again on the same database,
-- and on every further database of the cluster: roles are cluster-wide, so they are created only
-- when absent. Passwords are set afterwards, per stack. Runs on Postgres 15 and later.
--
-- What a hosted project adds by its supautils extension cannot be emulated in SQL alone:
-- here `postgres` may also set REPLICATION on roles and alter the API roles it administers.

-- Roles ------------------------------------------------------------------------------------------

do $$
declare
    wanted constant text[][] := array[
        ['anon',                    'nologin noinherit'],
        ['authenticated',           'nologin noinherit'],
        ['service_role',            'nologin noinherit bypassrls'],
        ['authenticator',           'login noinherit'],
        ['postgres',                'login nosuperuser createdb createrole replication bypassrls'],
        ['dashboard_user',          'nologin createdb createrole replication'],
        ['supabase_auth_admin',     'login noinherit createrole'],
        ['supabase_storage_admin',  'login noinherit createrole'],
        ['supabase_realtime_admin', 'nologin noinherit']
    ];
    role_name text;
begin
    -- Two databases bootstrapped at once would both find a role absent.
    perform pg_advisory_xact_lock(hashtextextended('supabase-shaped roles', 0));
    for i in 1 .. array_length(wanted, 1) loop
        role_name := wanted[i][1];
        if not exists (select from pg_catalog.pg_roles r where r.rolname = role_name) then
            execute format('create role %I %s', role_name, wanted[i][2]);
        end if;
    end loop;

    grant anon, authenticated, service_role to authenticator;
    grant anon, authenticated, service_role to postgres with admin option;
    grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
    -- On a hosted project supautils lets `postgres` write policies on realtime.messages. Without
    -- it, CREATE POLICY asks for ownership: this grants that, and with it more (ALTER, DROP) than
    -- a hosted project would.
    if current_setting('server_version_num')::int >= 160000 then
        -- as text: Postgres 15 cannot parse it
        execute 'grant supabase_realtime_admin to postgres with inherit true, set false';
    else
        grant supabase_realtime_admin to postgres;
    end if;

    alter role anon set statement_timeout = '3s';
    alter role authenticated set statement_timeout = '8s';
    alter role authenticator set statement_timeout = '8s';
    alter role authenticator set lock_timeout = '8s';
    alter role supabase_admin set statement_timeout = 0;
    -- The Realtime gateway reads the log as this role, and each reading would be logged in six lines.
    alter role supabase_admin set log_min_messages = fatal;
    alter role postgres set search_path = "$user", public, extensions;
    alter role supabase_auth_admin set search_path = auth;
    alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
    alter role supabase_storage_admin set search_path = storage;

    -- Owning the database makes `postgres` owner of schema public (pg_database_owner), as hosted.
    execute format('alter database %I owner to postgres', current_database());
    execute format('grant create on database %I to supabase_auth_admin', current_database());
end;
$$;

-- Schemas ----------------------------------------------------------------------------------------

create schema if not exists auth authorization supabase_auth_admin;
create schema if not exists storage authorization supabase_storage_admin;
create schema if not exists realtime;
create schema if not exists extensions;
create schema if not exists graphql_public;
create schema if not exists vault;

grant usage on schema public, auth, storage, realtime, extensions, graphql_public
    to anon, authenticated, service_role, postgres;
grant usage on schema extensions to supabase_auth_admin, supabase_storage_admin;
grant usage on schema realtime to supabase_realtime_admin;
grant usage on schema realtime to postgres with grant option;
grant usage on schema vault to service_role, postgres;
grant create on schema extensions to postgres;
grant all on schema auth, realtime, storage to dashboard_user;

-- New tables and sequences in public are granted to nobody (the default since 2026): a migration
-- grants what it means to grant. Functions keep the default of Postgres, EXECUTE to PUBLIC.

-- Extensions -------------------------------------------------------------------------------------

create extension if not exists pgcrypto with schema extensions;

-- uuid-ossp needs a library that portable builds of Postgres leave out; this is the one function
-- of it that Supabase projects use.
do $$
begin
    if to_regprocedure('extensions.uuid_generate_v4()') is null then
        create function extensions.uuid_generate_v4() returns uuid
            language sql volatile parallel safe
            set search_path = ''
            as 'select pg_catalog.gen_random_uuid()';
    end if;
end;
$$;

-- Publications -----------------------------------------------------------------------------------

do $$
begin
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
    end if;
    alter publication supabase_realtime owner to postgres;
end;
$$;

-- REST learns of schema changes -------------------------------------------------------------------

create or replace function extensions.pgrst_ddl_watch() returns event_trigger
    language plpgsql
    set search_path = ''
    as $$
begin
    if exists (
        select from pg_catalog.pg_event_trigger_ddl_commands() c
        where c.schema_name is distinct from 'pg_temp'
    ) then
        notify pgrst, 'reload schema';
    end if;
end;
$$;

create or replace function extensions.pgrst_drop_watch() returns event_trigger
    language plpgsql
    set search_path = ''
    as $$
begin
    if exists (select from pg_catalog.pg_event_trigger_dropped_objects() d where not d.is_temporary)
    then
        notify pgrst, 'reload schema';
    end if;
end;
$$;

do $$
begin
    if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_ddl_watch') then
        create event trigger pgrst_ddl_watch on ddl_command_end
            execute function extensions.pgrst_ddl_watch();
        create event trigger pgrst_drop_watch on sql_drop
            execute function extensions.pgrst_drop_watch();
    end if;
end;
$$;
