-- phase: pre   breaking: no
-- Everything that holds data. Applies to an empty project, and over an app that already has some or all of the
-- public tables: what is missing is added, what is there is kept, what a member must not read is moved to `vigil`.
-- Adoption repairs the rows first and holds the locks for one short transaction, so these rules are met another way:
-- squawk-ignore-file adding-not-nullable-field, ban-drop-not-null, changing-column-type, adding-field-with-default
-- Small counters, bounded by checks:
-- squawk-ignore-file prefer-bigint-over-int, prefer-bigint-over-smallint
set lock_timeout = '10s';
set statement_timeout = '10min';

create schema if not exists vigil;
revoke all on schema vigil from public;
comment on schema vigil is 'Private to the safety layer: settings, jobs, verdicts, restrictions, staff, audit. Never exposed through the API.';

do $$
begin
    if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and puballtables) then
        raise exception using
            errcode = 'VG302',
            message = 'The publication supabase_realtime is FOR ALL TABLES, which would publish private tables.',
            hint = 'Run: drop publication supabase_realtime; create publication supabase_realtime; then add the tables your clients listen to, and migrate again.';
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'vigil_worker') then
        create role vigil_worker login noinherit;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'vigil_doorbell') then
        create role vigil_doorbell nologin noinherit;
    end if;
end
$$;
comment on role vigil_worker is 'The worker: EXECUTE on its own functions in vigil, no table rights.';
comment on role vigil_doorbell is 'The worker''s Realtime subscription: sees message ids and nothing else.';

-- What adoption replaced or moved away, so that nothing of the app is lost.
create table vigil.legacy_values (
    id          bigint generated always as identity primary key,
    kind        text not null check (kind in ('value', 'policy', 'function', 'constraint', 'publication', 'grant', 'view')),
    relation    text not null,
    name        text,
    row_key     text,
    body        text,
    recorded_at timestamptz not null default now()
);
comment on table vigil.legacy_values is 'What the adoption of an existing app replaced or moved: old policies, functions, constraints, values.';

------------------------------------------------------------------------------------------------------------------
-- Public tables: the contract with the frontends
------------------------------------------------------------------------------------------------------------------

create table if not exists public.profiles (id uuid primary key);
alter table public.profiles
    add column if not exists name text,
    add column if not exists location text,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now(),
    add column if not exists anonymised_at timestamptz;
-- A deleted account leaves its profile without either.
alter table public.profiles alter column name drop not null, alter column location drop not null;

create table if not exists public.conversations (id uuid primary key default gen_random_uuid());
alter table public.conversations
    add column if not exists created_by uuid,
    add column if not exists title text,
    add column if not exists status text not null default 'active',
    add column if not exists kind text,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now(),
    add column if not exists last_message_at timestamptz;

create table if not exists public.conversation_participants (conversation_id uuid not null, user_id uuid not null);
alter table public.conversation_participants
    add column if not exists id uuid not null default gen_random_uuid(),
    add column if not exists joined_at timestamptz not null default now(),
    add column if not exists left_at timestamptz,
    add column if not exists role text not null default 'member';

create table if not exists public.messages (id uuid primary key default gen_random_uuid());
alter table public.messages
    add column if not exists conversation_id uuid,
    add column if not exists sender_id uuid,
    add column if not exists recipient_id uuid,
    add column if not exists content text,
    add column if not exists message_type text default 'text',
    add column if not exists status text default 'sent',
    add column if not exists parent_message_id uuid,
    add column if not exists thread_id uuid,
    add column if not exists encryption_status text default 'none',
    add column if not exists read_at timestamptz,
    add column if not exists edited_at timestamptz,
    add column if not exists deleted_at timestamptz,
    add column if not exists is_flagged boolean default false,
    add column if not exists flagged_reason text,
    add column if not exists moderation_status text default 'approved',
    add column if not exists client_message_id text,
    add column if not exists created_at timestamptz default now(),
    add column if not exists updated_at timestamptz default now();

create table if not exists public.message_reports (id uuid primary key default gen_random_uuid());
alter table public.message_reports
    add column if not exists message_id uuid,
    add column if not exists reported_by uuid,
    add column if not exists report_reason text,
    add column if not exists description text,
    add column if not exists status text default 'pending',
    add column if not exists reviewed_by uuid,
    add column if not exists reviewed_at timestamptz,
    add column if not exists created_at timestamptz default now();

create table if not exists public.user_restrictions (id uuid primary key default gen_random_uuid());
alter table public.user_restrictions
    add column if not exists user_id uuid,
    add column if not exists restriction_type text,
    add column if not exists duration_hours numeric,
    add column if not exists reason text,
    add column if not exists created_by uuid,
    add column if not exists created_at timestamptz default now(),
    add column if not exists expires_at timestamptz,
    add column if not exists conversation_id uuid,
    add column if not exists message_limit_per_day integer,
    add column if not exists lifted_at timestamptz;

create table if not exists public.messaging_preferences (user_id uuid primary key);
alter table public.messaging_preferences
    add column if not exists can_receive_from text not null default 'anyone',
    add column if not exists read_receipts boolean not null default true,
    add column if not exists typing_indicators boolean not null default true,
    add column if not exists share_location boolean not null default true,
    add column if not exists quiet_hours_start time,
    add column if not exists quiet_hours_end time,
    add column if not exists time_zone text not null default 'UTC',
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

create table if not exists public.user_presence (user_id uuid primary key);
alter table public.user_presence
    add column if not exists status text not null default 'offline',
    add column if not exists last_seen timestamptz not null default now(),
    add column if not exists current_conversation_id uuid,
    add column if not exists is_typing_in_conversation uuid,
    add column if not exists updated_at timestamptz not null default now();

create table if not exists public.user_blocks (blocker_id uuid not null, blocked_id uuid not null);
alter table public.user_blocks
    add column if not exists kind text not null default 'block',
    add column if not exists created_at timestamptz not null default now();

