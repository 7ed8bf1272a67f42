create or replace function vigil.page_size(asked integer, most integer) returns integer
    language plpgsql immutable security definer
    set search_path = ''
as $$
begin
    if asked is null or asked not between 1 and most then
        perform vigil.fail('VG209', format('A page has 1 to %s rows.', most), 'Pass max_rows.');
    end if;
    return asked;
end
$$;
comment on function vigil.page_size(integer, integer) is 'The number of rows asked for, if it is one that is allowed.';
revoke all on function vigil.page_size(integer, integer) from public;
grant execute on function vigil.page_size(integer, integer) to authenticated;

create or replace function vigil.key_time(key jsonb, name text) returns timestamptz
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    if key is null or jsonb_typeof(key) = 'null' then
        return 'infinity';
    end if;
    return (key ->> name)::timestamptz;
exception when invalid_datetime_format or datetime_field_overflow then
    perform vigil.fail('VG209', format('%s is no time of a row.', key ->> name), 'Pass the last row of the page before.');
end
$$;
comment on function vigil.key_time(jsonb, text) is 'The time at which the next page starts; infinity for the first.';
revoke all on function vigil.key_time(jsonb, text) from public;
grant execute on function vigil.key_time(jsonb, text) to authenticated;

create or replace function vigil.key_id(key jsonb) returns uuid
    language plpgsql immutable security definer
    set search_path = ''
as $$
begin
    if key is null or jsonb_typeof(key) = 'null' then
        return 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    end if;
    if key ->> 'id' is null then
        perform vigil.fail('VG209', 'The row to continue from has no id.', 'Pass the last row of the page before.');
    end if;
    return (key ->> 'id')::uuid;
exception when invalid_text_representation then
    perform vigil.fail('VG209', 'The row to continue from has no id.', 'Pass the last row of the page before.');
end
$$;
comment on function vigil.key_id(jsonb) is 'The id at which the next page starts; the greatest for the first.';
revoke all on function vigil.key_id(jsonb) from public;
grant execute on function vigil.key_id(jsonb) to authenticated;

create or replace function public.list_messages(conversation uuid, before jsonb default null, max_rows integer default 50) returns setof public.messages
    language sql stable
    set search_path = ''
begin atomic
    select m.* from public.messages m
    where m.conversation_id = conversation
      and (m.created_at, m.id) < ((select vigil.key_time(before, 'created_at')), (select vigil.key_id(before)))
    order by m.created_at desc, m.id desc
    limit (select vigil.page_size(max_rows, 200));
end;
comment on function public.list_messages(uuid, jsonb, integer) is 'A page of a conversation, newest first; `before` is the last row of the page before.';
revoke all on function public.list_messages(uuid, jsonb, integer) from public, anon;
grant execute on function public.list_messages(uuid, jsonb, integer) to authenticated;

create or replace function public.get_message_thread(thread_uuid uuid, user_uuid uuid, after jsonb default null, max_rows integer default 200)
    returns setof public.messages
    language sql stable
    set search_path = ''
begin atomic
    select m.* from public.messages m
    where vigil.is_self(user_uuid) and (m.id = thread_uuid or m.thread_id = thread_uuid)
      and (after is null or (m.created_at, m.id) > ((select vigil.key_time(after, 'created_at')), (select vigil.key_id(after))))
    order by m.created_at, m.id
    limit (select vigil.page_size(max_rows, 500));
end;
comment on function public.get_message_thread(uuid, uuid, jsonb, integer) is 'A message and its replies as the caller may see them, oldest first; `after` is the last row of the page before.';
revoke all on function public.get_message_thread(uuid, uuid, jsonb, integer) from public, anon;
grant execute on function public.get_message_thread(uuid, uuid, jsonb, integer) to authenticated;

create or replace function public.reply_count(message public.messages) returns bigint
    language sql stable
    set search_path = ''
begin atomic
    select count(*) from public.messages r
    where (r.thread_id = (message).id or r.parent_message_id = (message).id) and r.deleted_at is null;
end;
comment on function public.reply_count(public.messages) is 'Replies the caller can see. A column of its own would tell a shadow-banned author that theirs count for nobody.';
revoke all on function public.reply_count(public.messages) from public, anon;
grant execute on function public.reply_count(public.messages) to authenticated;
