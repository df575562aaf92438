//! How options say when a key expires: `EX 10`, `PX 10000`, `EXAT 1700000000`, `PXAT 1700000000000`.

use perilune_command::{CommandError, integer, is_token};
use perilune_keyspace::{Abort, EventClass, Expiry, WriteTxn};

/// The unit of a time, and what it is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocking {
    /// Seconds from now.
    Ex,
    /// Milliseconds from now.
    Px,
    /// Seconds since the Unix epoch.
    ExAt,
    /// Milliseconds since the Unix epoch.
    PxAt,
}

impl Clocking {
    /// The one that an option names.
    pub fn of(option: &[u8]) -> Option<Self> {
        let names = [
            ("EX", Self::Ex),
            ("PX", Self::Px),
            ("EXAT", Self::ExAt),
            ("PXAT", Self::PxAt),
        ];
        names
            .into_iter()
            .find(|(name, _)| is_token(option, name))
            .map(|(_, clocking)| clocking)
    }
}

/// When a key is to expire, as the client said it. Whether the number is one is asked when the whole call has been
/// read: a syntax error behind it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline<'a> {
    /// What the number means.
    pub clocking: Clocking,
    /// The number.
    pub argument: &'a [u8],
}

impl Deadline<'_> {
    /// The time in milliseconds since the Unix epoch. It may have passed, if it was given as such.
    ///
    /// # Errors
    /// If it is no number, not positive, or out of range. The error names the command.
    pub fn expire_at_ms(self, command: &str, now_ms: i64) -> Result<i64, CommandError> {
        let number = integer(self.argument)?;
        let ms = match self.clocking {
            _ if number <= 0 => None,
            Clocking::Ex => number
                .checked_mul(1000)
                .and_then(|ms| ms.checked_add(now_ms)),
            Clocking::Px => number.checked_add(now_ms),
            Clocking::ExAt => number.checked_mul(1000),
            Clocking::PxAt => Some(number),
        };
        ms.ok_or_else(|| {
            CommandError::from_text(format!("ERR invalid expire time in '{command}' command"))
        })
    }
}

/// Sets a key that is to expire; deletes it where that time has passed.
pub fn set_until(
    txn: &mut WriteTxn<'_, '_>,
    key: &[u8],
    value: &[u8],
    expire_at_ms: i64,
) -> Result<(), Abort> {
    if expire_at_ms <= txn.now_ms() {
        return expire(txn, key);
    }
    let mut slot = txn.slot(key)?;
    slot.set(value, Expiry::At(expire_at_ms))?;
    slot.notify(EventClass::STRING, "set");
    slot.notify(EventClass::GENERIC, "expire");
    let mut digits = itoa::Buffer::new();
    txn.propagate(&[
        b"SET".as_slice(),
        key,
        value,
        b"PXAT",
        digits.format(expire_at_ms).as_bytes(),
    ]);
    Ok(())
}

/// Deletes a key, if it exists, because the time that a command gives it has passed.
pub fn expire(txn: &mut WriteTxn<'_, '_>, key: &[u8]) -> Result<(), Abort> {
    if txn.slot(key)?.delete_expired()? {
        txn.propagate(&[b"UNLINK".as_slice(), key]);
    }
    Ok(())
}