create table public.message_tombstones (
    id                 uuid primary key default gen_random_uuid(),
    message_id         uuid not null,
    conversation_id    uuid not null,
    sender_id          uuid not null,
    message_created_at timestamptz not null,
    kind               text not null check (kind in ('hidden', 'removed', 'deleted')),
    created_at         timestamptz not null default now()
);
create index message_tombstones_by_conversation on public.message_tombstones (conversation_id, created_at);
comment on table public.message_tombstones is 'Tells clients to drop a message they already hold. Written only for a message that others could see; never deleted.';

create table public.message_receipts (
    message_id      uuid not null,
    user_id         uuid not null references public.profiles,
    author_id       uuid not null references public.profiles,
    conversation_id uuid not null,
    read_at         timestamptz not null default now(),
    primary key (message_id, user_id)
);
create index message_receipts_by_author on public.message_receipts (author_id, conversation_id);
create index message_receipts_by_reader on public.message_receipts (user_id);
comment on table public.message_receipts is 'Who read a message of a group; its author alone reads this. In a direct conversation messages.read_at says it.';

create table public.notices (
    id              uuid primary key default gen_random_uuid(),
    user_id         uuid not null references public.profiles,
    kind            text not null check (length(kind) between 1 and 60),
    body            text not null check (length(body) <= 4000),
    created_at      timestamptz not null default now(),
    acknowledged_at timestamptz
);
create index notices_by_user on public.notices (user_id, created_at desc);
comment on table public.notices is 'What a member is told about an act that concerns them. A shadow ban never writes one.';

------------------------------------------------------------------------------------------------------------------
-- Publication: a closed list
------------------------------------------------------------------------------------------------------------------
do $$
declare
    t record;
begin
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
    end if;
    for t in
        select p.schemaname, p.tablename from pg_catalog.pg_publication_tables p
        where p.pubname = 'supabase_realtime' and (p.schemaname = 'vigil' or (p.schemaname = 'public'
          and p.tablename in ('profiles', 'conversation_participants', 'message_reports', 'user_restrictions',
                              'messaging_preferences', 'user_presence', 'user_blocks')))
    loop
        insert into vigil.legacy_values (kind, relation, name) values ('publication', format('%I.%I', t.schemaname, t.tablename), 'supabase_realtime');
        execute format('alter publication supabase_realtime drop table %I.%I', t.schemaname, t.tablename);
    end loop;
    for t in
        select n.name from unnest(array['messages', 'message_tombstones', 'notices', 'conversations']) as n (name)
        where not exists (select from pg_catalog.pg_publication_tables p where p.pubname = 'supabase_realtime'
                          and p.schemaname = 'public' and p.tablename = n.name)
    loop
        execute format('alter publication supabase_realtime add table public.%I', t.name);
    end loop;
    -- FULL would publish the old text of a redacted row.
    for t in
        select c.oid::regclass as name from pg_catalog.pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relreplident <> 'd'
          and c.relname in ('messages', 'message_tombstones', 'notices', 'conversations')
    loop
        insert into vigil.legacy_values (kind, relation, name) values ('constraint', t.name::text, 'replica identity');
        execute format('alter table %s replica identity default', t.name);
    end loop;
end
$$;

------------------------------------------------------------------------------------------------------------------
-- Adoption: keys, constraints, and values a member must not read
------------------------------------------------------------------------------------------------------------------

-- Foreign keys to auth.users, and any that delete or blank rows, go: deleting an account deletes no record.
-- Checks over columns whose values we define go as well; all are recorded.
do $$
declare
    c record;
begin
    for c in
        select con.conname, con.conrelid::regclass as relation, pg_catalog.pg_get_constraintdef(con.oid) as body
        from pg_catalog.pg_constraint con
        join pg_catalog.pg_class r on r.oid = con.conrelid
        where r.relnamespace = 'public'::regnamespace
          and r.relname in ('profiles', 'conversations', 'conversation_participants', 'messages', 'message_reports',
                            'user_restrictions', 'messaging_preferences', 'user_presence', 'user_blocks')
          and ((con.contype = 'f' and (con.confrelid = 'auth.users'::regclass or con.confdeltype <> 'a'))
               or (con.contype = 'f' and con.conname in ('messages_sender_id_fkey', 'messages_recipient_id_fkey'))
               or (con.contype = 'c' and exists (
                    select from pg_catalog.pg_attribute a
                    where a.attrelid = con.conrelid and a.attnum = any (con.conkey)
                      and a.attname in ('restriction_type', 'moderation_status', 'status', 'encryption_status',
                                        'duration_hours', 'can_receive_from', 'role', 'report_reason')))
               or (con.contype in ('p', 'u') and r.relname = 'conversation_participants'))
    loop
        insert into vigil.legacy_values (kind, relation, name, body)
        values ('constraint', c.relation::text, c.conname, c.body);
        execute format('alter table %s drop constraint %I', c.relation, c.conname);
    end loop;
    -- A unique index without a constraint would forbid a second stay just as well.
    for c in
        select i.indexrelid::regclass as index, pg_catalog.pg_get_indexdef(i.indexrelid) as body
        from pg_catalog.pg_index i
        where i.indrelid = 'public.conversation_participants'::regclass and i.indisunique
    loop
        insert into vigil.legacy_values (kind, relation, name, body)
        values ('constraint', 'public.conversation_participants', c.index::text, c.body);
        execute format('drop index %s', c.index);
    end loop;
end
$$;

-- Everyone an app row speaks of has a profile; a missing one becomes an anonymous tombstone.
insert into public.profiles (id, anonymised_at)
select distinct people.id, case when u.id is null then now() end
from (
    select created_by from public.conversations
    union select user_id from public.conversation_participants
    union select sender_id from public.messages
    union select recipient_id from public.messages
    union select reported_by from public.message_reports
    union select user_id from public.user_restrictions
    union select user_id from public.messaging_preferences
    union select user_id from public.user_presence
    union select blocker_id from public.user_blocks
    union select blocked_id from public.user_blocks
    union select id from auth.users
) as people (id)
left join auth.users u on u.id = people.id
where people.id is not null and not exists (select from public.profiles p where p.id = people.id);

