//! `MEMORY USAGE key [SAMPLES count]` answers the bytes that a key and its value take, table included.
//!
//! Nothing is sampled here: values know what they hold, so SAMPLES is read and changes nothing. The other
//! subcommands are about the process and stand in the server, which adds them to this container.
//!
//! ```text
//! > MEMORY USAGE nothing
//! (nil)
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome,
    Spec, errors, integer, is_token,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;

/// MEMORY, with those subcommands that are about data.
pub const MEMORY: Command = Command::container(
    Spec {
        name: "memory",
        summary: "A container for memory diagnostics commands.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        ..Spec::DEFAULT
    },
    &[HELP, USAGE],
);

const USAGE: Command = Command::new(
    Spec {
        name: "usage",
        summary: "Estimates the memory usage of a key.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(N) where N is the number of samples.",
        arity: -3,
        keys: &[KeySpec::one(2, KeyFlags::RO)],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("count").after("SAMPLES").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(usage),
);

const HELP: Command = Command::new(
    Spec {
        name: "help",
        summary: "Returns helpful text about the different subcommands.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(1)",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        ..Spec::DEFAULT
    },
    DataHandler::Help(&[
        "DOCTOR",
        "    Return memory problems reports.",
        "MALLOC-STATS",
        "    Return internal statistics report from the memory allocator.",
        "PURGE",
        "    Attempt to purge dirty pages for reclamation by the allocator.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
    ]),
);

fn usage(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    validate(Arguments::from(arguments, 3))?;
    match txn.peek(arguments[2])?.map(|found| found.memory_bytes()) {
        Some(bytes) => reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
        None => reply.null(),
    }
    Ok(())
}

fn validate(mut options: Arguments<'_>) -> Result<(), CommandError> {
    while let Some(option) = options.next() {
        if !is_token(option, "SAMPLES") || integer(options.required()?)? < 0 {
            return Err(errors::SYNTAX);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn options_are_wrong_before_the_key_is() {
        check(
            "
            > MEMORY USAGE a SAMPLES 5 => (nil)
            > MEMORY USAGE a SAMPLES 0 SAMPLES 1 => (nil)
            > MEMORY USAGE a SAMPLES => (error) ERR syntax error
            > MEMORY USAGE a SAMPLES -1 => (error) ERR syntax error
            > MEMORY USAGE a SAMPLES x => (error) ERR value is not an integer or out of range
            > MEMORY USAGE a foo => (error) ERR syntax error
            ",
        );
    }
}
