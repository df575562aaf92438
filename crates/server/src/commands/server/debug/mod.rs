//! `DEBUG subcommand ...`: what tests need to see and to do.
//!
//! Only what the reference's suite and ours use is here, and it needs `enable-debug-command`.

mod effects;
mod look;

use perilune_command::{Command, CommandError, Flags, Group, Outcome, Spec, integer};
use std::sync::atomic::Ordering;
use std::time::Duration;

use perilune_keyspace::{Expiry, Txn, WriteTxn};
use perilune_resp::{Protocol, Reply};

use crate::atomicity::cannot_be_undone;
use crate::call::Call;
use crate::config::{ProtectedAction, parse_memory};
use crate::table::{Handler, ServerCommand};

/// DEBUG.
pub const DEBUG: ServerCommand = Command::new(
    Spec {
        name: "debug",
        summary: "A container for debugging commands.",
        group: Group::Server,
        since: "1.0.0",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: Flags::ADMIN
            .with(Flags::NOSCRIPT)
            .with(Flags::LOADING)
            .with(Flags::STALE),
        // doc flags: ['syscmd']
        ..Spec::DEFAULT
    },
    Handler::Long(debug),
);

const NOT_ALLOWED: CommandError = CommandError::new(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

/// What `enable-debug-command` says of this connection.
fn is_allowed(call: &Call<'_>) -> bool {
    match call.server.settings.security.enable_debug_command.get() {
        ProtectedAction::Yes => true,
        ProtectedAction::No => false,
        ProtectedAction::Local => crate::service::is_local(&call.session.client.info),
    }
}

fn debug(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let server = call.server;
    if !is_allowed(call) {
        return Err(NOT_ALLOWED.into());
    }
    let name = arguments[1].to_ascii_lowercase();
    let is_switch = matches!(
        name.as_slice(),
        b"set-active-expire"
            | b"set-disable-deny-scripts"
            | b"pause-cron"
            | b"quicklist-packed-threshold"
            | b"effects"
    );
    if is_switch && txn.is_all_or_nothing() {
        return Err(cannot_be_undone(call.entry).into());
    }
    let debug = &server.debug;
    match (name.as_slice(), &arguments[2..]) {
        (b"help", []) => {
            perilune_command::help("debug", HELP_LINES, reply);
            return Ok(());
        }
        (b"set-active-expire", [switch]) => debug
            .no_active_expire
            .store(!is_on(switch)?, Ordering::Relaxed),
        (b"set-disable-deny-scripts", [switch]) => debug
            .scripts_may_call_all
            .store(is_on(switch)?, Ordering::Relaxed),
        (b"pause-cron", [switch]) => server.pause_cron(is_on(switch)?),
        (b"quicklist-packed-threshold", [bytes]) => {
            debug
                .list_packed_threshold
                .store(packed_threshold(bytes)?, Ordering::Relaxed);
            server.apply_settings();
        }
        (b"sleep", [seconds]) => {
            let seconds = perilune_command::float(seconds)?;
            std::thread::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        }
        (b"effects", [what]) => return effects::effects(call, what, reply),
        (b"panic", key) => return panic_halfway(txn, key.first().copied()),
        (b"object", [_] | [_, _]) => return look::object(call, txn, arguments, reply),
        (b"digest", []) => return look::digest(txn, reply),
        (b"digest-value", keys) => return look::digest_value(txn, keys, reply),
        (b"stripes", keys) => {
            look::stripes(call, keys, reply);
            return Ok(());
        }
        (b"listpack", [key]) => return look::listpack(txn, key, reply),
        (b"protocol", [kind]) => return protocol(kind, reply),
        _ => {
            return Err(CommandError::quoting(&[
                b"ERR unknown subcommand or wrong number of arguments for '",
                arguments[1],
                b"'. Try DEBUG HELP.",
            ])
            .into());
        }
    }
    reply.ok();
    Ok(())
}

const HELP_LINES: &[&str] = &[
    "DIGEST",
    "    Output a hex signature representing the current DB content.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Output a hex signature of the values of all the specified keys.",
    "EFFECTS (START|TAKE|STOP)",
    "    Keep what transactions have changed, show it, keep it no longer.",
    "LISTPACK <key>",
    "    Show low level info about the listpack encoding of <key>.",
    "OBJECT <key> [fast]",
    "    Show low level info about `key` and associated value.",
    "    Some fields of the default behavior may be time consuming to fetch,",
    "    and `fast` can be passed to avoid fetching them.",
    "PANIC [<key>]",
    "    Fail like a command with a mistake in it, with <key> after half a change.",
    "PAUSE-CRON <0|1>",
    "    Stop periodic cron job processing.",
    "PROTOCOL <type>",
    "    Reply with a test value of the specified type. <type> can be: string,",
    "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
    "    true, false.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Sets the threshold for elements to be inserted as plain vs packed nodes",
    "    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Setting it to 0 disables expiring keys in background when they are not",
    "    accessed (otherwise the behavior). Setting it to 1 reenables back the",
    "    default.",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    Let scripts call what they may not call otherwise.",
    "SLEEP <seconds>",
    "    Stop the connection for <seconds>. Decimals allowed.",
];

fn is_on(switch: &[u8]) -> Result<bool, CommandError> {
    Ok(integer(switch)? != 0)
}

/// From how many bytes on an element of a list has a node of its own; 0: from where it must.
fn packed_threshold(argument: &[u8]) -> Result<u32, CommandError> {
    // just below 4 GiB, so that a node stays below it
    const MAX: u32 = u32::MAX - (1 << 20) + 1;
    let bytes = parse_memory(argument).and_then(|bytes| u32::try_from(bytes).ok());
    bytes.filter(|bytes| *bytes <= MAX).ok_or(CommandError::new(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))
}

/// `DEBUG PANIC [key]`: a mistake in a command, as it were; with a key, after half a change. The reference ends here.
fn panic_halfway(txn: &mut Txn<'_>, key: Option<&[u8]>) -> Outcome {
    if let Some(key) = key {
        let mut txn = WriteTxn::new(txn);
        txn.slot(key)?.set(b"half", Expiry::Clear)?;
    }
    // past the panic hook: a backtrace of what was asked for tells nothing, and buries that of a real panic
    std::panic::resume_unwind(Box::new("DEBUG PANIC was asked for"))
}

/// `DEBUG PROTOCOL kind`: an answer of each shape.
#[allow(
    clippy::approx_constant,
    reason = "the reference's figure, not a bad pi"
)]
fn protocol(kind: &[u8], reply: &mut dyn Reply) -> Outcome {
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|i| reply.integer(i));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|i| reply.integer(i));
        }
        b"map" => {
            reply.map(3);
            for i in 0..3 {
                reply.integer(i);
                reply.boolean(i == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if reply.protocol() == Protocol::Resp2 {
                return Err(CommandError::new("ERR RESP2 is not supported by this command").into());
            }
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        b"verbatim" => reply.verbatim(
            b"txt",
            b"This is a verbatim
string",
        ),
        _ => {
            return Err(CommandError::new(
                "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            )
            .into());
        }
    }
    Ok(())
}
