//! `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]` walks over the keys of the database in steps.
//!
//! The first call has the cursor 0; each answer holds the cursor of the next call and some keys; the walk has
//! ended when the cursor is 0 again. A key that is there during the whole walk is shown at least once. COUNT says
//! about how many keys a call looks at; what MATCH and TYPE select among them is what it answers, which may be nothing.
//!
//! ```text
//! > SET hello 1
//! OK
//! > SCAN 0 MATCH h* COUNT 100
//! 1) "0"
//! 2) 1) "hello"
//! ```

use perilune_command::{
    Arg, Arguments, Category, Command, CommandError, DataHandler, Group, Outcome, PlanKind, Spec,
    cursor, errors, integer, is_token,
};
use perilune_keyspace::{Found, ReadTxn};
use perilune_resp::Reply;
use perilune_value::Glob;

use crate::scanning::misplaced;

/// SCAN.
pub const SCAN: Command = Command::new(
    Spec {
        name: "scan",
        summary: "Iterates over the key names in the database.",
        group: Group::Generic,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        arity: -2,
        categories: Category::KEYSPACE,
        arguments: &[
            Arg::integer("cursor"),
            Arg::pattern("pattern").after("MATCH").optional(),
            Arg::integer("count").after("COUNT").optional(),
            Arg::string("type").after("TYPE").since("6.0.0").optional(),
        ],
        tips: &[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ],
        history: &[("6.0.0", "Added the `TYPE` subcommand.")],
        plan: PlanKind::Walk,
        ..Spec::DEFAULT
    },
    DataHandler::Read(scan),
);

/// How many keys a call looks at where it does not say.
const COUNT_DEFAULT: usize = 10;

/// The names of the types, as TYPE answers them.
const TYPE_NAMES: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

struct Options<'a> {
    pattern: Option<Glob<'a>>,
    count: usize,
    type_name: Option<&'static str>,
}

impl<'a> Options<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Self, CommandError> {
        let mut options = Self {
            pattern: None,
            count: COUNT_DEFAULT,
            type_name: None,
        };
        while let Some(option) = arguments.next() {
            let Some(value) = arguments.next() else {
                return Err(misplaced(option));
            };
            match () {
                () if is_token(option, "COUNT") => options.count = count(value)?,
                () if is_token(option, "MATCH") => options.pattern = Some(Glob::new(value)),
                () if is_token(option, "TYPE") => options.type_name = Some(type_name(value)?),
                () => return Err(misplaced(option)),
            }
        }
        Ok(options)
    }
}

fn count(argument: &[u8]) -> Result<usize, CommandError> {
    match integer(argument)? {
        ..1 => Err(errors::SYNTAX),
        count => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
    }
}

fn type_name(argument: &[u8]) -> Result<&'static str, CommandError> {
    TYPE_NAMES
        .into_iter()
        .find(|name| is_token(argument, name))
        .ok_or_else(|| CommandError::quoting(&[b"ERR unknown type name '", argument, b"'"]))
}

fn scan(txn: &mut ReadTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let cursor = cursor(arguments[1])?;
    let options = Options::parse(Arguments::from(arguments, 2))?;
    let mut selected: Vec<Vec<u8>> = Vec::new();
    // what is not selected is not met either: if it has expired, it stays
    let selects = |found: Found<'_>| {
        options
            .type_name
            .is_none_or(|name| name == found.type_name())
            && options
                .pattern
                .is_none_or(|pattern| pattern.selects(found.key()))
    };
    let next = txn.scan(cursor, options.count, &selects, &mut |found| {
        selected.push(found.key().to_vec());
    })?;
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply.array(selected.len());
    for key in &selected {
        reply.bulk(key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn a_call_shows_what_is_selected() {
        check(
            r#"
            > MSET hello 1 world 2 => OK
            > SCAN 0 MATCH h*
            1) "0"
            2) 1) "hello"
            > SCAN 0 TYPE STRING MATCH w* COUNT 9223372036854775807
            1) "0"
            2) 1) "world"
            > SCAN 0 TYPE list
            1) "0"
            2) (empty array)
            > :select 1
            > SCAN 0
            1) "0"
            2) (empty array)
            "#,
        );
    }

    #[test]
    fn what_has_expired_is_removed_only_where_it_is_selected() {
        check(
            r#"
            > SET foo bar PX 1 => OK
            > RPUSH list a => (integer) 1
            > PEXPIRE list 1 => (integer) 1
            > :wait 2
            > SCAN 0 TYPE hash
            1) "0"
            2) (empty array)
            > SCAN 0 MATCH x*
            1) "0"
            2) (empty array)
            > DBSIZE => (integer) 2
            > SCAN 0 TYPE string
            1) "0"
            2) (empty array)
            > DBSIZE => (integer) 1
            > SCAN 0
            1) "0"
            2) (empty array)
            > DBSIZE => (integer) 0
            "#,
        );
    }

    #[test]
    fn the_cursor_is_wrong_before_the_options_and_they_from_left_to_right() {
        check(
            "
            > SCAN x COUNT => (error) ERR invalid cursor
            > SCAN -1 => (error) ERR invalid cursor
            > SCAN 18446744073709551616 => (error) ERR invalid cursor
            > SCAN 0 COUNT 0 TYPE x => (error) ERR syntax error
            > SCAN 0 COUNT x => (error) ERR value is not an integer or out of range
            > SCAN 0 TYPE x COUNT 0 => (error) ERR unknown type name 'x'
            > SCAN 0 TYPE foo MATCH => (error) ERR unknown type name 'foo'
            > SCAN 0 MATCH => (error) ERR syntax error
            > SCAN 0 FOO bar => (error) ERR syntax error
            > SCAN 0 NOVALUES => (error) ERR NOVALUES option can only be used in HSCAN
            > SCAN 0 COUNT 1 NOSCORES => (error) ERR NOSCORES option can only be used in ZSCAN
            ",
        );
    }
}
