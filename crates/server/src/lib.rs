//! Perilune: a Redis-compatible data server with server-side Lua at its heart.
