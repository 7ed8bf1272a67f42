-- Tables for the gateway's tests, made as the role that owns an app's migrations.
create table public.notes (
    id    bigint primary key,
    owner uuid not null,
    room  text not null default 'lobby',
    body  text,
    secret text,
    seen  boolean not null default true
);
alter table public.notes enable row level security;
grant select (id, owner, room, body, seen) on public.notes to authenticated;
grant select on public.notes to service_role;
create policy notes_select_own on public.notes
    for select to authenticated using (owner = (select auth.uid()) and seen);

-- Raises for one person, sleeps for another.
create function public.judge(person text) returns boolean
    language plpgsql stable
    as $$
begin
    if person like 'raise%' then
        raise exception 'this policy fails';
    elsif person like 'sleep%' then
        perform pg_sleep(30);
    end if;
    return true;
end;
$$;
grant execute on function public.judge to authenticated;
create table public.judged (id bigint primary key, body text);
alter table public.judged enable row level security;
grant select on public.judged to authenticated;
create policy judged_select on public.judged
    for select to authenticated using (public.judge((select auth.jwt() ->> 'name')));

create table public.open_things (id int primary key, name text, amount numeric);
grant select on public.open_things to anon, authenticated;

create table public.full_identity (id int primary key, body text);
alter table public.full_identity replica identity full;
grant select on public.full_identity to authenticated;

create table public.guarded (id int primary key, body text);
alter table public.guarded replica identity full;
alter table public.guarded enable row level security;
grant select on public.guarded to authenticated;
create policy guarded_select on public.guarded for select to authenticated using (true);

create type public.mood as enum ('sad', 'happy');
create table public.typed (
    id       uuid primary key,
    small    smallint, big bigint, price numeric(12, 4), ratio double precision, flag boolean,
    words    text, code varchar(8), padded char(4), at timestamptz, local timestamp, day date,
    clock    time, span interval, doc jsonb, raw json, bits bytea, tags text[], grid int[][],
    mood     public.mood, period int4range, address inet, nothing text
);
grant select on public.typed to authenticated;

create table public.no_key (body text);
alter table public.no_key replica identity full;
grant select on public.no_key to authenticated;

create table public.hidden_key (id int primary key, body text);
grant select (body) on public.hidden_key to authenticated;

create table public.late (id int primary key);
grant select on public.late to authenticated;

create table public.unpublished (id int primary key);
grant select on public.unpublished to authenticated;

alter publication supabase_realtime add table
    public.notes, public.judged, public.guarded, public.open_things, public.full_identity, public.typed,
    public.no_key, public.hidden_key;

-- Who may join `room:*`: members named in the topic; who may send: only the owner of the room.
create policy messages_select_room on realtime.messages
    for select to authenticated
    using (
        extension in ('broadcast', 'presence')
        and (select realtime.topic()) like 'room:%' || (select auth.uid()::text) || '%'
    );
create policy messages_insert_room on realtime.messages
    for insert to authenticated
    with check ((select realtime.topic()) like 'room:' || (select auth.uid()::text) || '%');
create policy messages_select_failing on realtime.messages
    for select to authenticated
    using (
        (select realtime.topic()) = 'failing'
        and public.judge((select auth.jwt() ->> 'name'))
    );
create policy messages_insert_failing on realtime.messages
    for insert to authenticated
    with check (
        case when (select realtime.topic()) = 'failing' then public.judge('raise') else false end
    );
create policy messages_select_headers on realtime.messages
    for select to authenticated
    using (
        (select realtime.topic()) = 'headers'
        and (select current_setting('request.headers', true))::json ->> 'x-door' = 'open'
    );
create function public.send_to(topic text, body jsonb) returns void
    language sql security definer
    as $$ select realtime.send(body, 'news', topic, true) $$;

create table public.sums (
    id    int primary key,
    a     int,
    b     numeric(6, 2),
    label text,
    total numeric generated always as (a + b) stored,
    small boolean generated always as (a < 10) stored,
    shout text generated always as (upper(label)) stored,
    last  int
);
grant select on public.sums to authenticated;
create table public.old_sums (id int primary key, a int, twice int generated always as (a * 2) stored);
alter table public.old_sums replica identity full;
grant select on public.old_sums to authenticated;
alter publication supabase_realtime add table public.sums, public.old_sums;
