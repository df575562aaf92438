//! Scripts as the server keeps and runs them. What a script is and how it runs is `perilune_script`'s business.
//!
//! All scripts are known by name in one place ([`Scripts`]); each thread remembers those it has met
//! ([`ScriptMemory`]), so that EVALSHA takes no lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use perilune_command::{CommandError, Flags, Outcome, Stop, accepts, integer, is_token};
use perilune_keyspace::Txn;
use perilune_resp::Reply;
use perilune_script::{
    Abort, Api, Function, KillReason, LogLevel, Port, Propagation, Script, ScriptFlags, ScriptStop,
    Vm,
};

use crate::atomicity::{TOO_LATE, UNDO_LIMIT, cannot_be_undone};
use crate::call::{Call, DeferredMark, Origin, Plain, TableEntry, Thread};
use crate::config::ScriptBusyScope;
use crate::functions::FunctionMemory;
use crate::running::{Killed, Spares, Target};
use crate::server::{BUSY_FUNCTION, BUSY_SCRIPT, Server};
use crate::session::Session;
use crate::stats::ProgramTotals;
use crate::table::Handler;

/// Scripts that came by EVAL and are remembered: beyond that the one used longest ago is forgotten, as in Redis.
pub const EVAL_SCRIPTS_MAX: usize = 500;

const READ_ONLY: CommandError =
    CommandError::new("ERR Write commands are not allowed from read-only scripts.");
const UNKNOWN: CommandError = CommandError::new("ERR Unknown command called from script");
const WRONG_ARITY: CommandError =
    CommandError::new("ERR Wrong number of args calling command from script");
/// The error for a command that no script may call.
pub const NOT_ALLOWED: CommandError =
    CommandError::new("ERR This Redis command is not allowed from script");
const NO_SCRIPT: CommandError = CommandError::new("NOSCRIPT No matching script.");
const OUT_OF_MEMORY_INSIDE: CommandError = CommandError::new(
    "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
);
const WRITES_IN_RO: CommandError =
    CommandError::new("ERR Can not execute a script with write flag using *_ro command.");

struct Known {
    script: Arc<Script>,
    /// Came by SCRIPT LOAD: never forgotten.
    loaded: bool,
    /// When it was last used, in uses.
    used: u64,
}

#[derive(Default)]
struct Table {
    by_name: HashMap<[u8; 40], Known>,
    from_eval: usize,
    uses: u64,
}

/// All scripts of the server.
#[derive(Default)]
pub struct Scripts {
    table: Mutex<Table>,
    /// Counts evictions and flushes: what a thread remembers from before is looked up anew. So a script in use is also seen
    /// to be used, and stays.
    generation: AtomicU64,
    /// Counts SCRIPT FLUSH: what a thread has compiled from before is dropped.
    flushes: AtomicU64,
    evicted: AtomicU64,
}

impl Scripts {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Keeps a script.
    pub fn add(&self, script: Arc<Script>, loaded: bool) {
        let mut table = self.table();
        table.uses += 1;
        let used = table.uses;
        if let Some(known) = table.by_name.get_mut(script.sha1()) {
            known.used = used;
            if loaded && !known.loaded {
                known.loaded = true;
                table.from_eval -= 1;
            }
            return;
        }
        if !loaded {
            table.from_eval += 1;
            if table.from_eval > EVAL_SCRIPTS_MAX {
                self.evict(&mut table);
            }
        }
        table.by_name.insert(
            *script.sha1(),
            Known {
                script,
                loaded,
                used,
            },
        );
    }

