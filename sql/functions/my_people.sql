create or replace function vigil.my_people() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if me is null or vigil.is_restricted(me, '{block}') then
        return '{}';
    end if;
    return coalesce((
        select array_agg(distinct other.user_id)
        from public.conversation_participants mine
        join public.conversation_participants other on other.conversation_id = mine.conversation_id
        where mine.user_id = me and mine.left_at is null and other.left_at is null
          and mine.id <> all (array(select s.stay_id from vigil.shadowed_stays s where s.user_id = me and s.added_by <> me))
          and not exists (select from vigil.shadowed_stays s where s.stay_id = other.id and s.added_by <> me)), '{}');
end
$$;
comment on function vigil.my_people() is 'Members who share a conversation with the caller now.';
revoke all on function vigil.my_people() from public;
grant execute on function vigil.my_people() to anon, authenticated, service_role;

create or replace function vigil.my_present_people() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    return coalesce((
        select array_agg(person) from unnest(vigil.my_people()) as person
        where not vigil.is_restricted(person, '{mute,block,shadow_ban}')
          and not exists (select from public.user_blocks b where b.kind = 'block'
                          and ((b.blocker_id = me and b.blocked_id = person) or (b.blocker_id = person and b.blocked_id = me)))), '{}');
end
$$;
comment on function vigil.my_present_people() is 'Members whose presence the caller may see: no restriction silences them and neither side blocks the other.';
revoke all on function vigil.my_present_people() from public;
grant execute on function vigil.my_present_people() to anon, authenticated, service_role;
