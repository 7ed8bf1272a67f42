create or replace function vigil.check_inline_terms(content text, conversation uuid) returns void
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    longest integer;
    words text[];
    grams text[];
    n integer;
begin
    select r.inline_max_words into longest from vigil.terms_revision r;
    if longest = 0 then
        return;
    end if;
    words := string_to_array(vigil.fold(content), ' ');
    grams := words;
    for n in 2 .. least(longest, coalesce(cardinality(words), 0)) loop
        grams := grams || array(
            select array_to_string(words[i : i + n - 1], ' ') from generate_series(1, cardinality(words) - n + 1) as i);
    end loop;
    if exists (
        select from vigil.terms t
        where t.severity = 'block' and t.match = 'word' and t.folded = any (grams)
          and (t.conversation_id is null or t.conversation_id = conversation)
          and (t.expires_at is null or t.expires_at > clock_timestamp())
          and not exists (select from vigil.terms a where a.severity = 'allow' and a.match = 'word' and a.folded = t.folded
                          and (a.conversation_id is null or a.conversation_id = conversation)
                          and (a.expires_at is null or a.expires_at > clock_timestamp())))
    then
        -- The term is not quoted: the answer must not become a way to read the list.
        raise exception using errcode = 'VG107', message = 'This text contains something this community does not allow.',
            hint = 'Say it in other words.';
    end if;
end
$$;
comment on function vigil.check_inline_terms(text, uuid) is 'Refuses text with a whole-word term of severity block, in the sender''s own transaction.';
revoke all on function vigil.check_inline_terms(text, uuid) from public;
