drop policy if exists vigil_own_topic on realtime.messages;
create policy vigil_own_topic on realtime.messages
    for select to authenticated
    using (extension = 'broadcast' and (select realtime.topic()) = 'user:' || (select vigil.uid())::text);
comment on policy vigil_own_topic on realtime.messages is 'A member listens to their own private topic. There is no INSERT policy: what is broadcast is made by the database.';
