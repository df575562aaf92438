//! The vocabulary: what a command is, its arguments, its reply, and the table of all commands.
