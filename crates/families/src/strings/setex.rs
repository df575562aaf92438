//! `SETEX key seconds value` and `PSETEX key milliseconds value` set a key that expires.
//!
//! ```text
//! > SETEX session 10 alice
//! OK
//! > PSETEX session 10000 bob
//! OK
//! > GET session
//! "bob"
//! ```

use perilune_command::{Arg, Command, DataHandler, Flags, Group, KeyFlags, KeySpec, Outcome, Spec};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;

use super::expiry::{Clocking, Deadline, set_until};

/// SETEX.
pub const SETEX: Command = Command::new(
    Spec {
        name: "setex",
        summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
        group: Group::String,
        since: "2.0.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("seconds"),
            Arg::string("value"),
        ],
        deprecated: Some(("2.6.12", "`SET` with the `EX` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(|txn, arguments, reply| {
        set_for(txn, arguments, ("setex", Clocking::Ex), reply)
    }),
);

/// PSETEX.
pub const PSETEX: Command = Command::new(
    Spec {
        name: "psetex",
        summary: "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist.",
        group: Group::String,
        since: "2.6.0",
        complexity: "O(1)",
        arity: 4,
        flags: Flags::DENYOOM,
        keys: &[KeySpec::one(1, KeyFlags::OW.with(KeyFlags::UPDATE))],
        arguments: &[
            Arg::key("key", 0),
            Arg::integer("milliseconds"),
            Arg::string("value"),
        ],
        deprecated: Some(("2.6.12", "`SET` with the `PX` argument")),
        ..Spec::DEFAULT
    },
    DataHandler::Write(|txn, arguments, reply| {
        set_for(txn, arguments, ("psetex", Clocking::Px), reply)
    }),
);

fn set_for(
    txn: &mut WriteTxn<'_, '_>,
    arguments: &[&[u8]],
    (command, clocking): (&str, Clocking),
    reply: &mut dyn Reply,
) -> Outcome {
    let deadline = Deadline {
        clocking,
        argument: arguments[2],
    };
    let expire_at_ms = deadline.expire_at_ms(command, txn.now_ms())?;
    set_until(txn, arguments[1], arguments[3], expire_at_ms)?;
    reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn setex_and_psetex() {
        check(
            r#"
            > SETEX k 10 v => OK
            > :sent => SET k v PXAT 1010000
            > PSETEX k 10 w => OK
            > :expires k => 1000010
            > SETEX k 0 v => (error) ERR invalid expire time in 'setex' command
            > PSETEX k -1 v => (error) ERR invalid expire time in 'psetex' command
            > SETEX k 9223372036854775807 v => (error) ERR invalid expire time in 'setex' command
            > SETEX k ten v => (error) ERR value is not an integer or out of range
            "#,
        );
    }
}