-- Kept elsewhere, because `select *` would show them to members.
insert into vigil.legacy_values (kind, relation, name, row_key, body)
select 'value', 'public.messages', 'flagged_reason', id::text, flagged_reason from public.messages where flagged_reason is not null
union all
select 'value', 'public.messages', 'is_flagged', id::text, 'true' from public.messages where is_flagged
union all
select 'value', 'public.message_reports', 'reviewed_by', id::text, reviewed_by::text from public.message_reports where reviewed_by is not null
union all
select 'value', 'public.user_restrictions', 'created_by', id::text, created_by::text from public.user_restrictions where created_by is not null
union all
select 'value', 'public.user_restrictions', 'reason', id::text, reason from public.user_restrictions where reason is not null;

update public.messages set flagged_reason = null, is_flagged = false
where flagged_reason is not null or is_flagged is distinct from false;
update public.messages set moderation_status = case
        when moderation_status in ('pending', 'approved', 'hidden', 'removed') then moderation_status
        when moderation_status in ('rejected', 'blocked', 'deleted') then 'removed'
        when moderation_status in ('flagged', 'review', 'under_review') then 'pending'
        else 'approved' end
where moderation_status is null or moderation_status not in ('pending', 'approved', 'hidden', 'removed');
update public.messages set status = 'sent' where status is null or status not in ('sent', 'delivered', 'read', 'failed');
update public.messages set encryption_status = 'none' where encryption_status is null or encryption_status not in ('none', 'encrypted', 'failed');
update public.messages set message_type = 'text' where message_type is null;
update public.messages set content = '' where content is null;
update public.messages set created_at = coalesce(updated_at, now()) where created_at is null;
update public.messages set updated_at = created_at where updated_at is null;
update public.message_reports set reviewed_by = null where reviewed_by is not null;
update public.message_reports set status = 'pending' where status is null;
update public.message_reports set created_at = now() where created_at is null;
update public.user_restrictions set created_at = now() where created_at is null;
update public.conversations set status = 'active' where status not in ('active', 'closed', 'blocked');
update public.conversation_participants set role = 'member' where role not in ('member', 'moderator');
update public.messaging_preferences set can_receive_from = 'anyone' where can_receive_from not in ('anyone', 'help_connections', 'nobody');

do $$
begin
    if exists (select from pg_catalog.pg_attribute where attrelid = 'public.message_reports'::regclass
               and attname = 'reason' and not attisdropped) then
        alter table public.message_reports alter column reason drop not null;
        update public.message_reports set report_reason = reason where report_reason is null;
    end if;
    if exists (select from pg_catalog.pg_attribute where attrelid = 'public.profiles'::regclass
               and attname = 'is_admin' and not attisdropped) then
        insert into vigil.legacy_values (kind, relation, name, row_key, body)
        select 'value', 'public.profiles', 'is_admin', p.id::text, 'true' from public.profiles p
        where (to_jsonb(p) ->> 'is_admin')::boolean;
    end if;
end
$$;

-- Restrictions: the truth is private; the public table shows a member what they are told.
create table vigil.restrictions (
    id                    uuid primary key default gen_random_uuid(),
    user_id               uuid not null references public.profiles,
    restriction_type      text not null check (restriction_type in ('warn', 'limit', 'hold', 'mute', 'block', 'shadow_ban')),
    conversation_id       uuid references public.conversations,
    message_limit_per_day integer check (message_limit_per_day between 0 and 100000),
    reason                text not null check (length(reason) between 1 and 2000),
    public_reason         text check (length(public_reason) between 1 and 2000),
    legal_basis           text check (length(legal_basis) between 1 and 2000),
    created_by            uuid,
    batch                 uuid,
    created_at            timestamptz not null default now(),
    expires_at            timestamptz,
    lifted_at             timestamptz,
    lifted_by             uuid,
    lift_reason           text,
    expiry_recorded_at    timestamptz,
    constraint restrictions_limit_has_number check ((restriction_type = 'limit') = (message_limit_per_day is not null)),
    constraint restrictions_shadow_has_basis check (restriction_type <> 'shadow_ban' or legal_basis is not null),
    constraint restrictions_shadow_is_global check (restriction_type <> 'shadow_ban' or conversation_id is null),
    constraint restrictions_lifted_with_reason check ((lifted_at is null) = (lift_reason is null)),
    constraint restrictions_expiry_after_start check (expires_at is null or expires_at > created_at)
);
create index restrictions_by_member on vigil.restrictions (user_id) where lifted_at is null;
create index restrictions_history on vigil.restrictions (user_id, created_at desc);
create index restrictions_due on vigil.restrictions (expires_at) where lifted_at is null and expiry_recorded_at is null and expires_at is not null;
comment on table vigil.restrictions is 'Every restriction a moderator issued, with who, why and until when. Binds by the clock, never by the worker.';

insert into vigil.restrictions (id, user_id, restriction_type, message_limit_per_day, reason, legal_basis, created_by, created_at,
                                expires_at, lifted_at, lift_reason, expiry_recorded_at)
select r.id, r.user_id,
       case when r.restriction_type in ('warn', 'limit', 'hold', 'mute', 'block', 'shadow_ban') then r.restriction_type
            when r.restriction_type in ('warning') then 'warn'
            when r.restriction_type in ('suspend', 'suspended', 'ban', 'banned') then 'block'
            when r.restriction_type in ('shadowban', 'shadow') then 'shadow_ban'
            else 'mute' end as kind,
       case when r.restriction_type = 'limit' then coalesce(r.message_limit_per_day, 20) end,
       coalesce(nullif(left(r.reason, 2000), ''), 'adopted from the app'),
       case when r.restriction_type in ('shadow_ban', 'shadowban', 'shadow') then 'adopted from the app' end,
       r.created_by, r.created_at, ends.at,
       r.lifted_at, case when r.lifted_at is not null then 'lifted in the app' end,
       case when ends.at <= now() then now() end
