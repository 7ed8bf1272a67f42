create or replace function vigil.guard_conversation() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        new.created_by := coalesce(new.created_by, vigil.uid());
        if new.created_by is not null then
            perform pg_advisory_xact_lock_shared(vigil.member_lock_key(new.created_by));
            perform vigil.check_may_start(new.created_by);
        end if;
        new.id := gen_random_uuid();
        new.status := 'active';
        new.created_at := clock_timestamp();
        new.updated_at := new.created_at;
        new.last_message_at := new.created_at;
        new.kind := coalesce(new.kind, 'direct');
    else
        if (new.id, new.created_by, new.status, new.kind, new.created_at, new.last_message_at)
           is distinct from (old.id, old.created_by, old.status, old.kind, old.created_at, old.last_message_at) then
            raise exception using errcode = 'VG110', message = 'Only the title of a conversation can be changed here.',
                hint = 'Closing and blocking are acts of the staff.';
        end if;
        -- A title that changed under a shadow ban would reach the others; so it is fixed for everyone once somebody has spoken.
        if new.title is distinct from old.title and vigil.has_begun(old.id, vigil.uid()) then
            raise exception using errcode = 'VG110', message = 'The title is fixed once the first message is sent.',
                hint = 'Start a new conversation.';
        end if;
        new.updated_at := clock_timestamp();
    end if;
    if new.title is not null and (tg_op = 'INSERT' or new.title is distinct from old.title) then
        perform vigil.check_label(new.title);
        insert into vigil.jobs (kind, subject_id) values ('title', new.id);
    end if;
    return new;
end
$$;
comment on function vigil.guard_conversation() is 'Who may start a conversation; titles are filtered like messages; the rest is the server''s.';
revoke all on function vigil.guard_conversation() from public;
create or replace trigger zzz_vigil_100_guard_conversation before insert on public.conversations
    for each row execute function vigil.guard_conversation();
create or replace trigger zzz_vigil_110_guard_conversation_update before update on public.conversations
    for each row when (not vigil.is_acting()) execute function vigil.guard_conversation();

create or replace function vigil.check_label(label text) returns void
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    if length(label) > 200 then
        raise exception using errcode = 'VG108', message = 'A title or name has at most 200 characters.', hint = 'Shorten it.';
    end if;
    perform vigil.check_inline_terms(label, null);
end
$$;
comment on function vigil.check_label(text) is 'Length and inline terms of a conversation title or a profile name.';
revoke all on function vigil.check_label(text) from public;

create or replace function vigil.check_may_start(member uuid) returns void
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    if vigil.is_restricted(member, '{limit,mute,block}')
       or exists (select from public.profiles p where p.id = member and p.anonymised_at is not null) then
        raise exception using errcode = 'VG112', message = 'You may not start or join conversations at the moment.',
            hint = 'Your notices say why, until when and how to appeal.';
    end if;
end
$$;
comment on function vigil.check_may_start(uuid) is 'Refuses members whose restriction forbids starting or joining conversations.';
revoke all on function vigil.check_may_start(uuid) from public;

create or replace function vigil.guard_participant() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    conv record;
    actor uuid := vigil.uid();
begin
    select c.id, c.created_by, c.created_at into conv from public.conversations c where c.id = new.conversation_id for update;
    -- One answer for what is absent, foreign, and already under way.
    if not found or conv.created_by is distinct from coalesce(actor, conv.created_by)
       or vigil.has_begun(conv.id, actor) then
        raise exception using errcode = 'VG101', message = 'This conversation is not available to you.',
            hint = 'Only its creator adds people directly, before the first message. Use add_participant.';
    end if;
    perform vigil.check_may_add(coalesce(actor, conv.created_by), new.user_id, conv.id);
    new.id := gen_random_uuid();
    -- Now, not when it was made: a message may wait there unseen.
    new.joined_at := clock_timestamp();
    new.left_at := null;
    new.role := case when new.user_id = conv.created_by then 'moderator' else 'member' end;
    return new;
end
$$;
comment on function vigil.guard_participant() is 'A creator adds people before the first message; afterwards stays change by RPC only.';
revoke all on function vigil.guard_participant() from public;
create or replace trigger zzz_vigil_100_guard_participant before insert on public.conversation_participants
    for each row when (not vigil.is_acting()) execute function vigil.guard_participant();

create or replace function vigil.keep_participant() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    raise exception using errcode = 'VG110', message = 'Stays are changed by the server.',
        hint = 'Use add_participant, remove_participant or leave_conversation.';
