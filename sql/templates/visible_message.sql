-- Decides whether the caller may see a row `m` of messages; every copy in a policy is generated from this text.
(
    m.sender_id = (select vigil.uid())
    or (
        m.conversation_id = any ((select vigil.my_conversations())::uuid[])
        and m.moderation_status = 'approved'
        and m.deleted_at is null
        and (m.conversation_id <> all ((select vigil.my_partial_conversations())::uuid[])
             or exists (select from public.conversation_participants stay
                        where stay.conversation_id = m.conversation_id and stay.user_id = (select vigil.uid())
                          and stay.joined_at <= m.created_at and (stay.left_at is null or m.created_at < stay.left_at)))
        and (m.sender_id <> all ((select vigil.shadowed_senders())::uuid[]) or not vigil.is_shadowed(m.id))
    )
)
