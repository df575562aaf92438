//! Keys, whatever they hold: their names, their expiry, their walks, whole databases.

mod copy;
mod database;
mod dbsize;
mod del;
mod dump;
mod exists;
mod expire;
mod flush;
mod keys_;
mod memory;
mod move_;
mod object;
mod persist;
mod randomkey;
mod rename;
mod restore;
mod scan;
mod sort;
mod swapdb;
mod ttl;
mod type_;

use perilune_command::Command;

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    copy::COPY,
    dbsize::DBSIZE,
    del::DEL,
    del::UNLINK,
    dump::DUMP,
    exists::EXISTS,
    exists::TOUCH,
    expire::EXPIRE,
    expire::PEXPIRE,
    expire::EXPIREAT,
    expire::PEXPIREAT,
    flush::FLUSHDB,
    flush::FLUSHALL,
    keys_::KEYS,
    memory::MEMORY,
    move_::MOVE,
    object::OBJECT,
    persist::PERSIST,
    randomkey::RANDOMKEY,
    rename::RENAME,
    rename::RENAMENX,
    restore::RESTORE,
    scan::SCAN,
    sort::SORT,
    sort::SORT_RO,
    swapdb::SWAPDB,
    ttl::TTL,
    ttl::PTTL,
    ttl::EXPIRETIME,
    ttl::PEXPIRETIME,
    type_::TYPE,
];
