"""The local stack: a small Supabase of one's own, without Docker."""