from public.user_restrictions r
cross join lateral (
    select nullif(greatest(coalesce(r.expires_at, r.created_at + r.duration_hours * interval '1 hour'),
                           r.created_at + interval '1 microsecond'),
                  case when r.expires_at is null and r.duration_hours is null then r.created_at + interval '1 microsecond' end) as at
) ends
where r.user_id is not null;

insert into vigil.legacy_values (kind, relation, name, row_key, body)
select 'value', 'public.user_restrictions', 'row', r.id::text, to_jsonb(r)::text
from public.user_restrictions r join vigil.restrictions t on t.id = r.id and t.restriction_type = 'shadow_ban';
delete from public.user_restrictions r using vigil.restrictions t where t.id = r.id and t.restriction_type = 'shadow_ban';
update public.user_restrictions r set restriction_type = t.restriction_type, created_by = null, reason = null,
    expires_at = t.expires_at, message_limit_per_day = t.message_limit_per_day
from vigil.restrictions t where t.id = r.id;

alter table public.conversations
    alter column kind set default 'direct',
    alter column title drop not null;
update public.conversations c set kind = case
        when (select count(distinct p.user_id) from public.conversation_participants p where p.conversation_id = c.id) > 2
            then 'group' else 'direct' end
where kind is null;
update public.conversations set last_message_at = created_at where last_message_at is null;

alter table public.conversations
    alter column kind set not null,
    alter column last_message_at set default now(),
    add constraint conversations_status_known check (status in ('active', 'closed', 'blocked')),
    add constraint conversations_kind_known check (kind in ('direct', 'group')),
    add constraint conversations_title_length check (length(title) <= 200) not valid,
    add constraint conversations_created_by_fkey foreign key (created_by) references public.profiles;
create index if not exists conversations_by_creator on public.conversations (created_by);

alter table public.conversation_participants
    add constraint conversation_participants_pkey primary key (id),
    add constraint conversation_participants_role_known check (role in ('member', 'moderator')),
    add constraint conversation_participants_left_after check (left_at is null or left_at >= joined_at) not valid,
    add constraint conversation_participants_user_id_fkey foreign key (user_id) references public.profiles;
do $$
begin
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.conversation_participants'::regclass
                   and contype = 'f' and confrelid = 'public.conversations'::regclass) then
        alter table public.conversation_participants
            add constraint conversation_participants_conversation_id_fkey foreign key (conversation_id) references public.conversations;
    end if;
end
$$;
create unique index conversation_participants_once_at_a_time
    on public.conversation_participants (conversation_id, user_id) where left_at is null;
create index conversation_participants_by_user on public.conversation_participants (user_id, conversation_id) include (id, left_at);
create index conversation_participants_by_conversation on public.conversation_participants (conversation_id, user_id) include (id, left_at);

alter table public.messages
    alter column id set default gen_random_uuid(),
    alter column conversation_id set not null,
    alter column sender_id set not null,
    alter column content set not null,
    alter column message_type set not null,
    alter column message_type set default 'text',
    alter column status set not null,
    alter column status set default 'sent',
    alter column encryption_status set not null,
    alter column encryption_status set default 'none',
    alter column is_flagged set not null,
    alter column is_flagged set default false,
    alter column moderation_status set not null,
    alter column moderation_status set default 'approved',
    alter column created_at set not null,
    alter column updated_at set not null,
    add constraint messages_status_known check (status in ('sent', 'delivered', 'read', 'failed')),
    add constraint messages_encryption_status_known check (encryption_status in ('none', 'encrypted', 'failed')),
    add constraint messages_moderation_status_known check (moderation_status in ('pending', 'approved', 'hidden', 'removed')),
    add constraint messages_flag_is_private check (not is_flagged and flagged_reason is null),
    add constraint messages_client_message_id_length check (length(client_message_id) between 1 and 128) not valid,
    add constraint messages_sender_id_fkey foreign key (sender_id) references public.profiles,
    add constraint messages_recipient_id_fkey foreign key (recipient_id) references public.profiles;
do $$
begin
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.messages'::regclass
                   and contype = 'f' and confrelid = 'public.conversations'::regclass) then
        alter table public.messages
            add constraint messages_conversation_id_fkey foreign key (conversation_id) references public.conversations;
    end if;
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.messages'::regclass and contype = 'c'
                   and pg_catalog.pg_get_constraintdef(oid) like '%message_type%') then
        alter table public.messages
            add constraint messages_message_type_known check (message_type in ('text', 'system', 'help_request_update'));
    end if;
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.messages'::regclass and contype = 'f'
                   and conname = 'messages_parent_message_id_fkey') then
        alter table public.messages
            add constraint messages_parent_message_id_fkey foreign key (parent_message_id) references public.messages;
    end if;
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.messages'::regclass and contype = 'f'
                   and conname = 'messages_thread_id_fkey') then
        alter table public.messages
            add constraint messages_thread_id_fkey foreign key (thread_id) references public.messages;
    end if;
end
$$;
create index messages_by_conversation on public.messages (conversation_id, created_at desc, id desc);
create index messages_by_sender on public.messages (sender_id, created_at desc);
create index messages_unread_by_recipient on public.messages (recipient_id, conversation_id) where read_at is null;
create index messages_by_thread on public.messages (thread_id, created_at) where thread_id is not null;
create index messages_by_words on public.messages using gin (to_tsvector('simple', left(content, 100000)));
create index messages_by_parent on public.messages (parent_message_id) where parent_message_id is not null;
create unique index messages_once_per_client_id on public.messages (sender_id, client_message_id);

do $$
begin
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.message_reports'::regclass
                   and contype = 'f' and confrelid = 'public.messages'::regclass) then
        alter table public.message_reports
            add constraint message_reports_message_id_fkey foreign key (message_id) references public.messages;
    end if;
    if not exists (select from public.message_reports group by reported_by, message_id having count(*) > 1) then
        create unique index message_reports_once_each on public.message_reports (reported_by, message_id);
    else
        create index message_reports_once_each on public.message_reports (reported_by, message_id);
    end if;
