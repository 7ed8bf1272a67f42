create or replace function vigil.check_content(content text, conversation uuid) returns void
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    longest integer;
begin
    if content is null or content !~ '[^[:space:]]' then
        raise exception using errcode = 'VG108', message = 'A message needs some text.', hint = 'Write something.';
    end if;
    select s.max_message_length into longest from vigil.settings s;
    if length(content) > longest then
        raise exception using errcode = 'VG108',
            message = format('This message has %s characters; at most %s are allowed.', length(content), longest),
            hint = 'Send it in parts.';
    end if;
    perform vigil.check_inline_terms(content, conversation);
end
$$;
comment on function vigil.check_content(text, uuid) is 'Structure and inline terms of a submitted text.';
revoke all on function vigil.check_content(text, uuid) from public;
