create or replace function vigil.record(
    event text, actor uuid, subject uuid, detail jsonb,
    batch uuid default null, on_behalf_of uuid default null, tool text default null
) returns bigint
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    made bigint;
begin
    insert into vigil.events (kind, tool, batch, body0, body1, body2)
    values (event, coalesce(tool, vigil.tool()), batch,
            jsonb_build_object('ref', vigil.subject_ref(actor), 'for', vigil.subject_ref(on_behalf_of))::text,
            jsonb_build_object('ref', vigil.subject_ref(subject))::text,
            detail::text)
    returning id into strict made;
    return made;
end
$$;
comment on function vigil.record(text, uuid, uuid, jsonb, uuid, uuid, text) is 'Appends one audit event in the transaction of the act. Detail holds ids and facts, never content.';
revoke all on function vigil.record(text, uuid, uuid, jsonb, uuid, uuid, text) from public;
