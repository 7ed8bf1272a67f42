"""A development Realtime server for the local stack; a deployment uses Supabase's own."""
