//! `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]` answers the index of an element: of the first one that
//! is `element`, of the one with this rank (from the tail where negative), with `COUNT` of so many (of all where 0) as
//! an array. No more than `MAXLEN` elements are looked at.
//!
//! ```text
//! > RPUSH l a b c a b
//! (integer) 5
//! > LPOS l b
//! (integer) 1
//! > LPOS l b RANK -1
//! (integer) 4
//! > LPOS l a COUNT 0
//! 1) (integer) 0
//! 2) (integer) 3
//! > LPOS l c MAXLEN 2
//! (nil)
//! ```

use std::ops::ControlFlow;

use perilune_command::{
    Arg, Arguments, Command, CommandError, DataHandler, Group, KeyFlags, KeySpec, Outcome, Spec,
    errors, integer_between, is_token,
};
use perilune_keyspace::ReadTxn;
use perilune_resp::Reply;
use perilune_value::{Collection, Item, List, Side};

use super::non_negative;

/// LPOS.
pub const LPOS: Command = Command::new(
    Spec {
        name: "lpos",
        summary: "Returns the index of matching elements in a list.",
        group: Group::List,
        since: "6.0.6",
        complexity: "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
        arity: -3,
        keys: &[KeySpec::one(1, KeyFlags::RO.with(KeyFlags::ACCESS))],
        arguments: &[
            Arg::key("key", 0),
            Arg::string("element"),
            Arg::integer("rank").after("RANK").optional(),
            Arg::integer("num-matches").after("COUNT").optional(),
            Arg::integer("len").after("MAXLEN").optional(),
        ],
        ..Spec::DEFAULT
    },
    DataHandler::Read(lpos),
);

/// What to look for.
struct Options {
    /// Matches that are passed over.
    skip: u64,
    /// Where the search begins.
    from: Side,
    /// How many indexes are answered, as an array.
    count: Option<usize>,
    /// How many elements are looked at.
    len_max: usize,
}

impl Options {
    fn parse(arguments: &[&[u8]]) -> Result<Self, CommandError> {
        let mut options = Self {
            skip: 0,
            from: Side::Left,
            count: None,
            len_max: usize::MAX,
        };
        // 0 stands for all there are
        let or_all = |limit| match limit {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let mut words = Arguments::from(arguments, 3);
        while let Some(word) = words.next() {
            let value = words.required()?;
            if is_token(word, "RANK") {
                let rank = integer_between(value, -i64::MAX, i64::MAX)?;
                if rank == 0 {
                    return Err(CommandError::new(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                         negative to start from the end of the list",
                    ));
                }
                options.skip = rank.unsigned_abs() - 1;
                options.from = if rank < 0 { Side::Right } else { Side::Left };
            } else if is_token(word, "COUNT") {
                let count = non_negative(value, "ERR COUNT can't be negative")?;
                options.count = Some(or_all(count));
            } else if is_token(word, "MAXLEN") {
                let len_max = non_negative(value, "ERR MAXLEN can't be negative")?;
                options.len_max = or_all(len_max);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }

    /// The indexes of what is looked for, in the order in which it is found.
    fn search(&self, list: &List, element: &[u8]) -> Vec<usize> {
        let needle = Item::of(element);
        let count_max = self.count.unwrap_or(1);
        let (mut found, mut to_skip, mut looked_at) = (Vec::new(), self.skip, 0);
        let last = list.len().saturating_sub(1);
        let first = match self.from {
            Side::Left => 0,
            Side::Right => last,
        };
        let _: ControlFlow<()> = list.walk(first, self.from.other(), |other| {
            if looked_at == self.len_max {
                return ControlFlow::Break(());
            }
            if other.is(needle) {
                if to_skip > 0 {
                    to_skip -= 1;
                } else {
                    found.push(first.abs_diff(looked_at));
                    if found.len() == count_max {
                        return ControlFlow::Break(());
                    }
                }
            }
            looked_at += 1;
            ControlFlow::Continue(())
        });
        found
    }
}

fn lpos(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let options = Options::parse(arguments)?;
    let found = match txn.find(arguments[1])? {
        Some(found) => options.search(found.collection::<List>()?, arguments[2]),
        None => Vec::new(),
    };
    if options.count.is_some() {
        reply.array(found.len());
        found.iter().for_each(|index| reply.integer(*index as i64));
    } else {
        match found.first() {
            Some(index) => reply.integer(*index as i64),
            None => reply.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn finds_elements() {
        check(
            r#"
            > RPUSH l a 1 c 1 2 1 => (integer) 6
            > LPOS l 1 => (integer) 1
            > LPOS l 1 RANK 2 => (integer) 3
            > LPOS l 1 RANK 4 => (nil)
            > LPOS l 1 RANK -3 => (integer) 1
            > LPOS l 1 COUNT 2
            1) (integer) 1
            2) (integer) 3
            > LPOS l 1 COUNT 0 RANK -2
            1) (integer) 3
            2) (integer) 1
            > LPOS l 1 COUNT 9 RANK 9223372036854775807 => (empty array)
            > LPOS l 1 MAXLEN 1 => (nil)
            > LPOS l 1 COUNT 0 MAXLEN 4 RANK 1
            1) (integer) 1
            2) (integer) 3
            > LPOS l 1 RANK -1 MAXLEN 1 => (integer) 5
            > LPOS l x => (nil)
            > LPOS l x COUNT 1 => (empty array)
            > LPOS none x => (nil)
            > LPOS none x COUNT 1 => (empty array)
            > LPOS l 1 rank 2 rank 1 => (integer) 1
            "#,
        );
    }

    #[test]
    fn lpos_refuses() {
        check(
            r#"
            > LPOS l x RANK 0 => (error) ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
            > LPOS l x RANK y => (error) ERR value is not an integer or out of range
            > LPOS l x RANK -9223372036854775808 => (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
            > LPOS l x COUNT -1 => (error) ERR COUNT can't be negative
            > LPOS l x COUNT y => (error) ERR COUNT can't be negative
            > LPOS l x MAXLEN -1 => (error) ERR MAXLEN can't be negative
            > LPOS l x RANK => (error) ERR syntax error
            > LPOS l x UP 1 => (error) ERR syntax error
            > SET s 1 => OK
            > LPOS s x UP => (error) ERR syntax error
            > LPOS s x => (error) WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
