create or replace function public.list_conversations(before jsonb default null, max_rows integer default 50)
    returns table (id uuid, title text, kind text, status text, created_by uuid, created_at timestamptz, is_current boolean,
                   last_activity_at timestamptz, last_message jsonb, unread integer, people jsonb, people_count integer)
    language sql stable
    set search_path = ''
begin atomic
    with mine as materialized (
        select c.id, c.title, c.kind, c.status, c.created_by, c.created_at,
               c.id = any ((select vigil.my_current_conversations())::uuid[]) as is_current, coalesce(latest.created_at, c.created_at) as last_activity_at, latest.message
        from public.conversations c
        left join lateral (
            select m.created_at, jsonb_build_object('id', m.id, 'sender_id', m.sender_id, 'content', m.content, 'created_at', m.created_at,
                                                    'deleted_at', m.deleted_at, 'moderation_status', m.moderation_status) as message
            from public.messages m where m.conversation_id = c.id
            order by m.created_at desc, m.id desc limit 1
        ) latest on true
        where (coalesce(latest.created_at, c.created_at), c.id) < ((select vigil.key_time(before, 'last_activity_at')), (select vigil.key_id(before)))
        order by coalesce(latest.created_at, c.created_at) desc, c.id desc
        limit (select vigil.page_size(max_rows, 200))
    )
    select n.id, n.title, n.kind, n.status, n.created_by, n.created_at, n.is_current,
           n.last_activity_at, n.message, coalesce(unread.n, 0), coalesce(people.list, '[]'), coalesce(people.n, 0)
    from mine n
    left join vigil.my_read_marks() as mark on mark.conversation_id = n.id
    left join lateral (
        select count(*)::integer as n from public.messages m
        where n.is_current and m.conversation_id = n.id and m.sender_id <> (select vigil.uid()) and m.deleted_at is null
          and (m.recipient_id is null or m.read_at is null)
          and m.created_at > case when mark.read_at is null then '-infinity' else mark.read_at end
          and m.sender_id <> all (array(select b.blocked_id from public.user_blocks b
                                        where b.blocker_id = (select vigil.uid()) and b.kind = 'mute'))
    ) unread on true
    left join lateral (
        select to_jsonb((array_agg(jsonb_build_object('id', cp.user_id, 'name', f.name, 'role', cp.role) order by cp.joined_at, cp.user_id))[1:20]) as list,
               count(*)::integer as n
        from public.conversation_participants cp left join public.profiles f on f.id = cp.user_id
        where cp.conversation_id = n.id and cp.left_at is null
    ) people on true
    order by n.last_activity_at desc, n.id desc;
end;
comment on function public.list_conversations(jsonb, integer) is 'The caller''s conversations by the newest message they see, with unread count and people; `before` is the last row of the page before.';
revoke all on function public.list_conversations(jsonb, integer) from public, anon;
grant execute on function public.list_conversations(jsonb, integer) to authenticated;
