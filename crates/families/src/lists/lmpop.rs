//! `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]` removes elements from the first of these lists that there is,
//! one or up to a count, and answers its key and them.
//!
//! The log gets the LPOP or RPOP of that list.
//!
//! ```text
//! > RPUSH jobs a b c
//! (integer) 3
//! > LMPOP 2 urgent jobs RIGHT COUNT 2
//! 1) "jobs"
//! 2) 1) "c"
//!    2) "b"
//! > LMPOP 1 urgent LEFT
//! (nil)
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{List, Side, parse_i64};

use super::{side, take};
use crate::waiting::first_with;

/// LMPOP.
pub const LMPOP: Command = Command::new(
    Spec {
        name: "lmpop",
        summary: "Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.",
        group: Group::List,
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
        arity: -4,
        keys: &[KeySpec::counted(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::one_of(
                "where",
                &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")],
            ),
            Arg::integer("count").after("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(lmpop),
);

/// What LMPOP and BLMPOP are told: the arguments from `numkeys` on.
pub struct Options<'a> {
    /// The lists.
    pub keys: &'a [&'a [u8]],
    /// Where elements are taken from.
    pub side: Side,
    /// How many at most.
    pub count: usize,
}

impl<'a> Options<'a> {
    /// Reads the arguments from number `numkeys` on.
    pub fn parse(arguments: &'a [&'a [u8]], numkeys: usize) -> Result<Self, CommandError> {
        let positive = |argument, text| {
            parse_i64(argument)
                .filter(|number| *number > 0)
                .ok_or(CommandError::new(text))
        };
        let count = positive(arguments[numkeys], "ERR numkeys should be greater than 0")?;
        let rest = &arguments[numkeys + 1..];
        let keys = usize::try_from(count)
            .ok()
            .and_then(|count| rest.get(..count))
            .ok_or(errors::SYNTAX)?;
        let mut options = Arguments::from(rest, keys.len());
        let side = side(options.required()?)?;
        let mut count = None;
        while options.peek().is_some() {
            if count.is_some() || !options.take_token("COUNT") {
                return Err(errors::SYNTAX);
            }
            let text = "ERR count should be greater than 0";
            count = Some(positive(options.required()?, text)? as usize);
        }
        Ok(Self {
            keys,
            side,
            count: count.unwrap_or(1),
        })
    }
}

fn lmpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let Options { keys, side, count } = Options::parse(arguments, 1)?;
    match first_with::<List>(txn, keys)? {
        Some(key) => take::many_with_key(txn, key, side, count, reply),
        None => {
            reply.null_array();
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn pops_from_the_first_list_that_there_is() {
        check(
            r#"
            > RPUSH b 1 2 3 => (integer) 3
            > RPUSH c x => (integer) 1
            > LMPOP 3 a b c LEFT
            1) "b"
            2) 1) "1"
            > :changes => 1
            > :sent => LPOP b 1
            > :events => l lpop b
            > LMPOP 3 a b c right count 10
            1) "b"
            2) 1) "3"
               2) "2"
            > :sent => RPOP b 2
            > :events
            l rpop b
            g del b
            > LMPOP 2 a b LEFT COUNT 1 => (nil)
            > :changes => 0
            > SET s 1 => OK
            > LMPOP 2 s c LEFT => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > LMPOP 2 c s LEFT
            1) "c"
            2) 1) "x"
            > :resp 3
            > LMPOP 1 c LEFT => (nil)
            "#,
        );
    }

    #[test]
    fn lmpop_refuses() {
        check(
            r#"
            > LMPOP 0 a LEFT => (error) ERR numkeys should be greater than 0
            > LMPOP -1 a LEFT => (error) ERR numkeys should be greater than 0
            > LMPOP x a LEFT => (error) ERR numkeys should be greater than 0
            > LMPOP 2 a LEFT => (error) ERR syntax error
            > LMPOP 3 a LEFT => (error) ERR syntax error
            > LMPOP 9223372036854775807 a LEFT => (error) ERR syntax error
            > LMPOP 1 a UP => (error) ERR syntax error
            > LMPOP 1 a LEFT 2 => (error) ERR syntax error
            > LMPOP 1 a LEFT COUNT => (error) ERR syntax error
            > LMPOP 1 a LEFT COUNT 0 => (error) ERR count should be greater than 0
            > LMPOP 1 a LEFT COUNT x => (error) ERR count should be greater than 0
            > LMPOP 1 a LEFT COUNT 1 COUNT 2 => (error) ERR syntax error
            "#,
        );
    }
}