end
$$;
alter table public.message_reports
    alter column id set default gen_random_uuid(),
    alter column status set default 'pending',
    alter column status set not null,
    alter column created_at set default now(),
    add constraint message_reports_reviewer_is_private check (reviewed_by is null),
    add constraint message_reports_reason_length check (length(report_reason) between 1 and 200) not valid,
    add constraint message_reports_description_length check (length(description) <= 4000) not valid,
    add constraint message_reports_reported_by_fkey foreign key (reported_by) references public.profiles;
create index message_reports_by_message on public.message_reports (message_id);

alter table public.user_restrictions
    alter column id set default gen_random_uuid(),
    alter column duration_hours type numeric,
    alter column created_at set default now(),
    add constraint user_restrictions_type_is_told check (restriction_type in ('warn', 'limit', 'hold', 'mute', 'block')),
    add constraint user_restrictions_moderator_is_private check (created_by is null),
    add constraint user_restrictions_user_id_fkey foreign key (user_id) references public.profiles;
create index user_restrictions_by_user on public.user_restrictions (user_id);

alter table public.messaging_preferences
    add constraint messaging_preferences_can_receive_from_known check (can_receive_from in ('anyone', 'help_connections', 'nobody')),
    add constraint messaging_preferences_time_zone_length check (length(time_zone) between 1 and 64),
    add constraint messaging_preferences_user_id_fkey foreign key (user_id) references public.profiles;
alter table public.user_presence
    add constraint user_presence_user_id_fkey foreign key (user_id) references public.profiles;
alter table public.user_blocks
    add constraint user_blocks_kind_known check (kind in ('block', 'mute')),
    add constraint user_blocks_not_oneself check (blocker_id <> blocked_id),
    -- None on blocked_id: refusing an absent member would tell which ids exist.
    add constraint user_blocks_blocker_id_fkey foreign key (blocker_id) references public.profiles;
do $$
begin
    if not exists (select from pg_catalog.pg_constraint where conrelid = 'public.user_blocks'::regclass and contype = 'p') then
        alter table public.user_blocks add constraint user_blocks_pkey primary key (blocker_id, blocked_id, kind);
    end if;
end
$$;
create index user_blocks_by_blocked on public.user_blocks (blocked_id);

comment on table public.profiles is 'A member as others see them. Outlives the account as an anonymous tombstone.';
comment on table public.conversations is 'A direct or group conversation. `last_message_at` moves when somebody reads, never by a send alone.';
comment on table public.conversation_participants is 'One row per stay: a member sees what was said between joined_at and left_at.';
comment on table public.messages is 'Messages as members see them. Visibility is decided by one generated predicate.';
comment on table public.message_reports is 'One report per member and message. The reporter sees its status, never the reviewer.';
comment on table public.user_restrictions is 'What a member is told of their restrictions. The truth is vigil.restrictions.';
comment on table public.messaging_preferences is 'Who may write to a member, and what others see of them.';
comment on table public.user_presence is 'Presence for clients that poll; written by update_user_presence only.';
comment on table public.user_blocks is 'Blocks and mutes between members. The other side is never told.';

------------------------------------------------------------------------------------------------------------------
-- Private tables
------------------------------------------------------------------------------------------------------------------

create table vigil.settings (
    only_row           boolean primary key default true check (only_row),
    schema_version     integer not null default 1,
    breaking_since     integer not null default 1,
    keep_all_verdicts  boolean not null default false,
    moderation_mode    text not null default 'post' check (moderation_mode in ('post', 'pre')),
    max_message_length integer not null default 10000 check (max_message_length between 1 and 100000),
    hold_timeout       interval not null default '3 days' check (hold_timeout > interval '0'),
    job_max_attempts   integer not null default 5 check (job_max_attempts between 1 and 100),
    edit_window        interval default '1 day' check (edit_window > interval '0'),
    messages_per_minute integer check (messages_per_minute between 1 and 100000),
    live_audience_max  integer not null default 100 check (live_audience_max between 0 and 10000),
    phone_action       text not null default 'flag' check (phone_action in ('allow', 'flag', 'hold', 'remove')),
    email_action       text not null default 'flag' check (email_action in ('allow', 'flag', 'hold', 'remove')),
    card_action        text not null default 'hold' check (card_action in ('allow', 'flag', 'hold', 'remove')),
    link_action        text not null default 'allow' check (link_action in ('allow', 'flag', 'hold', 'remove'))
);
insert into vigil.settings default values;
comment on table vigil.settings is 'One row: the community''s choices.';
comment on column vigil.settings.schema_version is 'Version of this schema; the worker and the CLI compare it with their own.';
comment on column vigil.settings.breaking_since is 'Oldest code version that still understands this schema.';
comment on column vigil.settings.keep_all_verdicts is 'Keep a verdict and an event for every message, not only for what was found.';
comment on column vigil.settings.moderation_mode is 'post: visible at once, hidden if found bad. pre: pending until judged.';
comment on column vigil.settings.max_message_length is 'Longest message, in characters.';
comment on column vigil.settings.hold_timeout is 'After this long, a held message becomes an overdue case.';
comment on column vigil.settings.job_max_attempts is 'After this many failures a job is set aside as dead.';
comment on column vigil.settings.edit_window is 'How long after sending an author may edit; null: for ever.';
comment on column vigil.settings.messages_per_minute is 'How many messages a member may store within a minute, everywhere; null: any number.';
comment on column vigil.settings.live_audience_max is 'Typing and presence are broadcast to at most so many people; above, clients poll.';
comment on column vigil.settings.phone_action is 'What to do with a telephone number.';
comment on column vigil.settings.email_action is 'What to do with an e-mail address.';
comment on column vigil.settings.card_action is 'What to do with a payment card number.';
comment on column vigil.settings.link_action is 'What to do with a link.';

