create or replace function vigil.search_candidates(query text, conversation uuid) returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    wanted tsquery;
    mine uuid[] := vigil.my_stays_in();
begin
    if length(query) > 200 then
        perform vigil.fail('VG209', 'A search has at most 200 characters.', 'Search for fewer words.');
    end if;
    wanted := websearch_to_tsquery('simple', coalesce(query, ''));
    if numnode(wanted) = 0 or not exists (select from unnest(tsvector_to_array(to_tsvector('simple', query)))) then
        return '{}';
    end if;
    if conversation is not null then
        mine := case when conversation = any (mine) then array[conversation] else '{}' end;
    end if;
    return coalesce((
        select array_agg(f.id) from (
            select m.id from public.messages m
            where to_tsvector('simple', left(m.content, 100000)) @@ wanted and m.conversation_id = any (mine)
              and (m.sender_id = vigil.uid() or (m.moderation_status = 'approved' and m.deleted_at is null))
            order by m.created_at desc limit 1000) f), '{}');
end
$$;
comment on function vigil.search_candidates(text, uuid) is 'The newest 1,000 matches in the caller''s conversations; policies decide which of them they see. `@@` is not leakproof, so under policies the index would go unused.';
revoke all on function vigil.search_candidates(text, uuid) from public;
grant execute on function vigil.search_candidates(text, uuid) to authenticated;

create or replace function public.search_messages(query text, conversation uuid default null, before jsonb default null, max_rows integer default 20)
    returns setof public.messages
    language sql stable
    set search_path = ''
begin atomic
    select m.* from public.messages m
    where m.id = any ((select vigil.search_candidates(query, conversation))::uuid[])
      and (m.created_at, m.id) < ((select vigil.key_time(before, 'created_at')), (select vigil.key_id(before)))
    order by m.created_at desc, m.id desc
    limit (select vigil.page_size(max_rows, 100));
end;
comment on function public.search_messages(text, uuid, jsonb, integer) is 'Messages the caller may see that match, newest first: words, "a phrase", -not, or.';
revoke all on function public.search_messages(text, uuid, jsonb, integer) from public, anon;
grant execute on function public.search_messages(text, uuid, jsonb, integer) to authenticated;
