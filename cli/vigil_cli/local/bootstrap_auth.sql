-- Part 2 of 3: schema auth. Run by `supabase_admin` after bootstrap.sql; safe to run again.
--
-- auth.users has the columns of a hosted project. The service that answers /auth/v1 adds its own
-- further tables (sessions, refresh tokens, identities) when a stack starts.

create table if not exists auth.users (
    instance_id                 uuid,
    id                          uuid not null primary key,
    aud                         varchar(255) default 'authenticated',
    role                        varchar(255) default 'authenticated',
    email                       varchar(255),
    encrypted_password          varchar(255),
    email_confirmed_at          timestamptz,
    invited_at                  timestamptz,
    confirmation_token          varchar(255),
    confirmation_sent_at        timestamptz,
    recovery_token              varchar(255),
    recovery_sent_at            timestamptz,
    email_change_token_new      varchar(255),
    email_change                varchar(255),
    email_change_sent_at        timestamptz,
    last_sign_in_at             timestamptz,
    raw_app_meta_data           jsonb default '{}',
    raw_user_meta_data          jsonb default '{}',
    is_super_admin              boolean,
    created_at                  timestamptz default now(),
    updated_at                  timestamptz default now(),
    phone                       text unique,
    phone_confirmed_at          timestamptz,
    phone_change                text,
    phone_change_token          varchar(255),
    phone_change_sent_at        timestamptz,
    confirmed_at                timestamptz generated always as
                                    (least(email_confirmed_at, phone_confirmed_at)) stored,
    email_change_token_current  varchar(255),
    email_change_confirm_status smallint default 0
                                    check (email_change_confirm_status between 0 and 2),
    banned_until                timestamptz,
    reauthentication_token      varchar(255),
    reauthentication_sent_at    timestamptz,
    is_sso_user                 boolean not null default false,
    deleted_at                  timestamptz,
    is_anonymous                boolean not null default false
);
create unique index if not exists users_email_partial_key
    on auth.users (email) where is_sso_user = false;
alter table auth.users owner to supabase_auth_admin;
alter table auth.users enable row level security;

-- Hosted projects let migrations read and refer to users and hang triggers on them, not own them.
grant select, insert, update, delete, references, trigger on auth.users to postgres;
grant select, insert, update, delete, references, trigger on auth.users to dashboard_user;

-- Claims arrive either one setting per claim or all in one; the first that is set wins.

create or replace function auth.uid() returns uuid
    language sql stable
    as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
    $$;

create or replace function auth.role() returns text
    language sql stable
    as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
    $$;

create or replace function auth.email() returns text
    language sql stable
    as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.email', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
    )
    $$;

create or replace function auth.jwt() returns jsonb
    language sql stable
    as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
    $$;

alter function auth.uid() owner to supabase_auth_admin;
alter function auth.role() owner to supabase_auth_admin;
alter function auth.email() owner to supabase_auth_admin;
alter function auth.jwt() owner to supabase_auth_admin;
comment on function auth.uid() is 'The signed-in user; null when nobody is signed in.';
comment on function auth.jwt() is 'All claims of the request''s token; null outside a request.';
