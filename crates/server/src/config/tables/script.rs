//! Settings of scripts and transactions.

use super::super::cell::{Choice, Count, Switch};
use super::super::choices::{Atomicity, Choose, ScriptBusyScope};
use super::super::row::{choice, memory, number, section, switch};
use super::{LONG_MAX, MIB};

section! {
    /// Scripts and transactions.
    script: Script {
        /// Milliseconds after which a script counts as busy: who waits for it is told, and it may be killed.
        busy_reply_threshold: Count = number("busy-reply-threshold", "5000", 0, LONG_MAX).alias("lua-time-limit");
        /// Whom a busy script keeps waiting: those who need its keys, or everybody as in Redis.
        script_busy_scope: Choice<ScriptBusyScope> =
            choice("script-busy-scope", "keys", ScriptBusyScope::VALUES);
        /// What becomes of what a script has written when it fails: it stays (`redis`), or is taken back (`all-or-nothing`).
        script_atomicity: Choice<Atomicity> =
            choice("script-atomicity", "redis", Atomicity::VALUES);
        /// The same for EXEC, which in `all-or-nothing` ends with the first command that fails.
        transaction_atomicity: Choice<Atomicity> =
            choice("transaction-atomicity", "redis", Atomicity::VALUES);
        /// Milliseconds that a script may run before it is stopped and taken back; 0 is no limit.
        script_time_limit: Count = number("script-time-limit", "0", 0, LONG_MAX);
        /// Spare scripts that have written from SCRIPT KILL and FUNCTION KILL, as Redis does.
        script_unkillable_after_writes: Switch = switch("script-unkillable-after-writes", "no");
        /// How much memory a script may use on top of what its interpreter holds; 0 is no limit.
        script_memory_limit: Count = memory("script-memory-limit", "256mb", 0, LONG_MAX);
        /// How much a transaction may record in order to be undone.
        transaction_undo_limit: Count = memory("transaction-undo-limit", "256mb", MIB, LONG_MAX);
        /// Let scripts use functions of Lua that can break out of the sandbox.
        lua_enable_insecure_api: Switch =
            switch("lua-enable-insecure-api", "no").alias("lua-enable-deprecated-api").hidden().protected();
    }
}
