create or replace function vigil.show_message(message uuid) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('auditor');
    m record;
    open_case uuid;
    shown boolean;
begin
    select t.*, p.name as sender_name into m from public.messages t join public.profiles p on p.id = t.sender_id where t.id = message;
    if not found then
        perform vigil.fail('VG205', 'No such message.', 'Check the id.');
    end if;
    select c.id into open_case from vigil.cases c where c.subject_kind = 'message' and c.subject_id = message and c.state = 'open';
    shown := open_case is not null and vigil.staff_rank(me) >= 2 and m.sender_id <> me;
    if shown then
        perform vigil.record('message.viewed', me, m.sender_id, jsonb_build_object('message', message, 'case', open_case));
    end if;
    return jsonb_build_object(
        'message_id', m.id, 'conversation_id', m.conversation_id, 'sender_id', m.sender_id, 'sender_name', m.sender_name,
        'created_at', m.created_at, 'moderation_status', m.moderation_status, 'edited_at', m.edited_at, 'deleted_at', m.deleted_at,
        'shadowed', vigil.is_shadowed(message),
        'reports', (select count(*) from public.message_reports r where r.message_id = message),
        'verdicts', coalesce((select jsonb_agg(jsonb_build_object('verdict', v.verdict, 'categories', v.categories, 'engine', v.engine,
                                                                 'reason', v.reason, 'at', v.created_at) order by v.created_at)
                              from vigil.verdicts v where v.subject_id = message), '[]'),
        'case_id', open_case,
        'content', case when shown then coalesce(nullif(m.content, ''), (select d.content from vigil.deleted_contents d where d.message_id = message)) end,
        'content_withheld', case when not shown then case
            when open_case is null then 'The text is shown only while a case is open.'
            when m.sender_id = me then 'This is your own message.'
            else 'Reading the text needs the role moderator.' end end);
end
$$;
comment on function vigil.show_message(uuid) is 'Metadata of a message; its text only through an open case, each reading recorded.';
revoke all on function vigil.show_message(uuid) from public;
grant execute on function vigil.show_message(uuid) to authenticated;

create or replace function public.show_message(message uuid) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.show_message(message);
end;
comment on function public.show_message(uuid) is 'Staff: metadata of a message, and its text while a case is open.';
revoke all on function public.show_message(uuid) from public, anon;
grant execute on function public.show_message(uuid) to authenticated;

create or replace function vigil.open_case(about text, subject uuid, why text, person uuid) returns uuid
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    made uuid;
begin
    insert into vigil.cases (subject_kind, subject_id, reason) values (about, subject, left(why, 500))
    on conflict (subject_kind, subject_id) where state = 'open' do nothing
    returning id into made;
    if made is not null then
        perform vigil.record('case.opened', null, person, jsonb_build_object('case', made, 'kind', about, 'subject', subject, 'reason', left(why, 500)));
    end if;
    return made;
end
$$;
comment on function vigil.open_case(text, uuid, text, uuid) is 'Opens a case on a subject, unless one is open.';
revoke all on function vigil.open_case(text, uuid, text, uuid) from public;

create or replace function vigil.list_cases(in_state text, max_rows integer)
    returns table (case_id uuid, subject_kind text, subject_id uuid, reason text, state text, opened_at timestamptz, closed_at timestamptz)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    if in_state is not null and in_state not in ('open', 'closed') then
        perform vigil.fail('VG209', format('%s is no state of a case.', in_state), 'Use open or closed.');
    end if;
    return query select c.id, c.subject_kind, c.subject_id, c.reason, c.state, c.opened_at, c.closed_at
        from vigil.cases c where in_state is null or c.state = in_state
        order by c.overdue desc, c.opened_at limit least(greatest(max_rows, 0), 1000);
end
$$;
comment on function vigil.list_cases(text, integer) is 'Cases for the staff, overdue first, then oldest first.';
revoke all on function vigil.list_cases(text, integer) from public;
grant execute on function vigil.list_cases(text, integer) to authenticated;

create or replace function public.list_cases(case_state text default 'open', max_rows integer default 100)
    returns table (case_id uuid, subject_kind text, subject_id uuid, reason text, state text, opened_at timestamptz, closed_at timestamptz)
    language sql stable
    set search_path = ''
begin atomic
    select l.* from vigil.list_cases(case_state, max_rows) l;
end;
comment on function public.list_cases(text, integer) is 'Staff: what waits for a decision.';
revoke all on function public.list_cases(text, integer) from public, anon;
grant execute on function public.list_cases(text, integer) to authenticated;
