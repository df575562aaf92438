//! What the commands about the expiry of fields have in common: `FIELDS numfields field [field ...]`, and times.

use perilune_command::{CommandError, Outcome, integer, is_token};
use perilune_keyspace::{EventClass, Slot, WriteTxn};
use perilune_resp::Reply;

use crate::strings::Clocking;

/// The latest time that a field may expire at, in Unix milliseconds: the reference's limit.
const EXPIRE_AT_MS_MAX: i64 = (1 << 46) - 1;

/// There is no such field: what HTTL, HEXPIRE and their kin answer.
pub const NO_FIELD: i64 = -2;

/// The fields behind `FIELDS numfields`, which begin with argument `first`. `number_error` is the answer to a number
/// that is none or not positive.
pub fn named<'a>(
    arguments: &'a [&'a [u8]],
    first: usize,
    number_error: CommandError,
) -> Result<&'a [&'a [u8]], CommandError> {
    let word = arguments.get(first - 2);
    if !word.is_some_and(|word| is_token(word, "FIELDS")) {
        return Err(CommandError::new(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    }
    let number = arguments
        .get(first - 1)
        .and_then(|number| integer(number).ok())
        .filter(|&number| number > 0)
        .ok_or(number_error)?;
    let fields = arguments.get(first..).unwrap_or_default();
    if number != fields.len() as i64 {
        return Err(CommandError::new(
            "ERR The `numfields` parameter must match the number of arguments",
        ));
    }
    Ok(fields)
}

/// The answer of most commands to a number of fields that is none or not positive.
pub const NUMBER_NOT_POSITIVE: CommandError =
    CommandError::new("ERR Number of fields must be a positive integer");

/// The time that an argument means, in Unix milliseconds. Errors name the command.
pub fn expire_at_ms(
    argument: &[u8],
    clocking: Clocking,
    command: &str,
    now_ms: i64,
) -> Result<i64, CommandError> {
    let number = integer(argument)?;
    if number < 0 {
        return Err(CommandError::new("ERR invalid expire time, must be >= 0"));
    }
    let unit_ms = match clocking {
        Clocking::Ex | Clocking::ExAt => 1000,
        Clocking::Px | Clocking::PxAt => 1,
    };
    let base_ms = match clocking {
        Clocking::Ex | Clocking::Px => now_ms,
        Clocking::ExAt | Clocking::PxAt => 0,
    };
    number
        .checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(base_ms))
        .filter(|&at_ms| at_ms <= EXPIRE_AT_MS_MAX)
        .ok_or_else(|| {
            CommandError::from_text(format!("ERR invalid expire time in '{command}' command"))
        })
}

/// Announces that fields were deleted, and the key with the last.
pub fn notify_deleted(slot: &mut Slot<'_, '_>) {
    slot.notify(EventClass::HASH, "hdel");
    if !slot.exists() {
        slot.notify(EventClass::GENERIC, "del");
    }
}

/// Tells the log that fields were deleted, each by a command of its own.
pub fn propagate_deleted(txn: &mut WriteTxn<'_, '_>, key: &[u8], fields: &[&[u8]]) {
    for field in fields {
        txn.propagate(&[b"HDEL", key, field]);
    }
}

/// Tells the log that fields expire then.
pub fn propagate_expiry(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    expire_at_ms: i64,
    condition: Option<&[u8]>,
    fields: &[&[u8]],
) {
    let (mut ms, mut number) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut call: Vec<&[u8]> = vec![b"HPEXPIREAT", key, ms.format(expire_at_ms).as_bytes()];
    call.extend(condition);
    call.extend([b"FIELDS".as_slice(), number.format(fields.len()).as_bytes()]);
    call.extend(fields);
    txn.propagate(&call);
}

/// Answers the same number for each of so many fields.
pub fn reply_each(number: i64, fields: usize, reply: &mut dyn Reply) -> Outcome {
    reply.array(fields);
    (0..fields).for_each(|_| reply.integer(number));
    Ok(())
}
