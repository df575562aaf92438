//! `ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]` removes the members with the lowest or highest scores, one or up
//! to `count`, from the first of the keys that holds a sorted set, and answers that key and them; null if there is none.
//!
//! ```text
//! > ZADD later 1 b
//! (integer) 1
//! > ZMPOP 2 now later MIN COUNT 10
//! 1) "later"
//! 2) 1) 1) "b"
//!       2) "1"
//! ```

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, is_token,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;
use perilune_value::{SortedSet, parse_i64};

use super::pop::{End, pop_with_key};
use crate::waiting::first_with;

/// ZMPOP.
pub const ZMPOP: Command = Command::new(
    Spec {
        name: "zmpop",
        summary: "Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped.",
        group: Group::SortedSet,
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
        arity: -4,
        keys: &[KeySpec::counted(
            1,
            KeyFlags::RW.with(KeyFlags::ACCESS).with(KeyFlags::DELETE),
        )],
        arguments: &[
            Arg::integer("numkeys"),
            Arg::key("key", 0).multiple(),
            Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            Arg::integer("count").after("COUNT").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Write(zmpop),
);

/// What ZMPOP and BZMPOP are to do.
#[derive(Debug)]
pub struct Options<'a> {
    /// The keys, of which the first one with a sorted set is meant.
    pub keys: &'a [&'a [u8]],
    /// From which end.
    pub end: End,
    /// How many elements at most; not 0.
    pub count: usize,
}

impl<'a> Options<'a> {
    /// Reads the arguments from the number of keys on, which is argument number `first`.
    pub fn parse(arguments: &'a [&'a [u8]], first: usize) -> Result<Self, CommandError> {
        let numkeys = positive(arguments[first], "ERR numkeys should be greater than 0")?;
        let behind = &arguments[first + 1..];
        if numkeys >= behind.len() {
            return Err(errors::SYNTAX);
        }
        let (keys, options) = behind.split_at(numkeys);
        let mut words = Arguments::from(options, 0);
        let end = End::parse(words.required()?)?;
        let mut count = None;
        while let Some(word) = words.next() {
            if count.is_some() || !is_token(word, "COUNT") {
                return Err(errors::SYNTAX);
            }
            let text = "ERR count should be greater than 0";
            count = Some(positive(words.required()?, text)?);
        }
        Ok(Self {
            keys,
            end,
            count: count.unwrap_or(1),
        })
    }
}

/// A number above 0; `text` says what is wrong with any other argument.
fn positive(argument: &[u8], text: &'static str) -> Result<usize, CommandError> {
    parse_i64(argument)
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or(CommandError::new(text))
}

fn zmpop(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let Options { keys, end, count } = Options::parse(arguments, 1)?;
    match first_with::<SortedSet>(txn, keys)? {
        Some(key) => pop_with_key(txn, key, end, count, reply)?,
        None => reply.null_array(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn the_first_key_that_is_there() {
        check(
            r#"
            > ZMPOP 2 y z MIN => (nil)
            > ZADD z 1 a 2 b 3 c => (integer) 3
            > ZMPOP 2 y z MAX
            1) "z"
            2) 1) 1) "c"
                  2) "3"
            > :sent => ZPOPMAX z 1
            > :events => z zpopmax z
            > ZADD y 1 a => (integer) 1
            > :resp 3
            > ZMPOP 2 z y MIN COUNT 9
            1) "z"
            2) 1) 1) "a"
                  2) (double) 1
               2) 1) "b"
                  2) (double) 2
            > :changes => 2
            > :sent => ZPOPMIN z 2
            > :events
            z zpopmin z
            g del z
            > SET s v => OK
            > ZMPOP 2 s y MIN => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            > ZMPOP 3 x y s MIN
            1) "y"
            2) 1) 1) "a"
                  2) (double) 1
            "#,
        );
    }

    #[test]
    fn errors() {
        check(
            r#"
            > ZMPOP 0 z MIN => (error) ERR numkeys should be greater than 0
            > ZMPOP x z MIN => (error) ERR numkeys should be greater than 0
            > ZMPOP 2 z MIN => (error) ERR syntax error
            > ZMPOP 1 z min x => (error) ERR syntax error
            > ZMPOP 1 z middle => (error) ERR syntax error
            > ZMPOP 1 z MIN COUNT => (error) ERR syntax error
            > ZMPOP 1 z MIN COUNT 0 => (error) ERR count should be greater than 0
            > ZMPOP 1 z MIN COUNT 1 COUNT 1 => (error) ERR syntax error
            > ZMPOP 9223372036854775807 z MIN => (error) ERR syntax error
            "#,
        );
    }
}
