-- Decides whether the caller may see a row `m` of messages; every copy in a policy is generated from this text.
(
    m.sender_id = (select vigil.uid())
    or (
        m.conversation_id = any ((select vigil.my_conversations())::uuid[])
        and m.moderation_status = 'approved'
        and m.deleted_at is null
        and (m.conversation_id <> all ((select vigil.my_partial_conversations())::uuid[])
             or vigil.covers_my_stay(m.conversation_id, m.created_at))
        and (m.sender_id <> all ((select vigil.shadowed_senders())::uuid[]) or not vigil.is_shadowed(m.id))
    )
)
