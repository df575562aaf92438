//! Keys, whatever they hold: their names, their expiry, their walks.

mod del;
mod exists;
mod expire;
mod flush;
mod keys;
mod ttl;
mod type_;

use perilune_command::Command;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    del::DEL,
    del::UNLINK,
    exists::EXISTS,
    exists::TOUCH,
    expire::EXPIRE,
    expire::PEXPIRE,
    expire::EXPIREAT,
    expire::PEXPIREAT,
    flush::FLUSHDB,
    flush::FLUSHALL,
    keys::KEYS,
    ttl::TTL,
    ttl::PTTL,
    ttl::EXPIRETIME,
    ttl::PEXPIRETIME,
    type_::TYPE,
];