end
$$;
comment on function vigil.keep_participant() is 'Refuses direct changes of stays.';
revoke all on function vigil.keep_participant() from public;
create or replace trigger zzz_vigil_100_keep_participant before update on public.conversation_participants
    for each row when (not vigil.is_acting()) execute function vigil.keep_participant();

create or replace function vigil.note_participants() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    actor uuid := vigil.uid();
begin
    insert into vigil.shadowed_stays (stay_id, user_id, added_by)
    select j.id, j.user_id, coalesce(actor, c.created_by) from joined j join public.conversations c on c.id = j.conversation_id
    where j.user_id <> coalesce(actor, c.created_by) and vigil.is_restricted(coalesce(actor, c.created_by), '{shadow_ban}');
    perform vigil.begin_acting();
    update public.conversations c set kind = 'group'
    where c.kind = 'direct' and c.id in (select j.conversation_id from joined j)
      and (select count(distinct p.user_id) from public.conversation_participants p where p.conversation_id = c.id) > 2;
    perform vigil.end_acting();
    perform vigil.record('participant.added', actor, j.user_id, jsonb_build_object('conversation', j.conversation_id)) from joined j;
    return null;
end
$$;
comment on function vigil.note_participants() is 'What a shadow-banned member adds is real to them alone; three people make a group; each stay is recorded.';
revoke all on function vigil.note_participants() from public;
create or replace trigger vigil_900_note_participants after insert on public.conversation_participants
    referencing new table as joined
    for each statement execute function vigil.note_participants();

