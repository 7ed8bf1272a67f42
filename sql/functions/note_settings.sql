create or replace function vigil.note_settings() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
    after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
begin
    perform vigil.record('settings.changed', vigil.uid(), null, jsonb_build_object(
        'table', tg_table_name,
        'before', (select coalesce(jsonb_object_agg(b.key, b.value), '{}') from jsonb_each(before) b
                   where after -> b.key is distinct from b.value or b.key = 'conversation_id'),
        'after', (select coalesce(jsonb_object_agg(a.key, a.value), '{}') from jsonb_each(after) a
                  where coalesce(before -> a.key, 'null') <> a.value or a.key = 'conversation_id')));
    return null;
end
$$;
comment on function vigil.note_settings() is 'A changed setting is an act like any other: what it was and what it is goes on the record.';
revoke all on function vigil.note_settings() from public;
create or replace trigger vigil_900_note_settings after insert or update or delete on vigil.settings
    for each row execute function vigil.note_settings();
create or replace trigger vigil_900_note_settings after insert or update or delete on vigil.conversation_settings
    for each row execute function vigil.note_settings();
