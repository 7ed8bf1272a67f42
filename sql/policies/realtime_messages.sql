drop policy if exists vigil_own_topic on realtime.messages;
create policy vigil_own_topic on realtime.messages
    for select to authenticated
    using (extension = 'broadcast' and (select realtime.topic()) = 'user:' || (select vigil.uid())::text);
comment on policy vigil_own_topic on realtime.messages is 'A member listens to their own private topic. There is no INSERT policy: what is broadcast is made by the database.';

-- An app that lets everybody listen, or send, everywhere must not open these topics.
drop policy if exists vigil_user_topics_guard_select on realtime.messages;
create policy vigil_user_topics_guard_select on realtime.messages as restrictive
    for select to public
    using (coalesce((select realtime.topic()), '') not like 'user:%'
           or (select realtime.topic()) = 'user:' || (select vigil.uid())::text);
comment on policy vigil_user_topics_guard_select on realtime.messages is 'Nobody listens to another member''s private topic, whatever the app permits.';

drop policy if exists vigil_user_topics_guard_insert on realtime.messages;
create policy vigil_user_topics_guard_insert on realtime.messages as restrictive
    for insert to public
    with check (coalesce((select realtime.topic()), '') not like 'user:%');
comment on policy vigil_user_topics_guard_insert on realtime.messages is 'No client speaks on a private topic: its events would pass for ours.';