    fn evict(&self, table: &mut Table) {
        let oldest = table
            .by_name
            .values()
            .filter(|known| !known.loaded)
            .min_by_key(|known| known.used);
        if let Some(name) = oldest.map(|known| *known.script.sha1()) {
            table.by_name.remove(&name);
            table.from_eval -= 1;
            self.evicted.fetch_add(1, Ordering::Relaxed);
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The script of this name, in any case.
    pub fn get(&self, name: &[u8]) -> Option<Arc<Script>> {
        let name = lower_name(name)?;
        let mut table = self.table();
        table.uses += 1;
        let used = table.uses;
        let known = table.by_name.get_mut(&name)?;
        known.used = used;
        Some(known.script.clone())
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        *self.table() = Table::default();
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table().by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// CONFIG RESETSTAT.
    pub fn reset_evicted(&self) {
        self.evicted.store(0, Ordering::Relaxed);
    }

    /// Scripts forgotten to make room.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Memory of their texts.
    pub fn memory_bytes(&self) -> usize {
        self.table()
            .by_name
            .values()
            .map(|known| known.script.source().len() + size_of::<Known>() + 40)
            .sum()
    }
}

/// A thread's virtual machine, made when its first script comes: most threads that stand by never see one.
#[derive(Default)]
pub struct LazyVm {
    vm: Option<Vm>,
    /// What the machine lets scripts call.
    api: Api,
}

impl LazyVm {
    /// The machine of this thread. Where `lua-enable-insecure-api` has changed it is a new one.
    #[inline]
    pub fn get(&mut self, server: &Server, thread: &Thread) -> &mut Vm {
        let insecure = server.settings.script.lua_enable_insecure_api.get();
        let api = if insecure { Api::Insecure } else { Api::Sealed };
        if self.api != api {
            *self = Self { vm: None, api };
        }
        self.vm.get_or_insert_with(|| {
            let vm = Vm::with_api(perilune_script::Limits::default(), api);
            thread.slot.set_interrupt(vm.interrupt());
            vm
        })
    }

    /// The machine, if there is one.
    pub fn made(&mut self) -> Option<&mut Vm> {
        self.vm.as_mut()
    }

    /// Memory that it holds.
    pub fn memory_used_bytes(&self) -> usize {
        self.vm.as_ref().map_or(0, Vm::memory_used_bytes)
    }

    /// Frees what its scripts have left behind, if that is worth it.
    #[inline]
    pub fn maybe_collect(&mut self) {
        if let Some(vm) = &mut self.vm {
            vm.maybe_collect();
        }
    }

    /// Frees more than a little of it: for idle moments, and before memory is shown. What it holds then.
    pub fn tidy(&mut self) -> usize {
        if let Some(vm) = &mut self.vm {
            vm.tidy();
        }
        self.memory_used_bytes()
    }

    fn forget_scripts(&mut self) {
        if let Some(vm) = &mut self.vm {
            vm.forget_scripts();
            vm.collect();
        }
    }
}

/// The scripts that a thread has met, and the functions that it knows.
pub struct ScriptMemory {
    /// The functions.
    pub functions: FunctionMemory,
    by_name: HashMap<[u8; 40], Arc<Script>, ahash::RandomState>,
    /// The one that was called last, by the name as it was written.
    last: Option<([u8; 40], Arc<Script>)>,
    generation: u64,
    flushes: u64,
}

impl Default for ScriptMemory {
    fn default() -> Self {
        Self {
            functions: FunctionMemory::default(),
            by_name: HashMap::with_hasher(ahash::RandomState::new()),
            last: None,
            generation: 0,
            flushes: 0,
        }
    }
}

/// What a thread remembers at most; beyond that it starts anew.
const REMEMBERED_MAX: usize = 4096;

impl ScriptMemory {
    /// Forgets everything if scripts were flushed or evicted since the last look, after a flush the machine's compiled ones too.
    #[inline]
    pub fn follow(&mut self, scripts: &Scripts, vm: &mut LazyVm) {
        let generation = scripts.generation.load(Ordering::Relaxed);
        if self.generation != generation || self.by_name.len() >= REMEMBERED_MAX {
            self.by_name.clear();
            self.last = None;
            self.generation = generation;
            let flushes = scripts.flushes.load(Ordering::Relaxed);
            if self.flushes != flushes {
                self.flushes = flushes;
                vm.forget_scripts();
            }
        }
    }

    /// The script of this name, in any case.
    #[inline]
    fn get(&mut self, scripts: &Scripts, name: &[u8]) -> Option<&Arc<Script>> {
        if self.last.as_ref().is_none_or(|(last, _)| last != name) {
            self.find(scripts, name)?;
        }
        self.last.as_ref().map(|(_, script)| script)
    }

    /// Makes the script of this name the last one.
    fn find(&mut self, scripts: &Scripts, name: &[u8]) -> Option<()> {
        let lower = lower_name(name)?;
        let script = match self.by_name.get(&lower) {
            Some(script) => script.clone(),
            None => {
                let script = scripts.get(&lower)?;
                self.by_name.insert(lower, script.clone());
                script
            }
        };
        self.last = Some((name.try_into().ok()?, script));
        Some(())
    }
}

fn lower_name(name: &[u8]) -> Option<[u8; 40]> {
    let mut lower: [u8; 40] = name.try_into().ok()?;
    lower.make_ascii_lowercase();
    Some(lower)
}

/// EVAL and EVAL_RO.
pub fn eval(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let keys = key_count(arguments)?;
    let script = Arc::new(Script::new(arguments[1]).map_err(CommandError::from_text)?);
    if let Some((vm, memory)) = &mut call.machine {
        memory.follow(&call.server.scripts, vm);
    }
    let scripts = &call.server.scripts;
    let known = scripts.get(script.sha1());
    let known = known.or_else(|| call.thread.new_script(script.sha1()));
    if known.is_none() {
        compile(call, &script)?;
        call.thread.add_script(script.clone(), false);
    }
    let machine = call.machine.take().map(|(vm, _)| vm);
    let program = match &known {
        Some(known) => Program::Script(known),
        None => Program::NewScript(&script),
    };
    run(call, machine, txn, program, keys, arguments, reply)
}

/// EVALSHA and EVALSHA_RO.
pub fn evalsha(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    // what cannot be a name is none, whatever stands behind it
    if arguments[1].len() != 40 {
        return Err(NO_SCRIPT.into());
    }
    let keys = key_count(arguments)?;
    let scripts = &call.server.scripts;
    match call.machine.take() {
        Some((vm, memory)) => {
            memory.follow(scripts, vm);
            if let Some(script) = memory.get(scripts, arguments[1]) {
                let program = Program::Script(script);
                return run(call, Some(vm), txn, program, keys, arguments, reply);
            }
            let script = call.thread.new_script(arguments[1]).ok_or(NO_SCRIPT)?;
            let program = Program::Script(&script);
            run(call, Some(vm), txn, program, keys, arguments, reply)
        }
        None => {
            let script = scripts.get(arguments[1]).ok_or(NO_SCRIPT)?;
            let program = Program::Script(&script);
            run(call, None, txn, program, keys, arguments, reply)
        }
    }
}

/// SCRIPT LOAD.
pub fn load(call: &mut Call<'_>, source: &[u8], reply: &mut dyn Reply) -> Outcome {
    let script = Arc::new(Script::new(source).map_err(CommandError::from_text)?);
    compile(call, &script)?;
    reply.bulk(script.sha1());
    match call.origin {
        Origin::Client => call.server.scripts.add(script, true),
        Origin::Exec | Origin::Script { .. } => call.thread.add_script(script, true),
    }
    Ok(())
}

fn compile(call: &mut Call<'_>, script: &Script) -> Result<(), CommandError> {
    let Some((vm, _)) = &mut call.machine else {
        return Ok(());
    };
    match vm.get(call.server, call.thread).compile(script) {
        Ok(()) => Ok(()),
        Err(stop) => Err(CommandError::from_text(stop_message(stop))),
    }
}

/// The error reply of a script that has not run to its end.
pub fn stop_message(stop: ScriptStop) -> Vec<u8> {
    match stop {
        ScriptStop::Aborted => b"ERR the script was aborted".to_vec(),
        ScriptStop::Killed { message, .. }
        | ScriptStop::OutOfMemory { message }
        | ScriptStop::RolledBack { message }
        | ScriptStop::Error { message, .. } => message,
    }
}

/// The number of keys, which is checked against what follows.
fn key_count(arguments: &[&[u8]]) -> Result<usize, CommandError> {
    check_key_count(integer(arguments[2])?, arguments)
}

/// The same, where it is known.
pub fn check_key_count(count: i64, arguments: &[&[u8]]) -> Result<usize, CommandError> {
    if count > arguments.len() as i64 - 3 {
        return Err(CommandError::new(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    usize::try_from(count).map_err(|_| CommandError::new("ERR Number of keys can't be negative"))
}

/// Where the only key of a call of a script is among its arguments, if it declares just one: nearly all calls.
#[inline]
pub fn only_script_key(entry: &TableEntry, arguments: &[&[u8]]) -> Option<usize> {
    const COUNT_AT: usize = 2;
    let is_one = matches!(entry.handler, Some(Handler::Script(_)))
        && arguments.len() > COUNT_AT + 1
        && arguments[COUNT_AT] == b"1";
    is_one.then_some(COUNT_AT + 1)
}

/// What a client calls: a script, or a function of a library.
#[derive(Clone, Copy)]
pub enum Program<'a> {
    /// EVAL, EVALSHA.
    Script(&'a Arc<Script>),
    /// EVAL of a script that nobody knows yet: it is kept if what it does is.
    NewScript(&'a Arc<Script>),
    /// FCALL.
    Function(&'a Arc<Function>),
}

impl Program<'_> {
    /// What it declares about itself; none for a script in the ways of old.
    fn flags(self) -> Option<ScriptFlags> {
        match self {
            Program::Script(script) | Program::NewScript(script) => script.flags(),
            Program::Function(function) => Some(function.flags()),
        }
    }
}

/// What the script or the function declares that a call is about, if there is one and it declares something. For the moments in
/// which it matters before it is run.
#[cold]
pub fn declared_flags(
    server: &Server,
    entry: &TableEntry,
    arguments: &[&[u8]],
) -> Option<ScriptFlags> {
    let name = *arguments.get(1)?;
    match entry.spec.name {
        "eval" | "eval_ro" => Script::new(name).ok()?.flags(),
        "evalsha" | "evalsha_ro" => server.scripts.get(name)?.flags(),
        "fcall" | "fcall_ro" => Some(server.functions.table().function(name)?.flags()),
        _ => None,
    }
}

/// Whether a script that declares this must not begin without memory.
pub fn may_need_memory(flags: ScriptFlags) -> bool {
    !flags.allow_oom && !flags.no_writes
}

/// Runs a script or a function on a transaction that holds its declared keys.
pub fn run(
    call: &mut Call<'_>,
    machine: Option<&mut LazyVm>,
    txn: &mut Txn<'_>,
    program: Program<'_>,
    keys: usize,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let is_ro_command = call.entry.flags.has(Flags::READONLY);
    let flags = program.flags();
    let server = call.server;
    if is_ro_command && flags.is_some_and(|flags| !flags.no_writes) {
        return Err(WRITES_IN_RO.into());
    }
    if flags.is_some_and(may_need_memory) && server.out_of_memory() {
        // the memory went after the call had been let through: it was queued
        return Err(OUT_OF_MEMORY_INSIDE.into());
    }
    let Some(vm) = machine else {
        return Err(NOT_ALLOWED.into());
    };
    let vm = vm.get(call.server, call.thread);
    vm.set_limits(perilune_script::Limits {
        memory_bytes: server.script_memory_limit(),
    });
    let savepoint = txn.savepoint();
    if txn.record_was_dropped() {
        // what stands before it in an EXEC has outgrown the limit
        call.thread.slot.set_past_undo();
    }
    call.thread.slot.set_program(program);
    let is_part = txn.is_all_or_nothing();
    let all_or_nothing = is_part
        || flags.is_some_and(|flags| flags.atomic)
        || server.scripts_are_atomic(call.session);
    if all_or_nothing {
        if savepoint.is_none() {
            return Err(TOO_LATE.into());
        }
        txn.set_all_or_nothing(true);
    }
    let counted = match call.origin {
        Origin::Exec => call.thread.mark_deferred(),
        _ => DeferredMark::default(),
    };
    let limit = server.script_time_limit(flags);
    let limit = limit.map(|limit| call.thread.slot.limit_time(limit, Spares::PastUndo));
    let seed = call.session.retry.random_seed as i32;
    let database = call.session.database;
    txn.set_wants_order(true);
    let mut port = ScriptPort {
        server,
        session: call.session,
        txn,
        thread: call.thread,
        read_only: is_ro_command || flags.is_some_and(|flags| flags.no_writes),
        checks_memory: !flags.is_some_and(|flags| flags.allow_oom),
        has_written: false,
        can_roll_back: savepoint.is_some(),
        calls: Calls::default(),
    };
    let (keys, argv) = arguments[3..].split_at(keys);
    let arguments = perilune_script::Arguments {
        keys,
        argv,
        call: arguments,
        seed,
    };
    let result = match program {
        Program::Script(script) | Program::NewScript(script) => {
            vm.eval(script, arguments, &mut port, reply)
        }
        Program::Function(function) => vm.call(function, arguments, &mut port, reply),
    };
    port.defer_calls();
    drop(limit);
    call.session.database = database;
    txn.select(database);
    txn.set_wants_order(false);
    let is_full = txn.record_is_full();
    txn.set_all_or_nothing(is_part);
    let nobody_waits = matches!(
        &result,
        Err(ScriptStop::Killed {
            reason: KillReason::ClientKill,
            ..
        })
    );
    let rolled_back = ProgramTotals {
        rolled_back: 1,
        ..ProgramTotals::default()
    };
    if nobody_waits && txn.can_roll_back() {
        // nor for what stands around it in an EXEC, which is not to happen in part
        call.thread.count_program(rolled_back);
        txn.doom();
        return Err(Stop::Abort);
    }
    let failed = match &result {
        Ok(completion) => all_or_nothing && completion.is_error,
        Err(ScriptStop::Error { .. }) => all_or_nothing,
        Err(ScriptStop::Aborted) => is_full,
        // what an unfinished script has written is taken back in any case, where there is a record of it
        Err(
            ScriptStop::Killed { .. }
            | ScriptStop::OutOfMemory { .. }
            | ScriptStop::RolledBack { .. },
        ) => true,
    };
    if failed && server.take_back(txn, call.thread, savepoint, counted) {
        call.thread.count_program(rolled_back);
        if let Program::NewScript(_) = program {
            call.thread.forget_new_script();
        }
    }
    match result {
        Ok(completion) => {
            call.thread.answered.set(completion);
            Ok(())
        }
        Err(ScriptStop::Aborted) if is_full => Err(UNDO_LIMIT.into()),
        Err(ScriptStop::Aborted) => Err(Stop::Abort),
        Err(
            ScriptStop::Killed { message, .. }
            | ScriptStop::OutOfMemory { message }
            | ScriptStop::RolledBack { message },
        ) => Err(CommandError::from_text(message).into()),
        Err(ScriptStop::Error { message, counted }) => {
            let error = CommandError::from_text(message);
            Err(if counted {
                error.already_counted()
            } else {
                error
            }
            .into())
        }
    }
}

/// Of so many calls from a script one is timed: looking at the clock twice costs about as much as a small command. A prime, so that a script that always makes the same calls has each of them timed in turn.
const TIMED_CALLS: u64 = 61;

/// Calls of one command in a row, which are counted when the script comes to another.
#[derive(Default)]
struct Calls {
    id: usize,
    count: u64,
    nanoseconds: u64,
}

/// How a script reaches the server.
struct ScriptPort<'a, 't, 'k> {
    server: &'a Server,
    session: &'a mut Session,
    txn: &'t mut Txn<'k>,
    thread: &'a Thread,
    read_only: bool,
    /// Whether commands that need memory are refused when there is none.
    checks_memory: bool,
    /// It has called a command that writes, whether that has changed anything or not.
    has_written: bool,
    /// There was a record when it began.
    can_roll_back: bool,
    calls: Calls,
}

impl ScriptPort<'_, '_, '_> {
    /// The command that is meant by what has been found under the first word.
    fn meant(
        &self,
        entry: &'static TableEntry,
        arguments: &[&[u8]],
    ) -> Option<&'static TableEntry> {
        match arguments.get(1) {
            Some(name) if !entry.subcommands.is_empty() => {
                self.server.registry.subcommand(entry, name)
            }
            _ => Some(entry),
        }
    }

    /// Whether a plain data command may be called, and so: the questions of [`ScriptPort::check`] that are left for it.
    #[inline]
    fn is_welcome(&self, plain: &Plain, arguments: &[&[u8]]) -> bool {
        accepts(plain.arity, arguments.len())
            && !(self.read_only && plain.writes)
            && !(self.checks_memory
                && plain.needs_memory
                && self.server.settings.memory.maxmemory.get() != 0)
    }

    /// Runs any command that is not plain, or that may be refused.
    #[inline(never)]
    fn call_with_care(
        &mut self,
        entry: &'static TableEntry,
        arguments: &[&[u8]],
        reply: &mut dyn Reply,
    ) -> Result<(), Abort> {
        // it may look at what has been counted
        self.defer_calls();
        let Some(entry) = self.meant(entry, arguments) else {
            self.thread.defer_rejected(None, &UNKNOWN);
            reply.error(UNKNOWN.message());
            return Ok(());
        };
        if let Err(error) = self.check(entry, arguments) {
            self.thread.defer_rejected(Some(entry.id), &error);
            reply.error(error.message());
            return Ok(());
        }
        self.has_written |= entry.flags.has(Flags::WRITE);
        let began = self.begin_call();
        let outcome = self.server.run_nested(
            self.session,
            self.txn,
            entry,
            arguments,
            reply,
            self.thread,
            self.read_only,
        );
        self.end_call(entry.id, began, &outcome, reply)
    }

    /// Counts a call. The time, if this is one of those that are timed.
    #[inline]
    fn begin_call(&self) -> Option<std::time::Instant> {
        let calls = self.thread.script_calls.get().wrapping_add(1);
        self.thread.script_calls.set(calls);
        calls
            .is_multiple_of(TIMED_CALLS)
            .then(std::time::Instant::now)
    }

    /// Counts it, and answers an error. (`outcome` stays where the handler has written it: to move it is to wait until it is
    /// written, a third of the time that a call spent here.)
    #[inline]
    fn end_call(
        &mut self,
        id: usize,
        began: Option<std::time::Instant>,
        outcome: &Outcome,
        reply: &mut dyn Reply,
    ) -> Result<(), Abort> {
        let nanoseconds = began.map_or(0, |began| began.elapsed().as_nanos() as u64 * TIMED_CALLS);
        if self.txn.changes() > 0 {
            self.thread.slot.set_wrote();
        }
        if self.txn.needs_a_look() {
            self.look()?;
        }
        match outcome {
            Ok(()) => {}
            Err(Stop::Error(error)) => {
                self.thread.defer_error(id, error);
                reply.error(error.message());
            }
            Err(Stop::Abort) => return Err(Abort),
        }
        if self.calls.id != id {
            self.defer_calls();
            self.calls.id = id;
        }
        self.calls.count += 1;
        self.calls.nanoseconds += nanoseconds;
        Ok(())
    }

    /// Looks at what the script has changed by now: whether it can still be taken back, and whether that is too much.
    #[inline(never)]
    fn look(&mut self) -> Result<(), Abort> {
        if self.txn.record_is_full() {
            return Err(Abort);
        }
        self.txn.check_record().map_err(|_| Abort)?;
        if self.txn.record_was_dropped() {
            self.thread.slot.set_past_undo();
        }
        Ok(())
    }

    /// Hands over what has been counted of the last command.
    fn defer_calls(&mut self) {
        let Calls {
            id,
            count,
            nanoseconds,
        } = std::mem::take(&mut self.calls);
        if count > 0 {
            self.thread.defer_calls(id, count, nanoseconds);
        }
    }

    /// Whether a script may call the command, and so.
    fn check(&self, entry: &TableEntry, arguments: &[&[u8]]) -> Result<(), CommandError> {
        if !entry.spec.accepts(arguments.len()) || entry.handler.is_none() {
            return Err(WRONG_ARITY);
        }
        if entry.flags.has(Flags::NOSCRIPT) && !self.server.scripts_may_call_all() {
            return Err(NOT_ALLOWED);
        }
        if matches!(entry.handler, Some(Handler::Script(_) | Handler::Exec)) {
            return Err(NOT_ALLOWED);
        }
        if self.read_only && entry.counts_as_write() {
            return Err(READ_ONLY);
        }
        if entry.spec.cannot_be_undone && self.txn.is_all_or_nothing() {
            return Err(cannot_be_undone(entry));
        }
        // once it has written, a script is let through: stopping in the middle would be worse
        if self.checks_memory
            && !self.has_written
            && entry.flags.has(Flags::DENYOOM)
            && self.server.out_of_memory()
        {
            return Err(crate::server::OUT_OF_MEMORY);
        }
        Ok(())
    }
}

impl Port for ScriptPort<'_, '_, '_> {
    fn call(&mut self, arguments: &[&[u8]], reply: &mut dyn Reply) -> Result<(), Abort> {
        let seen = self
            .thread
            .recent
            .borrow_mut()
            .get(self.server.registry, arguments[0]);
        let Some((entry, plain)) = seen else {
            self.thread.defer_rejected(None, &UNKNOWN);
            reply.error(UNKNOWN.message());
            return Ok(());
        };
        match plain {
            Some(plain) if self.is_welcome(&plain, arguments) => {
                self.has_written |= plain.writes;
                let began = self.begin_call();
                let database = self.txn.database();
                let start = self.txn.start_command();
                let outcome = plain.handler.run(self.txn, entry, arguments, reply);
                self.txn.end_command(start, database, arguments);
                self.end_call(plain.id, began, &outcome, reply)
            }
            _ => self.call_with_care(entry, arguments, reply),
        }
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.thread.defer_log(log_level(level), message);
    }

    fn may_call(&mut self, arguments: &[&[u8]]) -> Option<bool> {
        // there are no users with fewer rights yet: what exists may be called
        self.server.registry.lookup(arguments).map(|_| true)
    }

    fn set_propagation(&mut self, _propagation: Propagation) {
        // nothing consumes effects apart yet
    }

    fn can_roll_back(&self) -> bool {
        self.can_roll_back && !self.txn.record_was_dropped()
    }
}

/// SCRIPT KILL and FUNCTION KILL.
pub fn kill(server: &Server, target: Target<'_>, reply: &mut dyn Reply) -> Outcome {
    let scope = server.settings.script.script_busy_scope.get();
    let spare_writers = scope == ScriptBusyScope::Server
        || server.settings.script.script_unkillable_after_writes.get();
    let killed = server
        .running
        .kill(target, server.killable_after(), spare_writers);
    let error = match (killed, target) {
        (Killed::Told(_), _) => {
            reply.ok();
            return Ok(());
        }
        (Killed::NoneRunning, _) => CommandError::new("NOTBUSY No scripts in execution right now."),
        (Killed::Unkillable, _) => CommandError::new(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        ),
        (Killed::OtherKind, Target::Scripts(_)) => BUSY_FUNCTION,
        (Killed::OtherKind, Target::Functions) => BUSY_SCRIPT,
    };
    Err(error.into())
}

/// The level of the server's log that a script means.
pub fn log_level(level: LogLevel) -> crate::log::Level {
    match level {
        LogLevel::Debug => crate::log::Level::Debug,
        LogLevel::Verbose => crate::log::Level::Verbose,
        LogLevel::Notice => crate::log::Level::Notice,
        LogLevel::Warning => crate::log::Level::Warning,
    }
}

/// The error for a name that is no script's.
pub fn no_script() -> CommandError {
    NO_SCRIPT
}

/// The error for SCRIPT FLUSH with another word than SYNC or ASYNC.
pub fn flush_mode(arguments: &[&[u8]]) -> Result<(), CommandError> {
    match arguments {
        [] => Ok(()),
        [mode] if is_token(mode, "sync") || is_token(mode, "async") => Ok(()),
        _ => Err(CommandError::new(
            "ERR SCRIPT FLUSH only support SYNC|ASYNC option",
        )),
    }
}
