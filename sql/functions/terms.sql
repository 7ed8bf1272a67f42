create or replace function vigil.bump_terms() returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    update vigil.terms_revision set version = version + 1,
        inline_max_words = coalesce((select max(cardinality(string_to_array(t.folded, ' '))) from vigil.terms t
                                     where t.severity = 'block' and t.match = 'word'), 0);
end
$$;
comment on function vigil.bump_terms() is 'A new version of the term lists, noticed by every worker.';
revoke all on function vigil.bump_terms() from public;

create or replace function vigil.is_readable(value text, as_type text) returns boolean
    language plpgsql stable
    set search_path = ''
as $$
begin
    if as_type = 'uuid' then
        perform value::uuid;
    else
        perform value::timestamptz;
    end if;
    return true;
exception when invalid_text_representation or datetime_field_overflow or invalid_datetime_format or invalid_parameter_value then
    return false;
end
$$;
comment on function vigil.is_readable(text, text) is 'Whether a text is a uuid or a time; Postgres 15 has no such question of its own.';
revoke all on function vigil.is_readable(text, text) from public;

create or replace function vigil.add_terms(terms jsonb, dry_run boolean) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('moderator');
    outcome record;
begin
    if jsonb_typeof(terms) is distinct from 'array' then
        perform vigil.fail('VG208', 'The terms are not a list.', 'Pass a JSON array of objects.');
    end if;
    perform pg_advisory_xact_lock(hashtextextended('vigil.terms', 0));
    -- One statement for the whole list: it stores all of it, or nothing and says which element is the first bad one.
    with given as materialized (
        select x.n, jsonb_typeof(x.item) = 'object' as is_object, x.item ->> 'term' as term, x.item ->> 'category' as category,
               x.item ->> 'severity' as severity, coalesce(x.item ->> 'language', 'und') as language,
               coalesce(x.item ->> 'match', 'word') as match,
               case when length(x.item ->> 'term') <= 200 then vigil.fold(x.item ->> 'term') end as folded,
               x.item ->> 'expires_at' as expires_at, x.item ->> 'conversation' as conversation,
               (x.item ->> 'expires_at' is null or vigil.is_readable(x.item ->> 'expires_at', 'timestamptz'))
               and (x.item ->> 'conversation' is null or vigil.is_readable(x.item ->> 'conversation', 'uuid')) as is_readable
        from jsonb_array_elements(terms) with ordinality x (item, n)
    ), parsed as materialized (
        select g.n, g.is_object, g.is_readable, g.term, g.folded, g.category, g.severity, g.language, g.match,
               case when g.is_readable then g.expires_at::timestamptz end as expires_at,
               case when g.is_readable then g.conversation::uuid end as conversation_id
        from given g
    ), judged as materialized (
        select p.*, min(p.n) over (partition by p.folded, p.match, p.language, p.conversation_id) as first_n,
               case
                   when not p.is_object then 'it is not an object'
                   when not p.is_readable then 'malformed date or conversation id'
                   when coalesce(length(p.term), 0) not between 1 and 200 then 'term must have 1 to 200 characters'
                   when p.folded = '' then 'term has no letter or digit'
                   -- A sign that stands for a letter folds away: what is left of it would block innocent words.
                   when p.severity = 'block' and p.match = 'word' and p.term ~ '[]!-&(-,./:-@[\\^-`{-~€£¥]'
                       then 'a word of severity block has only letters, digits, spaces, hyphens and apostrophes'
                   when coalesce(length(p.category), 0) not between 1 and 60 then 'category must have 1 to 60 characters'
                   when coalesce(p.severity, '') not in ('block', 'remove', 'hold', 'flag', 'allow')
                       then 'severity must be block, remove, hold, flag or allow'
                   when p.match not in ('word', 'substring') then 'match must be word or substring'
                   when length(p.language) not between 2 and 35 then 'language must be a language tag'
                   when p.expires_at <= clock_timestamp() then 'expires_at lies in the past'
                   when p.conversation_id is not null
                        and not exists (select from public.conversations c where c.id = p.conversation_id) then 'conversation does not exist'
               end as problem
        from parsed p
    ), bad as materialized (
        select j.n, coalesce(j.problem, format('repeats element %s', j.first_n)) as problem
        from judged j where j.problem is not null or j.first_n < j.n
        order by j.n limit 1
    ), stored as (
        insert into vigil.terms as old (term, folded, category, severity, language, match, conversation_id, expires_at, created_by)
        select j.term, j.folded, j.category, j.severity, j.language, j.match, j.conversation_id, j.expires_at, me
        from judged j where not exists (select from bad)
        order by j.n
        on conflict (folded, match, language, coalesce(conversation_id, '00000000-0000-0000-0000-000000000000'))
        do update set term = excluded.term, category = excluded.category, severity = excluded.severity, expires_at = excluded.expires_at
            where (old.term, old.category, old.severity, old.expires_at)
                  is distinct from (excluded.term, excluded.category, excluded.severity, excluded.expires_at)
        returning (old.xmax = 0) as fresh
    )
    select (select b.n from bad b) as bad_n, (select b.problem from bad b) as problem,
           (select count(*) from given) as total, count(*) filter (where s.fresh) as added, count(*) filter (where not s.fresh) as updated
    into outcome from stored s;
    if outcome.bad_n is not null then
        perform vigil.fail('VG208', format('Element %s: %s.', outcome.bad_n, outcome.problem), 'Nothing was imported; correct it and try again.');
    end if;
    if dry_run then
        -- Undo what was tried: a dry run takes the same path, then leaves nothing.
        raise exception using errcode = 'VG999', message = jsonb_build_object('added', outcome.added, 'updated', outcome.updated,
            'unchanged', outcome.total - outcome.added - outcome.updated)::text;
    end if;
    if outcome.added + outcome.updated > 0 then
        perform vigil.bump_terms();
        perform vigil.record('terms.changed', me, null, jsonb_build_object('added', outcome.added, 'updated', outcome.updated));
    end if;
    return jsonb_build_object('added', outcome.added, 'updated', outcome.updated, 'unchanged', outcome.total - outcome.added - outcome.updated,
                              'version', (select r.version from vigil.terms_revision r), 'dry_run', false);
