create or replace function vigil.keep_rows() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    raise exception using errcode = 'VG402', message = format('Rows of %I are never deleted.', tg_table_name),
        hint = 'Deleting tells every Realtime subscriber. Hide, close, lift or anonymise instead.';
end
$$;
comment on function vigil.keep_rows() is 'Refuses DELETE and TRUNCATE on what is published or is a record.';
revoke all on function vigil.keep_rows() from public;
create or replace trigger zzz_vigil_100_keep_rows before delete on public.messages
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.messages
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.conversations
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.conversations
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.conversation_participants
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.conversation_participants
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.message_tombstones
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.message_tombstones
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.notices
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.notices
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.message_reports
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.message_reports
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.user_restrictions
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.user_restrictions
    for each statement execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_rows before delete on public.profiles
    for each row execute function vigil.keep_rows();
create or replace trigger zzz_vigil_100_keep_all_rows before truncate on public.profiles
    for each statement execute function vigil.keep_rows();
create or replace trigger vigil_100_keep_rows before delete on vigil.restrictions
    for each row execute function vigil.keep_rows();
create or replace trigger vigil_100_keep_all_rows before truncate on vigil.restrictions
    for each statement execute function vigil.keep_rows();
