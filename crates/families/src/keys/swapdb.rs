//! `SWAPDB index1 index2` lets two databases change places, for all clients at once: who has selected one sees
//! the keys of the other from then on.
//!
//! ```text
//! > SET a 1
//! OK
//! > SWAPDB 0 1
//! OK
//! > EXISTS a
//! (integer) 0
//! ```

use perilune_command::{
    Arg, Category, Command, CommandError, DataHandler, Flags, Group, Outcome, PlanKind, Spec,
    errors, integer,
};
use perilune_keyspace::WriteTxn;
use perilune_resp::Reply;

/// SWAPDB.
pub const SWAPDB: Command = Command::new(
    Spec {
        name: "swapdb",
        summary: "Swaps two databases.",
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
        arity: 3,
        flags: Flags::FAST,
        categories: Category::KEYSPACE.with(Category::DANGEROUS),
        arguments: &[Arg::integer("index1"), Arg::integer("index2")],
        plan: PlanKind::AllStripes,
        ..Spec::DEFAULT
    },
    DataHandler::Write(swapdb),
);

fn swapdb(txn: &mut WriteTxn<'_, '_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    let first = number(arguments[1], "ERR invalid first DB index")?;
    let second = number(arguments[2], "ERR invalid second DB index")?;
    let count = txn.database_count();
    let database = |number: i32| {
        usize::try_from(number)
            .ok()
            .filter(|number| *number < count)
    };
    let (Some(first), Some(second)) = (database(first), database(second)) else {
        return Err(errors::DATABASE_OUT_OF_RANGE.into());
    };
    txn.swap(first, second)?;
    reply.ok();
    Ok(())
}

fn number(argument: &[u8], otherwise: &'static str) -> Result<i32, CommandError> {
    let error = || CommandError::new(otherwise);
    integer(argument)
        .ok()
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn databases_change_places() {
        check(
            r#"
            > SET a 1 => OK
            > SWAPDB 0 7 => OK
            > :changes => 1
            > :sent => SWAPDB 0 7
            > DBSIZE => (integer) 0
            > :select 7
            > GET a => "1"
            > SWAPDB 3 3 => OK
            > :changes => 1
            "#,
        );
    }

    #[test]
    fn numbers_are_wrong_before_ranges() {
        check(
            "
            > SWAPDB x x => (error) ERR invalid first DB index
            > SWAPDB 99999999999 0 => (error) ERR invalid first DB index
            > SWAPDB 99 x => (error) ERR invalid second DB index
            > SWAPDB 0 16 => (error) ERR DB index is out of range
            > SWAPDB -1 0 => (error) ERR DB index is out of range
            ",
        );
    }
}