end
$$;
comment on function vigil.add_terms(jsonb, boolean) is
    'Adds or updates terms, all or none. Two elements of one list that would be one term are refused, naming the later.';
revoke all on function vigil.add_terms(jsonb, boolean) from public;

create or replace function vigil.try_add_terms(terms jsonb, dry_run boolean) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    return vigil.add_terms(terms, dry_run);
exception when sqlstate 'VG999' then
    return sqlerrm::jsonb || jsonb_build_object('version', (select r.version from vigil.terms_revision r), 'dry_run', true);
end
$$;
comment on function vigil.try_add_terms(jsonb, boolean) is 'add_terms, with the dry run rolled back.';
revoke all on function vigil.try_add_terms(jsonb, boolean) from public;
grant execute on function vigil.try_add_terms(jsonb, boolean) to authenticated;

create or replace function public.add_terms(terms jsonb, dry_run boolean default false) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.try_add_terms(terms, dry_run);
end;
comment on function public.add_terms(jsonb, boolean) is 'Moderators: add or update terms, all or none; a list that repeats a term is refused.';
revoke all on function public.add_terms(jsonb, boolean) from public, anon;
grant execute on function public.add_terms(jsonb, boolean) to authenticated;

create or replace function vigil.remove_terms(term_ids bigint[], dry_run boolean) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('moderator');
    missing bigint;
    gone integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('vigil.terms', 0));
    select i into missing from unnest(term_ids) as i where not exists (select from vigil.terms t where t.id = i) limit 1;
    if missing is not null then
        perform vigil.fail('VG205', format('There is no term %s.', missing), 'Nothing was removed; see list_terms.');
    end if;
    gone := (select count(*) from vigil.terms t where t.id = any (term_ids));
    if not dry_run and gone > 0 then
        delete from vigil.terms t where t.id = any (term_ids);
        perform vigil.bump_terms();
        perform vigil.record('terms.changed', me, null, jsonb_build_object('removed', gone));
    end if;
    return jsonb_build_object('removed', gone, 'dry_run', dry_run);
end
$$;
comment on function vigil.remove_terms(bigint[], boolean) is 'Removes terms, all or none.';
revoke all on function vigil.remove_terms(bigint[], boolean) from public;
grant execute on function vigil.remove_terms(bigint[], boolean) to authenticated;

create or replace function public.remove_terms(term_ids bigint[], dry_run boolean default false) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.remove_terms(term_ids, dry_run);
end;
comment on function public.remove_terms(bigint[], boolean) is 'Moderators: remove terms.';
revoke all on function public.remove_terms(bigint[], boolean) from public, anon;
grant execute on function public.remove_terms(bigint[], boolean) to authenticated;

create or replace function vigil.list_terms(starts_with text, in_category text, max_rows integer)
    returns table (term_id bigint, term text, category text, severity text, language text, match text, expires_at timestamptz,
                   conversation uuid, created_at timestamptz)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    return query select t.id, t.term, t.category, t.severity, t.language, t.match, t.expires_at, t.conversation_id, t.created_at
        from vigil.terms t
        where (starts_with is null or starts_with(t.folded, vigil.fold(starts_with)))
          and (in_category is null or t.category = in_category)
        order by t.folded, t.id limit least(greatest(max_rows, 0), 100000);
end
$$;
comment on function vigil.list_terms(text, text, integer) is 'The term lists, for the staff.';
revoke all on function vigil.list_terms(text, text, integer) from public;
grant execute on function vigil.list_terms(text, text, integer) to authenticated;

create or replace function public.list_terms(prefix text default null, in_category text default null, max_rows integer default 1000)
    returns table (term_id bigint, term text, category text, severity text, language text, match text, expires_at timestamptz,
                   conversation uuid, created_at timestamptz)
    language sql stable
    set search_path = ''
begin atomic
    select l.* from vigil.list_terms(prefix, in_category, max_rows) l;
end;
comment on function public.list_terms(text, text, integer) is 'Staff: the term lists.';
revoke all on function public.list_terms(text, text, integer) from public, anon;
grant execute on function public.list_terms(text, text, integer) to authenticated;

create or replace function vigil.terms_version() returns bigint
    language sql stable security definer
    set search_path = ''
begin atomic
    select r.version from vigil.terms_revision r;
end;
comment on function vigil.terms_version() is 'Version of the term lists.';
revoke all on function vigil.terms_version() from public;
grant execute on function vigil.terms_version() to vigil_worker;

create or replace function vigil.load_terms()
    returns table (term_id bigint, term text, category text, severity text, match text, language text, conversation_id uuid)
    language sql stable security definer
    set search_path = ''
begin atomic
    select t.id, t.term, t.category, t.severity, t.match, t.language, t.conversation_id from vigil.terms t
    where t.expires_at is null or t.expires_at > clock_timestamp();
end;
comment on function vigil.load_terms() is 'The terms in force, for the worker.';
revoke all on function vigil.load_terms() from public;
grant execute on function vigil.load_terms() to vigil_worker;
