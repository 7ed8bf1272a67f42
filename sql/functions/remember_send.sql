create or replace function vigil.forget_send() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    -- currval() is this session's alone and nobody else may move it: whatever was remembered before matches no more.
    perform nextval('vigil.send_memo');
    return null;
end
$$;
comment on function vigil.forget_send() is 'What one statement learnt of its sender serves no other.';
revoke all on function vigil.forget_send() from public;
create or replace trigger zzz_vigil_050_forget_send before insert on public.messages
    for each statement execute function vigil.forget_send();

create or replace function vigil.remember_send(facts vigil.send_facts) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    if facts.holds_for_all then
        perform set_config('vigil.send_memo', facts::text, true);
        perform setval('vigil.send_memo', vigil.memo_digest(facts::text));
    end if;
end
$$;
comment on function vigil.remember_send(vigil.send_facts) is 'Keeps the facts for the next row of the same statement, beside a digest that only the owner can set.';
revoke all on function vigil.remember_send(vigil.send_facts) from public;

create or replace function vigil.memo_digest(memo text) returns bigint
    language plpgsql immutable strict parallel safe
    set search_path = ''
as $$
begin
    return ('x' || encode(substring(sha256(convert_to(memo, 'UTF8')) for 8), 'hex'))::bit(64)::bigint & 9223372036854775807;
end
$$;
comment on function vigil.memo_digest(text) is '63 bits of SHA-256, as a value of a sequence.';
revoke all on function vigil.memo_digest(text) from public;
