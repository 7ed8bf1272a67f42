-- Gives realtime.messages one partition a day, from yesterday to three days ahead, and drops those
-- older than three days. Without a partition for today `realtime.send` stores nothing and private
-- channels cannot be joined, so this runs at each start of a stack and daily while one is up.
do $$
declare
    today constant date := (now() at time zone 'utc')::date;
    day   date;
    child record;
begin
    perform pg_advisory_xact_lock(hashtextextended('realtime.messages partitions', 0));
    for offset_days in -1 .. 3 loop
        day := today + offset_days;
        if to_regclass(format('realtime.messages_%s', to_char(day, 'YYYY_MM_DD'))) is null then
            execute format(
                'create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
                'messages_' || to_char(day, 'YYYY_MM_DD'), day, day + 1
            );
            execute format(
                'alter table realtime.%I owner to supabase_realtime_admin',
                'messages_' || to_char(day, 'YYYY_MM_DD')
            );
        end if;
    end loop;
    for child in
        select c.oid::regclass as name
        from pg_catalog.pg_inherits i
            join pg_catalog.pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'realtime.messages'::regclass
            and c.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
            and to_date(right(c.relname, 10), 'YYYY_MM_DD') < today - 3
    loop
        execute format('drop table %s', child.name);
    end loop;
end;
$$;
