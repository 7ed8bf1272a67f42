"""The demo: one conversation protected, played with real clients and real processes."""
