drop policy if exists vigil_own_topic on realtime.messages;
create policy vigil_own_topic on realtime.messages
    for select to authenticated
    using (extension = 'broadcast' and (select realtime.topic()) = 'user:' || (select vigil.uid())::text);

drop policy if exists vigil_doorbell_topic on realtime.messages;
create policy vigil_doorbell_topic on realtime.messages
    for select to vigil_doorbell
    using (extension = 'broadcast' and topic = 'vigil:doorbell' and (select realtime.topic()) = 'vigil:doorbell');

-- An app that lets everybody listen, or send, everywhere must not open these topics.
drop policy if exists vigil_user_topics_guard_select on realtime.messages;
create policy vigil_user_topics_guard_select on realtime.messages as restrictive
    for select to public
    using (coalesce((select realtime.topic()), '') not like all ('{user:%,vigil:%}')
           or (select realtime.topic()) = 'user:' || (select vigil.uid())::text
           or (select current_user) = 'vigil_doorbell');

drop policy if exists vigil_user_topics_guard_insert on realtime.messages;
create policy vigil_user_topics_guard_insert on realtime.messages as restrictive
    for insert to public
    with check (coalesce((select realtime.topic()), '') not like all ('{user:%,vigil:%}'));

do $$
begin
    comment on policy vigil_own_topic on realtime.messages is 'A member listens to their own private topic. There is no INSERT policy: what is broadcast is made by the database.';
    comment on policy vigil_doorbell_topic on realtime.messages is 'The worker listens on its own topic, once vigil.ring_privately gave it rights.';
    comment on policy vigil_user_topics_guard_select on realtime.messages is 'Nobody listens to another member''s private topic, or to the worker''s, whatever the app permits.';
    comment on policy vigil_user_topics_guard_insert on realtime.messages is 'No client speaks on a private topic: its events would pass for ours.';
exception
    -- Some hosted projects allow CREATE POLICY here but not its comment.
    when insufficient_privilege then null;
end
$$;