create table vigil.conversation_settings (
    conversation_id uuid primary key references public.conversations,
    moderation_mode text check (moderation_mode in ('post', 'pre')),
    slow_mode       interval check (slow_mode > interval '0' and slow_mode <= interval '1 day')
);
comment on column vigil.conversation_settings.slow_mode is 'How long a member waits between two messages here; null: not at all.';
comment on table vigil.conversation_settings is 'Where a conversation differs from vigil.settings.';

create table vigil.staff (
    user_id  uuid primary key references public.profiles,
    role     text not null check (role in ('auditor', 'moderator', 'admin')),
    added_by uuid,
    added_at timestamptz not null default now()
);
comment on table vigil.staff is 'Who acts for the community: auditors read, moderators act, admins manage.';

create table vigil.subjects (
    user_id     uuid primary key,
    subject_ref uuid not null unique default gen_random_uuid()
);
comment on table vigil.subjects is 'The only bridge from a person to the audit log; erasing a row cuts it.';
insert into vigil.subjects (user_id) select id from public.profiles;

create table vigil.event_kinds (
    code smallint primary key,
    name text not null unique,
    gist text not null
);
comment on table vigil.event_kinds is 'The catalogue of audit events; codes are never reused.';
insert into vigil.event_kinds (code, name, gist) values
    (1, 'message.sent', 'a member sent a message'),
    (2, 'message.edited', 'a proposed edit was accepted'),
    (3, 'message.deleted', 'an author deleted a message'),
    (4, 'message.judged', 'the filter gave its verdict'),
    (5, 'message.approved', 'a message became visible'),
    (6, 'message.hidden', 'a message was hidden'),
    (7, 'message.removed', 'a message was removed'),
    (8, 'message.viewed', 'staff read the text of a message'),
    (9, 'edit.proposed', 'a member proposed an edit'),
    (10, 'restriction.created', 'a restriction was issued'),
    (11, 'restriction.lifted', 'a restriction was lifted early'),
    (12, 'restriction.expired', 'a restriction ended by itself'),
    (13, 'report.opened', 'a member reported a message'),
    (14, 'case.opened', 'a case was opened'),
    (15, 'case.closed', 'a case was closed'),
    (16, 'staff.added', 'somebody joined the staff or changed role'),
    (17, 'staff.removed', 'somebody left the staff'),
    (18, 'terms.changed', 'the term lists changed'),
    (19, 'jobs.retried', 'dead jobs were put back'),
    (20, 'account.deleted', 'an account was deleted and its profile made anonymous'),
    (21, 'conversation.started', 'a conversation was started'),
    (22, 'participant.added', 'somebody was added to a conversation'),
    (23, 'participant.left', 'somebody left or was removed'),
    (24, 'hold.timed_out', 'a held message waited too long'),
    (25, 'settings.changed', 'a setting changed'),
    (26, 'job.died', 'a job failed too often and was set aside'),
    (27, 'conversation.closed', 'a conversation was closed'),
    (28, 'participant.promoted', 'somebody became a moderator of a group');

create table vigil.events (
    id       bigint generated always as identity primary key,
    event_id uuid not null default gen_random_uuid(),
    xid      xid8 not null default pg_current_xact_id(),
    at       timestamptz not null default clock_timestamp(),
    kind     text not null check (length(kind) between 3 and 60),
    tool     text check (length(tool) <= 120),
    batch    uuid,
    salt0    bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    salt1    bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    salt2    bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
    body0    text not null,
    body1    text not null,
    body2    text not null
);
create index events_by_batch on vigil.events (batch) where batch is not null;
comment on table vigil.events is 'The audit log, append-only. Three separately salted slots: actor, subject, detail. Persons only as subject_ref.';
comment on column vigil.events.body0 is 'Actor: {"ref", "role", "for"}; ref is null for the system.';
comment on column vigil.events.body1 is 'Subject: {"ref"}; null when no person is concerned.';
comment on column vigil.events.body2 is 'Detail, as exact text of a JSON object.';

create table vigil.shadowed_messages (
    message_id  uuid primary key,
    sender_id   uuid not null,
    shadowed_at timestamptz not null default now(),
    released_at timestamptz
);
create index shadowed_messages_by_sender on vigil.shadowed_messages (sender_id) where released_at is null;
comment on table vigil.shadowed_messages is 'Messages sent during a shadow ban: only their author sees them until a moderator releases them.';

create table vigil.shadowed_stays (
    stay_id  uuid primary key,
    user_id  uuid not null,
    added_by uuid not null
);
create index shadowed_stays_by_user on vigil.shadowed_stays (user_id);
comment on table vigil.shadowed_stays is 'Stays made by a shadow-banned member for others: real to whoever made them, unknown to everyone else.';

create table vigil.careful_stays (
    stay_id         uuid primary key references public.conversation_participants,
    user_id         uuid not null,
    conversation_id uuid not null
);
create index careful_stays_by_user on vigil.careful_stays (user_id) include (conversation_id);
comment on table vigil.careful_stays is 'Stays that do not see every approved message of their conversation: begun late, ended, or beside a shadowed message. Only they pay a look at each.';
-- Whoever wrote in a conversation without a stay left it in an app that deletes the row: an empty stay keeps their own messages in sight.
insert into public.conversation_participants (conversation_id, user_id, joined_at, left_at)
select m.conversation_id, m.sender_id, max(m.created_at), max(m.created_at) from public.messages m
where not exists (select from public.conversation_participants p where p.conversation_id = m.conversation_id and p.user_id = m.sender_id)
group by m.conversation_id, m.sender_id;
insert into vigil.careful_stays (stay_id, user_id, conversation_id)
select p.id, p.user_id, p.conversation_id from public.conversation_participants p
where p.left_at is not null
   or exists (select from public.messages m where m.conversation_id = p.conversation_id and m.created_at < p.joined_at);

create table vigil.holds (
    message_id   uuid primary key,
    cause        text not null check (cause in ('restriction', 'mode', 'verdict')),
    held_at      timestamptz not null default now(),
    times_out_at timestamptz not null,
    timed_out_at timestamptz
);
create index holds_due on vigil.holds (times_out_at) where timed_out_at is null;
comment on table vigil.holds is 'Why a message is pending, and when waiting becomes overdue.';

