create or replace function vigil.guard_profile() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' and (new.id is distinct from old.id or new.anonymised_at is distinct from old.anonymised_at
                             or new.created_at is distinct from old.created_at) then
        raise exception using errcode = 'VG110', message = 'This column of a profile is set by the server.', hint = 'Change name and location only.';
    end if;
    if tg_op = 'UPDATE' and old.anonymised_at is not null then
        raise exception using errcode = 'VG105', message = 'This account was deleted.', hint = 'Sign up anew.';
    end if;
    new.updated_at := clock_timestamp();
    if new.name is not null and (tg_op = 'INSERT' or new.name is distinct from old.name) then
        perform vigil.check_label(new.name);
        insert into vigil.jobs (kind, subject_id) values ('name', new.id);
    end if;
    return new;
end
$$;
comment on function vigil.guard_profile() is 'Names are filtered like messages; a deleted account''s profile stays anonymous.';
revoke all on function vigil.guard_profile() from public;
create or replace trigger zzz_vigil_100_guard_profile before insert or update on public.profiles
    for each row when (not vigil.is_acting()) execute function vigil.guard_profile();

create or replace function vigil.note_profile() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    insert into vigil.subjects (user_id) values (new.id) on conflict (user_id) do nothing;
    return null;
end
$$;
comment on function vigil.note_profile() is 'Every member has a pseudonym for the audit log from the start.';
revoke all on function vigil.note_profile() from public;
create or replace trigger vigil_500_note_profile after insert on public.profiles
    for each row execute function vigil.note_profile();

create or replace function vigil.note_account() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        -- Fires last: an app's own trigger that makes the profile comes first.
        insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    else
        perform vigil.begin_acting();
        update public.profiles set name = null, location = null, anonymised_at = clock_timestamp(), updated_at = clock_timestamp() where id = old.id;
        perform vigil.end_acting();
        delete from vigil.staff where user_id = old.id;
        delete from public.user_presence where user_id = old.id;
        perform vigil.record('account.deleted', old.id, old.id, '{}');
    end if;
    return null;
end
$$;
comment on function vigil.note_account() is 'A new account has a profile; a deleted one leaves an anonymous profile, and no record is lost.';
revoke all on function vigil.note_account() from public;
create or replace trigger zzz_vigil_500_note_account after insert or delete on auth.users
    for each row execute function vigil.note_account();
