//! The one opening in the wall: how a script reaches the server, and nothing else of it.

use perilune_resp::Reply;

use crate::number;

/// What a script can ask of the server that runs it.
///
/// All calls come from the thread that called [`Vm::eval`](crate::Vm::eval), between its start and its return.
/// After a method has returned [`Abort`] the port is not called again in that run.
///
/// A panic inside a method does not cross the script: it ends it, and goes on unwinding from `eval`.
pub trait Port {
    /// Runs a command for `redis.call` or `redis.pcall`: `args[0]` is its name, and there is at least one.
    ///
    /// Its answer, or its error, is written to `reply`: exactly one value, which becomes a Lua value at once.
    /// `reply.protocol()` says which shapes the script asked for (`redis.setresp`).
    ///
    /// # Errors
    /// `Abort` when the transaction cannot go on. The script is unwound and can neither catch nor delay that.
    fn call(&mut self, args: &[&[u8]], reply: &mut dyn Reply) -> Result<(), Abort>;

    /// A line for the server's log (`redis.log`). Levels that the server does not log are its to drop.
    fn log(&mut self, level: LogLevel, message: &[u8]);

    /// Whether the user of the script may run this command (`redis.acl_check_cmd`); `None` if there is no
    /// such command.
    fn may_call(&mut self, args: &[&[u8]]) -> Option<bool>;

    /// Where the effects of the following commands go (`redis.set_repl`).
    fn set_propagation(&mut self, propagation: Propagation);

    /// Whether what the script has done so far can be taken back (`redis.rollback`).
    fn can_roll_back(&self) -> bool;
}

/// The transaction around the script cannot go on. Why is known to the port, which said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort;

/// The levels of `redis.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `redis.LOG_DEBUG`.
    Debug,
    /// `redis.LOG_VERBOSE`.
    Verbose,
    /// `redis.LOG_NOTICE`.
    Notice,
    /// `redis.LOG_WARNING`.
    Warning,
}

impl LogLevel {
    /// The level with this number in Lua.
    pub(crate) fn from_number(number: f64) -> Option<Self> {
        match number::as_c_int(number) {
            0 => Some(Self::Debug),
            1 => Some(Self::Verbose),
            2 => Some(Self::Notice),
            3 => Some(Self::Warning),
            _ => None,
        }
    }
}

/// The destinations of `redis.set_repl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Propagation {
    /// To the append-only file.
    pub aof: bool,
    /// To the replicas.
    pub replicas: bool,
}

impl Default for Propagation {
    /// To both, as every script begins.
    fn default() -> Self {
        Self {
            aof: true,
            replicas: true,
        }
    }
}
