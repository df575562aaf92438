//! Lists: queues, stacks, logs.

mod blmove;
mod blmpop;
mod blpop;
mod lindex;
mod linsert;
mod llen;
mod lmove;
mod lmpop;
mod lpos;
mod lrange;
mod lrem;
mod lset;
mod ltrim;
mod pop;
mod push;
pub mod take;

use perilune_command::{Command, CommandError, errors, is_token};
use perilune_value::{Side, parse_i64};

/// The commands of this family.
pub const COMMANDS: &[Command] = &[
    blmove::BLMOVE,
    blmove::BRPOPLPUSH,
    blmpop::BLMPOP,
    blpop::BLPOP,
    blpop::BRPOP,
    lindex::LINDEX,
    linsert::LINSERT,
    llen::LLEN,
    lmove::LMOVE,
    lmove::RPOPLPUSH,
    lmpop::LMPOP,
    lpos::LPOS,
    lrange::LRANGE,
    lrem::LREM,
    lset::LSET,
    ltrim::LTRIM,
    pop::LPOP,
    pop::RPOP,
    push::LPUSH,
    push::LPUSHX,
    push::RPUSH,
    push::RPUSHX,
];

/// `LEFT` or `RIGHT`.
pub fn side(argument: &[u8]) -> Result<Side, CommandError> {
    if is_token(argument, "LEFT") {
        Ok(Side::Left)
    } else if is_token(argument, "RIGHT") {
        Ok(Side::Right)
    } else {
        Err(errors::SYNTAX)
    }
}

/// An integer that is not negative; `text` says what is wrong with any other argument.
fn non_negative(argument: &[u8], text: &'static str) -> Result<i64, CommandError> {
    parse_i64(argument)
        .filter(|value| *value >= 0)
        .ok_or(CommandError::new(text))
}

fn push_event(side: Side) -> &'static str {
    match side {
        Side::Left => "lpush",
        Side::Right => "rpush",
    }
}

fn pop_event(side: Side) -> &'static str {
    match side {
        Side::Left => "lpop",
        Side::Right => "rpop",
    }
}