create or replace function vigil.check_may_add(actor uuid, member uuid, conversation uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    perform pg_advisory_xact_lock_shared(vigil.member_lock_key(actor));
    perform vigil.check_may_start(actor);
    if member <> actor and (
        not exists (select from public.profiles p where p.id = member and p.anonymised_at is null)
        or vigil.is_restricted(member, '{block}')
        or not vigil.accepts_messages(member, actor, conversation)) then
        raise exception using errcode = 'VG106', message = 'This member does not accept messages from you at the moment.',
            hint = 'They may change their preferences later.';
    end if;
end
$$;
comment on function vigil.check_may_add(uuid, uuid, uuid) is 'A member is added only by somebody they accept; absent and unwilling look the same.';
revoke all on function vigil.check_may_add(uuid, uuid, uuid) from public;

create or replace function vigil.start_conversation(members uuid[], title text) returns uuid
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.uid();
    others uuid[] := array(select distinct m from unnest(members) as m where m is not null and m <> me);
    other uuid;
    made uuid;
    started timestamptz;
begin
    if me is null then
        raise exception using errcode = '42501', message = 'Sign in to start a conversation.', hint = 'Sign in first.';
    end if;
    if cardinality(others) not between 1 and 500 then
        perform vigil.fail('VG209', 'A conversation needs 1 to 500 other members.', 'Name them.');
    end if;
    foreach other in array others loop
        perform vigil.check_may_add(me, other, null);
    end loop;
    if cardinality(others) = 1 and title is null then
        -- One for each pair, however many start it at once.
        perform pg_advisory_xact_lock(hashtextextended('vigil.pair:' || least(me, others[1])::text || greatest(me, others[1])::text, 0));
        select c.id into made
        from public.conversations c
        join public.conversation_participants a on a.conversation_id = c.id and a.user_id = me and a.left_at is null
        join public.conversation_participants b on b.conversation_id = c.id and b.user_id = others[1] and b.left_at is null
        where c.kind = 'direct' and c.status = 'active' and c.id = any (vigil.my_current_conversations())
          and b.id <> all (vigil.hidden_stays())
        order by c.created_at, c.id limit 1;
        if found then
            return made;
        end if;
    end if;
    insert into public.conversations (created_by, title, kind)
    values (me, title, case when cardinality(others) > 1 or title is not null then 'group' else 'direct' end)
    returning id, created_at into made, started;
    perform vigil.begin_acting();
    insert into public.conversation_participants (conversation_id, user_id, role, joined_at)
    select made, p, case when p = me then 'moderator' else 'member' end, started from unnest(others || me) as p;
    perform vigil.end_acting();
    perform vigil.record('conversation.started', me, me, jsonb_build_object('conversation', made));
    return made;
end
$$;
comment on function vigil.start_conversation(uuid[], text) is 'Starts a conversation with members who accept messages from the caller; with one other and no title, returns the one there is.';
revoke all on function vigil.start_conversation(uuid[], text) from public;
grant execute on function vigil.start_conversation(uuid[], text) to authenticated;

create or replace function public.start_conversation(members uuid[], title text default null) returns uuid
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.start_conversation(members, title);
end;
comment on function public.start_conversation(uuid[], text) is 'Starts a conversation, or finds the direct one there is; returns its id.';
revoke all on function public.start_conversation(uuid[], text) from public, anon;
grant execute on function public.start_conversation(uuid[], text) to authenticated;

create or replace function vigil.require_group_moderator(conversation uuid) returns uuid
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.uid();
begin
    perform c.id from public.conversations c where c.id = conversation and c.kind = 'group' and c.status = 'active'
        and exists (select from public.conversation_participants p where p.conversation_id = c.id and p.user_id = me
                    and p.left_at is null and p.role = 'moderator') for update;
    if not found then
        raise exception using errcode = 'VG101', message = 'This conversation is not available to you.',
            hint = 'Only a group''s own moderators add and remove people.';
    end if;
    return me;
end
$$;
comment on function vigil.require_group_moderator(uuid) is 'The caller, if they moderate this group; locks it.';
revoke all on function vigil.require_group_moderator(uuid) from public;

create or replace function vigil.add_participant(conversation uuid, member uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_group_moderator(conversation);
    unreal uuid;
begin
    perform vigil.check_may_add(me, member, conversation);
    -- Whom a shadow-banned member added is there for nobody else: the stay becomes real now.
    delete from vigil.shadowed_stays s using public.conversation_participants p
    where p.id = s.stay_id and p.conversation_id = conversation and p.user_id = member and p.left_at is null and s.added_by <> me
      and not vigil.is_restricted(me, '{shadow_ban}')
    returning s.stay_id into unreal;
    if unreal is not null then
        perform vigil.begin_acting();
        update public.conversation_participants p set joined_at = clock_timestamp() where p.id = unreal;
        perform vigil.end_acting();
        perform vigil.record('participant.added', me, member, jsonb_build_object('conversation', conversation));
        return;
    end if;
    if exists (select from public.conversation_participants p where p.conversation_id = conversation and p.user_id = member and p.left_at is null) then
        perform vigil.fail('VG207', 'This member is in the conversation already.', 'Nothing to do.');
    end if;
    perform vigil.begin_acting();
    insert into public.conversation_participants (conversation_id, user_id, joined_at) values (conversation, member, clock_timestamp());
    perform vigil.end_acting();
end
$$;
comment on function vigil.add_participant(uuid, uuid) is 'A group''s moderator adds a member, who sees what is said from now on.';
revoke all on function vigil.add_participant(uuid, uuid) from public;
grant execute on function vigil.add_participant(uuid, uuid) to authenticated;

create or replace function public.add_participant(conversation uuid, member uuid) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.add_participant(conversation, member);
end;
comment on function public.add_participant(uuid, uuid) is 'Adds a member to a group the caller moderates.';
revoke all on function public.add_participant(uuid, uuid) from public, anon;
grant execute on function public.add_participant(uuid, uuid) to authenticated;

create or replace function vigil.keep_a_moderator(conversation uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    heir record;
begin
    perform c.id from public.conversations c where c.id = conversation and c.kind = 'group' for update;
    if not found or exists (select from public.conversation_participants p
                            where p.conversation_id = conversation and p.left_at is null and p.role = 'moderator') then
        return;
    end if;
    select p.id, p.user_id into heir from public.conversation_participants p
    where p.conversation_id = conversation and p.left_at is null
      and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id)
      and not vigil.is_restricted(p.user_id, '{mute,block,shadow_ban}', conversation)
    order by p.joined_at, p.id limit 1;
    if not found then
        return;
    end if;
    perform vigil.begin_acting();
    update public.conversation_participants p set role = 'moderator' where p.id = heir.id;
    perform vigil.end_acting();
    perform vigil.record('participant.promoted', null, heir.user_id, jsonb_build_object('conversation', conversation));
end
$$;
comment on function vigil.keep_a_moderator(uuid) is 'When a group''s last moderator leaves, whoever has been there longest takes over.';
revoke all on function vigil.keep_a_moderator(uuid) from public;

create or replace function vigil.end_stay(conversation uuid, member uuid, actor uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    perform vigil.begin_acting();
    update public.conversation_participants p set left_at = greatest(clock_timestamp(), p.joined_at)
    where p.conversation_id = conversation and p.user_id = member and p.left_at is null
      and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> actor);
    if not found then
        perform vigil.end_acting();
        perform vigil.fail('VG205', 'This member is not in the conversation.', 'Nothing to do.');
    end if;
    perform vigil.end_acting();
    perform vigil.record('participant.left', actor, member, jsonb_build_object('conversation', conversation));
    perform vigil.keep_a_moderator(conversation);
end
$$;
comment on function vigil.end_stay(uuid, uuid, uuid) is 'Ends a stay; what was said during it stays visible to whoever left.';
revoke all on function vigil.end_stay(uuid, uuid, uuid) from public;

create or replace function vigil.remove_participant(conversation uuid, member uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    perform vigil.end_stay(conversation, member, vigil.require_group_moderator(conversation));
end
$$;
comment on function vigil.remove_participant(uuid, uuid) is 'A group''s moderator removes a member.';
revoke all on function vigil.remove_participant(uuid, uuid) from public;
grant execute on function vigil.remove_participant(uuid, uuid) to authenticated;

create or replace function public.remove_participant(conversation uuid, member uuid) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.remove_participant(conversation, member);
end;
comment on function public.remove_participant(uuid, uuid) is 'Removes a member from a group the caller moderates.';
revoke all on function public.remove_participant(uuid, uuid) from public, anon;
grant execute on function public.remove_participant(uuid, uuid) to authenticated;

create or replace function vigil.leave_conversation(conversation uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    if not conversation = any (vigil.my_current_conversations()) then
        raise exception using errcode = 'VG101', message = 'This conversation is not available to you.', hint = 'Check the id.';
    end if;
    perform vigil.end_stay(conversation, vigil.uid(), vigil.uid());
end
$$;
comment on function vigil.leave_conversation(uuid) is 'The caller leaves.';
revoke all on function vigil.leave_conversation(uuid) from public;
grant execute on function vigil.leave_conversation(uuid) to authenticated;

create or replace function public.leave_conversation(conversation uuid) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.leave_conversation(conversation);
end;
comment on function public.leave_conversation(uuid) is 'The caller leaves a conversation.';
revoke all on function public.leave_conversation(uuid) from public, anon;
grant execute on function public.leave_conversation(uuid) to authenticated;

create or replace function vigil.close_conversation(conversation uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_group_moderator(conversation);
begin
    perform vigil.begin_acting();
    update public.conversations c set status = 'closed', updated_at = clock_timestamp() where c.id = conversation;
    perform vigil.end_acting();
    perform vigil.record('conversation.closed', me, null, jsonb_build_object('conversation', conversation));
end
$$;
comment on function vigil.close_conversation(uuid) is 'A group''s moderator closes it: it stays readable, nobody sends.';
revoke all on function vigil.close_conversation(uuid) from public;
grant execute on function vigil.close_conversation(uuid) to authenticated;

create or replace function public.close_conversation(conversation uuid) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.close_conversation(conversation);
end;
comment on function public.close_conversation(uuid) is 'Closes a group the caller moderates.';
revoke all on function public.close_conversation(uuid) from public, anon;
grant execute on function public.close_conversation(uuid) to authenticated;

create or replace function vigil.set_slow_mode(conversation uuid, seconds integer) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    if vigil.staff_rank(vigil.uid()) < 2 then
        perform vigil.require_group_moderator(conversation);
    elsif not exists (select from public.conversations c where c.id = conversation) then
        perform vigil.fail('VG205', 'No such conversation.', 'Check the id.');
    end if;
    if seconds not between 1 and 86400 then
        perform vigil.fail('VG209', 'Slow mode is 1 to 86400 seconds, or null for none.', 'Pass seconds.');
    end if;
    insert into vigil.conversation_settings (conversation_id, slow_mode) values (conversation, seconds * interval '1 second')
    on conflict (conversation_id) do update set slow_mode = excluded.slow_mode;
end
$$;
comment on function vigil.set_slow_mode(uuid, integer) is 'How long a member waits between two messages here; set by a group''s moderators and by the staff.';
revoke all on function vigil.set_slow_mode(uuid, integer) from public;
grant execute on function vigil.set_slow_mode(uuid, integer) to authenticated;

create or replace function public.set_slow_mode(conversation uuid, seconds integer) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.set_slow_mode(conversation, seconds);
end;
comment on function public.set_slow_mode(uuid, integer) is 'Sets the seconds between two messages of a member in a group the caller moderates; null ends slow mode.';
revoke all on function public.set_slow_mode(uuid, integer) from public, anon;
grant execute on function public.set_slow_mode(uuid, integer) to authenticated;
