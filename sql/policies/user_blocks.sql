alter table public.user_blocks enable row level security;
revoke all on public.user_blocks from public, anon, authenticated, service_role;
grant select, insert (blocker_id, blocked_id, kind), delete on public.user_blocks to authenticated;
grant select on public.user_blocks to service_role;

drop policy if exists vigil_user_blocks_guard on public.user_blocks;
create policy vigil_user_blocks_guard on public.user_blocks as restrictive
    for all to public
    using (blocker_id = (select vigil.uid())) with check (blocker_id = (select vigil.uid()));
comment on policy vigil_user_blocks_guard on public.user_blocks is 'Only whoever blocks sees the block; the other side is never told.';
{{permissive:user_blocks:select:blocker_id = (select vigil.uid())}}
{{permissive:user_blocks:insert:blocker_id = (select vigil.uid())}}
{{permissive:user_blocks:delete:blocker_id = (select vigil.uid())}}
