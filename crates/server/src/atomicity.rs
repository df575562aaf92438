//! All or nothing: who asks for it, and what a script or an EXEC that failed leaves behind, which is nothing.
//!
//! | asked for by | holds for |
//! |---|---|
//! | `script-atomicity`, `transaction-atomicity` | everybody |
//! | CLIENT ATOMICITY | a connection, in the place of the settings |
//! | MULTI ATOMIC | a transaction |
//! | the flag `atomic` | a script or a function |
//! | an EXEC that is all or nothing | the scripts in it |
//!
//! The way back is the transaction's undo log; what is here is what the server keeps beside it. What cannot be undone
//! ([`Spec::cannot_be_undone`](perilune_command::Spec)) is refused before it is done. A command that fails has changed nothing, so
//! this is about what was done before it.

use std::borrow::Cow;
use std::time::Duration;

use perilune_command::{CommandError, Outcome, Stop};
use perilune_keyspace::{Savepoint, Txn};
use perilune_script::ScriptFlags;

use crate::call::{DeferredMark, TableEntry, Thread};
use crate::config::Atomicity;
use crate::server::Server;
use crate::session::Session;

/// More has been changed than can be kept in order to be undone.
pub const UNDO_LIMIT: CommandError = CommandError::new(
    "ERR Rolled back, because it changes more than transaction-undo-limit can hold",
);

/// A script is to be all or nothing, in an EXEC that is not, and that has outgrown the limit.
pub const TOO_LATE: CommandError = CommandError::new(
    "ERR This script must be all or nothing, and the transaction around it has outgrown transaction-undo-limit",
);

/// What a connection wants for itself: CLIENT ATOMICITY. None: what the settings say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// For its scripts.
    pub scripts: Option<Atomicity>,
    /// For its transactions.
    pub transactions: Option<Atomicity>,
}

/// The error for what cannot be undone.
#[cold]
pub fn cannot_be_undone(entry: &TableEntry) -> CommandError {
    CommandError::from_text(format!(
        "ERR '{}' cannot be undone, so it is not allowed where all or nothing is to happen",
        entry.full_name
    ))
}

/// Why a command in an EXEC that is all or nothing ends it: the text of its error.
pub fn failure<'a>(txn: &Txn<'_>, outcome: &'a Outcome, answer: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if txn.record_is_full() {
        return Some(Cow::Owned(UNDO_LIMIT.message().to_vec()));
    }
    match outcome {
        Ok(()) => {
            let text = answer.strip_prefix(b"-")?;
            Some(Cow::Borrowed(text.strip_suffix(b"\r\n").unwrap_or(text)))
        }
        Err(Stop::Error(error)) => Some(Cow::Borrowed(error.message())),
        Err(Stop::Abort) => None,
    }
}

/// What EXEC answers when it was taken back because of a command.
pub fn exec_rolled_back(entry: &TableEntry, failure: &[u8]) -> CommandError {
    let name = entry.full_name.as_bytes();
    CommandError::from_text(
        [
            b"EXECABORT Transaction rolled back: '",
            name,
            b"' failed: ",
            failure,
        ]
        .concat(),
    )
}

impl Server {
    /// Whether the scripts of a connection are all or nothing, where they do not say so themselves.
    #[inline]
    pub fn scripts_are_atomic(&self, session: &Session) -> bool {
        let mode = match session.atomicity.scripts {
            Some(mode) => mode,
            None => self.settings.script.script_atomicity.get(),
        };
        mode == Atomicity::AllOrNothing
    }

    /// Whether the transactions of a connection are all or nothing, where MULTI does not say so itself.
    pub fn transactions_are_atomic(&self, session: &Session) -> bool {
        let wish = session.atomicity.transactions;
        wish.unwrap_or_else(|| self.settings.script.transaction_atomicity.get())
            == Atomicity::AllOrNothing
    }

    /// How long a script that declares this may run: what the setting says, or what it says itself if that is less.
    #[inline]
    pub fn script_time_limit(&self, flags: Option<ScriptFlags>) -> Option<Duration> {
        let own = flags.map_or(0, |flags| u64::from(flags.time_limit_ms));
        let limit = self.settings.script.script_time_limit.get();
        let milliseconds = match (own, limit) {
            (0, 0) => return None,
            (0, only) | (only, 0) => only,
            (own, limit) => own.min(limit),
        };
        Some(Duration::from_millis(milliseconds))
    }

    /// Takes back what has been done since a savepoint, where there is a record of it; whether there was. What it has called is not
    /// counted then; its errors are, and what it logs is heard.
    #[cold]
    pub fn take_back(
        &self,
        txn: &mut Txn<'_>,
        thread: &Thread,
        since: Option<Savepoint>,
        counted: DeferredMark,
    ) -> bool {
        let taken_back = since.is_some_and(|savepoint| txn.roll_back_to(savepoint));
        if taken_back {
            thread.forget_calls(counted);
            self.stats.count_rollback();
        }
        taken_back
    }
}
