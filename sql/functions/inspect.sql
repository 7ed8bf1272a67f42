create or replace function vigil.inspect() returns table (check_name text, ok boolean, detail text)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    return query
    with owned as (
        select c.oid, c.relname from pg_catalog.pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
          and c.relname in ('profiles', 'conversations', 'conversation_participants', 'messages', 'message_reports', 'user_restrictions',
                            'messaging_preferences', 'user_presence', 'user_blocks', 'message_tombstones', 'message_receipts', 'notices')
    ), late as (
        select t.tgname, o.relname from pg_catalog.pg_trigger t join owned o on o.oid = t.tgrelid
        where not t.tgisinternal and t.tgtype & 2 = 2 and t.tgname not like 'zzz\_vigil\_%' and t.tgname > 'zzz_vigil_'
    ), off as (
        select t.tgname, c.relname from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
        where t.tgname ~ '^(zzz_)?vigil_' and t.tgenabled = 'D'
    ), open_rls as (
        select o.relname from owned o join pg_catalog.pg_class c on c.oid = o.oid where not c.relrowsecurity
    ), views as (
        select distinct v.oid::regclass::text as name from pg_catalog.pg_class v
        join pg_catalog.pg_rewrite w on w.ev_class = v.oid
        join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
        join owned o on o.oid = d.refobjid
        where v.relkind in ('v', 'm') and v.relnamespace not in ('vigil'::regnamespace)
          and not coalesce(v.reloptions::text ~ 'security_invoker=(true|on|1)', false)
    ), definers as (
        select p.oid::regprocedure::text as name from pg_catalog.pg_proc p
        where p.prosecdef and p.pronamespace = 'public'::regnamespace
          and p.prosrc ~* '\m(profiles|conversations|conversation_participants|messages|message_reports|user_restrictions|messaging_preferences|user_presence)\M'
    ), pub as (
        select p.schemaname || '.' || p.tablename as name from pg_catalog.pg_publication_tables p
        where p.pubname = 'supabase_realtime' and (p.schemaname = 'vigil' or (p.schemaname = 'public' and p.tablename in
            ('profiles', 'conversation_participants', 'message_reports', 'user_restrictions', 'messaging_preferences', 'user_presence', 'user_blocks', 'message_receipts')))
    ), missing_pub as (
        select n.name from unnest(array['messages', 'message_tombstones', 'notices', 'conversations']) as n (name)
        where not exists (select from pg_catalog.pg_publication_tables p where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = n.name)
    ), identity as (
        select o.relname from owned o join pg_catalog.pg_class c on c.oid = o.oid
        where c.relreplident <> 'd' and c.relname in ('messages', 'message_tombstones', 'notices', 'conversations')
    ), unguarded as (
        select o.relname from owned o
        where not exists (select from pg_catalog.pg_policy p where p.polrelid = o.oid and not p.polpermissive and p.polname like 'vigil\_%')
    ), roles as (
        select n.name from unnest(array['vigil_worker', 'vigil_doorbell']) as n (name)
        where not exists (select from pg_catalog.pg_roles r where r.rolname = n.name)
    )
    select 'guards fire last', not exists (select from late), (select string_agg(format('trigger %s on %s sorts after the guards; rename it', tgname, relname), '; ') from late)
    union all
    select 'guards are enabled', not exists (select from off), (select string_agg(format('trigger %s on %s is disabled', tgname, relname), '; ') from off)
    union all
    select 'row-level security is on', not exists (select from open_rls), (select string_agg(relname, ', ') from open_rls)
    union all
    select 'every table has its guard policies', not exists (select from unguarded), (select string_agg(relname, ', ') from unguarded)
    union all
    select 'no view skips the policies', not exists (select from views), (select string_agg(name || ': set security_invoker', '; ') from views)
    union all
    select 'no definer of the app reads guarded tables', not exists (select from definers), (select string_agg(name, '; ') from definers)
    union all
    select 'nothing private is published', not exists (select from pub), (select string_agg(name, ', ') from pub)
    union all
    select 'what clients listen to is published', not exists (select from missing_pub), (select string_agg(name, ', ') from missing_pub)
    union all
    select 'old row contents are not published', not exists (select from identity), (select string_agg(relname || ': set replica identity default', '; ') from identity)
    union all
    select 'the roles exist', not exists (select from roles), (select string_agg(name, ', ') from roles)
    union all
    select 'there is an admin', exists (select from vigil.staff where role = 'admin'), case when not exists (select from vigil.staff where role = 'admin') then 'run: vigil staff bootstrap EMAIL' end;
end
$$;
comment on function vigil.inspect() is 'What an operator must know: anything of the app or the project that widens what Vigil narrows.';
revoke all on function vigil.inspect() from public;
