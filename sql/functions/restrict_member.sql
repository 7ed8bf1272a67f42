create or replace function vigil.apply_restriction(
    actor uuid, member uuid, restriction text, reason text, expires timestamptz, conversation uuid, public_reason text,
    message_limit integer, legal_basis text, batch uuid, on_behalf_of uuid
) returns uuid
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    made uuid;
    started timestamptz;
    told constant boolean := restriction <> 'shadow_ban';
begin
    -- Waits for the sends under way and makes later ones wait, so that none admitted earlier commits afterwards.
    perform pg_advisory_xact_lock(vigil.member_lock_key(member));
    started := clock_timestamp();
    insert into vigil.restrictions (user_id, restriction_type, conversation_id, message_limit_per_day, reason, public_reason,
                                    legal_basis, created_by, batch, created_at, expires_at)
    values (member, restriction, conversation, message_limit, reason, public_reason, legal_basis, actor, batch, started,
            case when expires is not null then greatest(expires, started + interval '1 millisecond') end)
    returning id into made;
    if told then
        perform vigil.begin_acting();
        insert into public.user_restrictions (id, user_id, restriction_type, duration_hours, reason, created_at, expires_at,
                                              conversation_id, message_limit_per_day)
        values (made, member, restriction, round(extract(epoch from expires - started) / 3600, 4), public_reason, started, expires,
                conversation, message_limit);
        perform vigil.end_acting();
        insert into public.notices (user_id, kind, body)
        values (member, 'restriction.' || restriction, jsonb_build_object(
            'restriction', made, 'type', restriction, 'conversation', conversation, 'reason', public_reason,
            'until', expires, 'message_limit_per_day', message_limit)::text);
        perform vigil.announce(array[member], 'restriction_changed', '{}');
    end if;
    perform vigil.record('restriction.created', actor, member, jsonb_build_object(
        'restriction', made, 'type', restriction, 'conversation', conversation, 'reason', reason, 'until', expires,
        'legal_basis', legal_basis), batch, on_behalf_of);
    return made;
end
$$;
comment on function vigil.apply_restriction(uuid, uuid, text, text, timestamptz, uuid, text, integer, text, uuid, uuid) is 'Restriction, what the member is told of it, and the event: together. A shadow ban tells nobody.';
revoke all on function vigil.apply_restriction(uuid, uuid, text, text, timestamptz, uuid, text, integer, text, uuid, uuid) from public;

create or replace function vigil.restrict_member(
    member uuid, restriction text, reason text, duration interval, conversation uuid, public_reason text,
    message_limit integer, legal_basis text, dry_run boolean, batch uuid, on_behalf_of uuid
) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.require_staff('moderator');
    expires timestamptz;
    made uuid;
begin
    if restriction is null or restriction not in ('warn', 'limit', 'hold', 'mute', 'block', 'shadow_ban') then
        perform vigil.fail('VG209', format('%s is no restriction.', coalesce(restriction, 'null')),
                           'Use warn, limit, hold, mute, block or shadow_ban.');
    end if;
    if length(btrim(coalesce(reason, ''))) = 0 or length(reason) > 2000 then
        perform vigil.fail('VG209', 'A reason of 1 to 2000 characters is required.', 'Say why, for those who review this later.');
    end if;
    if not exists (select from public.profiles p where p.id = member) then
        perform vigil.fail('VG205', 'No such member.', 'Look the member up with find_member.');
    end if;
    if member = me or vigil.staff_rank(member) >= vigil.staff_rank(me) then
        perform vigil.fail('VG202', 'Nobody restricts themselves or a peer.', 'Ask somebody of a higher role.');
    end if;
    if duration is not null then
        if duration <= interval '0' or duration > interval '100 years' then
            perform vigil.fail('VG204', 'A duration lies above zero and within 100 years.', 'For example 24h or 7d; leave it out for permanent.');
        end if;
        expires := clock_timestamp() + duration;
    end if;
    if conversation is not null and not exists (select from public.conversations c where c.id = conversation) then
        perform vigil.fail('VG205', 'No such conversation.', 'Check the id.');
    end if;
    if restriction = 'shadow_ban' and length(btrim(coalesce(legal_basis, ''))) = 0 then
        perform vigil.fail('VG203', 'A shadow ban needs a recorded legal basis.', 'Pass legal_basis; the member is not told, so this is the only justification on record.');
    end if;
    if restriction = 'shadow_ban' and conversation is not null then
        perform vigil.fail('VG209', 'A shadow ban holds everywhere.', 'Leave the conversation out.');
    end if;
    if restriction = 'limit' and (message_limit is null or message_limit not between 0 and 100000) then
        perform vigil.fail('VG209', 'A limit needs message_limit, the messages allowed in 24 hours (0 to 100000).', 'Pass message_limit.');
    end if;
    if restriction <> 'limit' and message_limit is not null then
        perform vigil.fail('VG209', 'message_limit belongs to the restriction limit only.', 'Leave it out.');
    end if;
    if not dry_run then
        made := vigil.apply_restriction(me, member, restriction, reason, expires, conversation, public_reason, message_limit,
                                        legal_basis, batch, on_behalf_of);
    end if;
    return jsonb_build_object('restriction_id', made, 'member', member, 'restriction', restriction, 'conversation', conversation,
                              'expires_at', expires, 'message_limit', message_limit, 'dry_run', dry_run);
end
$$;
comment on function vigil.restrict_member(uuid, text, text, interval, uuid, text, integer, text, boolean, uuid, uuid) is 'A moderator restricts a member of lower rank; once it has committed, nothing admitted earlier commits.';
revoke all on function vigil.restrict_member(uuid, text, text, interval, uuid, text, integer, text, boolean, uuid, uuid) from public;
grant execute on function vigil.restrict_member(uuid, text, text, interval, uuid, text, integer, text, boolean, uuid, uuid) to authenticated;

create or replace function public.restrict_member(
    member uuid, restriction text, reason text, duration interval default null, conversation uuid default null,
    public_reason text default null, message_limit integer default null, legal_basis text default null,
    dry_run boolean default false, batch uuid default null, on_behalf_of uuid default null
) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.restrict_member(member, restriction, reason, duration, conversation, public_reason, message_limit, legal_basis,
                                 dry_run, batch, on_behalf_of);
end;
comment on function public.restrict_member(uuid, text, text, interval, uuid, text, integer, text, boolean, uuid, uuid) is 'Moderators: warn, limit, hold, mute, block or shadow_ban a member, for a time or for good.';
revoke all on function public.restrict_member(uuid, text, text, interval, uuid, text, integer, text, boolean, uuid, uuid) from public, anon;
grant execute on function public.restrict_member(uuid, text, text, interval, uuid, text, integer, text, boolean, uuid, uuid) to authenticated;