create table vigil.jobs (
    id              bigint generated by default as identity primary key,
    kind            text not null check (kind in ('message', 'edit', 'title', 'name')),
    subject_id      uuid not null,
    queued_at       timestamptz not null default now(),
    run_at          timestamptz not null default now(),
    attempts        integer not null default 0,
    last_error      text,
    dead_at         timestamptz
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index jobs_ready on vigil.jobs (run_at, id) where dead_at is null;
create index jobs_dead on vigil.jobs (dead_at) where dead_at is not null;
comment on table vigil.jobs is 'Work, written in the transaction that caused it. What a worker holds is in vigil.leases; a dead job keeps its error.';
comment on column vigil.jobs.attempts is 'How often a worker failed with it or died holding it.';

create table vigil.leases (
    id          bigint generated always as identity primary key,
    worker      text not null,
    until       timestamptz not null,
    job_ids     bigint[] not null,
    kinds       text[] not null,
    subject_ids uuid[] not null,
    queued_ats  timestamptz[] not null,
    attempts    integer[] not null,
    last_errors text[] not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index leases_by_end on vigil.leases (until);
comment on table vigil.leases is 'One row per claimed batch holds the jobs themselves, at the same place of each array: a claim moves them here and settling deletes one row. When a lease ends they go back to vigil.jobs.';

create type vigil.send_facts as (
    sender           uuid,
    conversation     uuid,
    cause            text,
    recipient        uuid,
    max_length       integer,
    inline_max_words integer,
    holds_for_all    boolean
);
comment on type vigil.send_facts is 'What judging a message needs to know of its sender and conversation; holds_for_all when no row of a statement can change it.';
create unlogged sequence vigil.send_memo cycle;
comment on sequence vigil.send_memo is 'Its currval is a note of the session to itself that only the owner can write: the digest of what a statement remembers.';
revoke all on sequence vigil.send_memo from public, anon, authenticated, service_role;

create table vigil.verdicts (
    job_id     bigint primary key,
    kind       text not null,
    subject_id uuid not null,
    verdict    text not null check (verdict in ('approve', 'flag', 'hold', 'remove')),
    categories text[] not null default '{}',
    matches    jsonb not null default '[]',
    engine     text,
    reason     text,
    worker     text not null,
    created_at timestamptz not null default now()
);
create index verdicts_by_subject on vigil.verdicts (subject_id);
comment on table vigil.verdicts is 'What the filter found; one row per job, so never two for one submission.';

create table vigil.edits (
    id          uuid primary key default gen_random_uuid(),
    message_id  uuid not null references public.messages,
    content     text not null,
    previous    text,
    state       text not null default 'pending' check (state in ('pending', 'accepted', 'refused', 'superseded')),
    created_at  timestamptz not null default now(),
    decided_at  timestamptz,
    constraint edits_decided_iff_closed check ((state = 'pending') = (decided_at is null))
);
create unique index edits_one_pending on vigil.edits (message_id) where state = 'pending';
create index edits_by_message on vigil.edits (message_id, created_at);
comment on table vigil.edits is 'Proposed edits and what they replaced. The published row keeps the last accepted text.';

create table vigil.deleted_contents (
    message_id uuid primary key references public.messages,
    content    text not null,
    deleted_at timestamptz not null default now()
);
comment on table vigil.deleted_contents is 'The text of messages their author deleted, kept for reports made in time.';

create table vigil.cases (
    id           uuid primary key default gen_random_uuid(),
    subject_kind text not null check (subject_kind in ('message', 'edit', 'title', 'name')),
    subject_id   uuid not null,
    reason       text not null check (length(reason) <= 500),
    state        text not null default 'open' check (state in ('open', 'closed')),
    overdue      boolean not null default false,
    opened_at    timestamptz not null default now(),
    closed_at    timestamptz,
    closed_by    uuid,
    constraint cases_closed_iff_dated check ((state = 'open') = (closed_at is null))
);
create unique index cases_one_open on vigil.cases (subject_kind, subject_id) where state = 'open';
create index cases_open on vigil.cases (opened_at) where state = 'open';
comment on table vigil.cases is 'What waits for a person. Text of private messages is read through an open case only, and each reading is recorded.';

create table vigil.decisions (
    id         bigint generated always as identity primary key,
    subject_id uuid not null,
    decision   text not null check (decision in ('approve', 'hide', 'remove')),
    reason     text not null,
    decided_by uuid not null,
    decided_at timestamptz not null default now()
);
create index decisions_by_subject on vigil.decisions (subject_id);
comment on table vigil.decisions is 'What a person decided about a message or an edit; a later verdict of the filter changes it no more.';

create table vigil.terms (
    id              bigint generated always as identity primary key,
    term            text not null check (length(term) between 1 and 200),
    folded          text not null check (folded <> ''),
    category        text not null check (length(category) between 1 and 60),
    severity        text not null check (severity in ('block', 'remove', 'hold', 'flag', 'allow')),
    language        text not null default 'und' check (length(language) between 2 and 35),
    match           text not null default 'word' check (match in ('word', 'substring')),
    conversation_id uuid references public.conversations,
    expires_at      timestamptz,
    created_by      uuid,
    created_at      timestamptz not null default now()
);
create unique index terms_once on vigil.terms (folded, match, language, coalesce(conversation_id, '00000000-0000-0000-0000-000000000000'));
create index terms_inline on vigil.terms (folded) where severity = 'block' and match = 'word';
comment on table vigil.terms is 'The community''s word lists. Severity block with match word is enforced in the sender''s own transaction.';

create table vigil.terms_revision (
    only_row         boolean primary key default true check (only_row),
    version          bigint not null default 0,
    inline_max_words integer not null default 0
);
insert into vigil.terms_revision default values;
comment on table vigil.terms_revision is 'Version of the term lists, and the longest inline phrase in words (0: none).';

create table vigil.read_marks (
    user_id         uuid not null,
    conversation_id uuid not null references public.conversations,
    read_at         timestamptz not null,
    primary key (user_id, conversation_id)
);
comment on table vigil.read_marks is 'How far a member has read; private, whatever their receipts show.';

create table vigil.workers (
    worker     text primary key,
    version    text,
    started_at timestamptz not null default now(),
    last_beat  timestamptz not null default now(),
    state      jsonb not null default '{}'
);
comment on table vigil.workers is 'Heartbeats of the workers.';

do $$
declare
    t record;
begin
    for t in select c.oid::regclass as name from pg_catalog.pg_class c
             where c.relnamespace = 'vigil'::regnamespace and c.relkind = 'r' loop
        execute format('alter table %s enable row level security', t.name);
        execute format('revoke all on %s from public, anon, authenticated, service_role', t.name);
    end loop;
end
$$;

------------------------------------------------------------------------------------------------------------------
-- Adoption: behaviour that would stay a hole, or stand in the way
------------------------------------------------------------------------------------------------------------------

-- Policies of the app that read a guarded table would recurse into our policies, and functions with our names trusted the
-- id they were given. Both go, on record; what depended on the functions comes back once ours exist (next migration but one).
do $$
declare
    guarded constant text[] := array['profiles', 'conversations', 'conversation_participants', 'messages', 'message_reports',
                                     'user_restrictions', 'messaging_preferences', 'user_presence', 'user_blocks'];
    ours constant text[] := array['mark_messages_read', 'get_message_thread', 'get_unread_message_count', 'update_user_presence',
                                  'can_user_send_message', 'send_message', 'edit_message', 'delete_message', 'start_conversation',
                                  'close_conversation', 'set_slow_mode', 'list_messages', 'list_conversations', 'search_messages',
                                  'reply_count', 'set_typing', 'notification_targets', 'add_participant', 'remove_participant', 'leave_conversation', 'acknowledge_notice', 'whoami',
                                  'find_member', 'restrict_member', 'lift_restriction', 'list_restrictions', 'decide_message',
                                  'show_message', 'add_terms', 'remove_terms', 'list_terms', 'list_jobs', 'retry_jobs',
                                  'worker_status', 'tail_audit', 'add_staff', 'remove_staff', 'list_staff', 'list_cases'];
    p record;
    f record;
    statement text;
begin
    for p in
        select pol.oid, pol.polname as name, pol.polrelid::regclass as relation, pol.polpermissive, pol.polcmd,
               pg_catalog.pg_get_expr(pol.polqual, pol.polrelid) as qual, pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid) as checked,
               (select string_agg(case when r.oid = 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(r.oid)) end, ', ')
                from unnest(pol.polroles) as r (oid)) as roles,
               exists (select from pg_catalog.pg_depend d
                       where d.classid = 'pg_policy'::regclass and d.objid = pol.oid and d.refclassid = 'pg_class'::regclass
                         and d.deptype = 'n' and d.refobjid in (
                             select c.oid from pg_catalog.pg_class c
                             where c.relnamespace = 'public'::regnamespace and c.relname = any (guarded))
                         -- A policy depends on columns of its own table through its own row as well; only a query names the table again.
                         and coalesce(pg_catalog.pg_get_expr(pol.polqual, pol.polrelid), '')
                             || coalesce(pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid), '') ~* '\mfrom\M') as reads_guarded,
               exists (select from pg_catalog.pg_depend d join pg_catalog.pg_proc q on q.oid = d.refobjid
                       where d.classid = 'pg_policy'::regclass and d.objid = pol.oid and d.refclassid = 'pg_proc'::regclass
                         and q.pronamespace = 'public'::regnamespace and q.proname = any (ours)) as calls_ours
        from pg_catalog.pg_policy pol
        join pg_catalog.pg_class c on c.oid = pol.polrelid
        where c.relnamespace = 'public'::regnamespace
    loop
        statement := format('create policy %I on %s as %s for %s to %s%s%s', p.name, p.relation,
            case when p.polpermissive then 'permissive' else 'restrictive' end,
            case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
            p.roles, coalesce(' using (' || p.qual || ')', ''), coalesce(' with check (' || p.checked || ')', ''));
        if p.reads_guarded and p.relation in (select c.oid::regclass from pg_catalog.pg_class c
                                              where c.relnamespace = 'public'::regnamespace and c.relname = any (guarded)) then
            insert into vigil.legacy_values (kind, relation, name, body) values ('policy', p.relation::text, p.name, statement);
            execute format('drop policy %I on %s', p.name, p.relation);
        elsif p.calls_ours then
            insert into vigil.legacy_values (kind, relation, name, row_key, body)
            values ('policy', p.relation::text, p.name, 'restore', statement);
            execute format('drop policy %I on %s', p.name, p.relation);
        end if;
    end loop;
    for p in
        select distinct v.oid, v.oid::regclass as relation, v.reloptions, pg_catalog.pg_get_viewdef(v.oid) as body
        from pg_catalog.pg_depend d
        join pg_catalog.pg_proc q on q.oid = d.refobjid and d.refclassid = 'pg_proc'::regclass
        join pg_catalog.pg_rewrite w on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        join pg_catalog.pg_class v on v.oid = w.ev_class and v.relkind = 'v'
        where q.pronamespace = 'public'::regnamespace and q.proname = any (ours)
    loop
        insert into vigil.legacy_values (kind, relation, row_key, body)
        values ('view', p.relation::text, 'restore', format('create view %s%s as %s', p.relation,
                coalesce(' with (' || array_to_string(p.reloptions, ', ') || ')', ''), p.body));
        execute format('drop view %s', p.relation);
    end loop;
    for f in
        select q.oid::regprocedure as signature, pg_catalog.pg_get_functiondef(q.oid) as body
        from pg_catalog.pg_proc q
        where q.pronamespace = 'public'::regnamespace and q.proname = any (ours) and q.prokind = 'f'
    loop
        insert into vigil.legacy_values (kind, relation, body) values ('function', f.signature::text, f.body);
        execute format('drop function %s', f.signature);
    end loop;
end
$$;
