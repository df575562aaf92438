//! Databases as arguments.

use perilune_command::{CommandError, errors, integer_between};
use perilune_keyspace::ReadTxn;

/// The database that an argument names.
pub fn database(argument: &[u8], txn: &ReadTxn<'_, '_>) -> Result<usize, CommandError> {
    let number = integer_between(argument, i64::from(i32::MIN), i64::from(i32::MAX))?;
    usize::try_from(number)
        .ok()
        .filter(|number| *number < txn.database_count())
        .ok_or(errors::DATABASE_OUT_OF_RANGE)
}
