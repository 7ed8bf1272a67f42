-- Decides whether the caller may see a row `m` of messages; every copy in a policy is generated from this text.
(
    m.conversation_id = any ((select vigil.my_stays_in())::uuid[])
    and (
        m.sender_id = (select vigil.uid())
        or (
            m.moderation_status = 'approved'
            and m.deleted_at is null
            and (m.conversation_id <> all ((select vigil.my_careful_conversations())::uuid[])
                 or vigil.may_look(m.conversation_id, m.created_at, m.id))
        )
    )
)
