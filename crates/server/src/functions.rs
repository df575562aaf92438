//! Libraries of functions as the server keeps them. What a library is and how it runs is `perilune_script`'s business.
//!
//! All libraries are known in one place ([`Functions`]), as a table that is never changed: each change makes another, and
//! counts. Each thread holds the table that it saw last ([`FunctionMemory`]) and looks at the count, so that FCALL takes no
//! lock; its virtual machine loads a library when the thread first calls one of its functions, and drops it when it is in the
//! table no more. So the variables of a library are each thread's own.
//!
//! Functions are no data: FLUSHALL leaves them. But changes of the table are effects of their transaction, to be repeated by a log
//! and by replicas, so they all hold one stripe ([`hold_table`]): then the order of the effects is that of the
//! changes. Until the transaction commits the changed table is its session's alone: nobody else sees it, and to take it back is to
//! forget it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use perilune_command::{CommandError, Outcome, integer};
use perilune_keyspace::{Abort as Refused, ReadTxn, Txn, WriteTxn};
use perilune_resp::Reply;
use perilune_script::{Abort, Function, Library, LogLevel, Port, Propagation, Vm};
use smallvec::SmallVec;

use crate::call::{Call, Thread};
use crate::running::Spares;
use crate::scripting::{self, LazyVm, Program, ScriptMemory};
use crate::session::Session;

/// What a library may take to be loaded.
const LOAD_TIME_MAX: Duration = Duration::from_millis(500);

/// What all libraries of a payload may take together. Some 20,000 of the usual kind do.
const RESTORE_TIME_MAX: Duration = Duration::from_secs(2);

const _: () = assert!(LOAD_TIME_MAX.as_nanos() <= RESTORE_TIME_MAX.as_nanos());

const TIMEOUT: CommandError =
    CommandError::new("ERR Error registering functions: ERR FUNCTION LOAD timeout");
const NOT_FOUND: CommandError = CommandError::new("ERR Function not found");
const BAD_KEY_COUNT: CommandError = CommandError::new("ERR Bad number of keys provided");

/// A library and its functions, in the order in which it has registered them.
#[derive(Debug)]
pub struct Known {
    /// The library.
    pub library: Arc<Library>,
    /// Its functions; there is at least one.
    pub functions: Vec<Arc<Function>>,
}

/// The libraries of a moment.
#[derive(Debug, Clone, Default)]
pub struct Table {
    libraries: BTreeMap<Vec<u8>, Arc<Known>>,
    /// By their names in small letters.
    functions: HashMap<Vec<u8>, Arc<Function>>,
}

impl Table {
    /// All libraries, in the order of their names.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Known> {
        self.libraries.values().map(|known| &**known)
    }

    /// How many functions there are.
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// The function of this name, in any case.
    pub fn function(&self, name: &[u8]) -> Option<&Arc<Function>> {
        let mut lower = SmallVec::<[u8; 64]>::from_slice(name);
        lower.make_ascii_lowercase();
        self.functions.get(&lower[..])
    }

    /// Adds a library, in the place of the one that has its name.
    ///
    /// # Errors
    /// If another library has a function of the same name. Then the table is not to be used any more.
    fn add(&mut self, known: Arc<Known>) -> Result<(), CommandError> {
        self.remove(known.library.name());
        for function in &known.functions {
            let name = function.name().to_ascii_lowercase();
            if self.functions.insert(name, function.clone()).is_some() {
                let text = [b"ERR Function ", function.name(), b" already exists"].concat();
                return Err(CommandError::from_text(text));
            }
        }
        self.libraries.insert(known.library.name().to_vec(), known);
        Ok(())
    }

    /// Removes the library of this name; whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(known) = self.libraries.remove(name) else {
            return false;
        };
        for function in &known.functions {
            self.functions.remove(&function.name().to_ascii_lowercase());
        }
        true
    }

    /// Memory of texts and names.
    pub fn memory_bytes(&self) -> usize {
        let function_bytes = |function: &Arc<Function>| {
            2 * (function.name().len() + size_of::<Arc<Function>>())
                + size_of::<Function>()
                + function.description().map_or(0, <[u8]>::len)
        };
        self.libraries()
            .map(|known| {
                let functions: usize = known.functions.iter().map(function_bytes).sum();
                let library = known.library.source().len() + 2 * known.library.name().len();
                functions + library + size_of::<Known>() + size_of::<Library>()
            })
            .sum()
    }
}

/// All libraries of the server.
#[derive(Debug, Default)]
pub struct Functions {
    table: Mutex<Arc<Table>>,
    /// Counts changes of the table.
    generation: AtomicU64,
}

impl Functions {
    fn lock(&self) -> MutexGuard<'_, Arc<Table>> {
        self.table.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The libraries as they are now.
    pub fn table(&self) -> Arc<Table> {
        self.lock().clone()
    }

    /// The libraries as this session sees them: with what its transaction has changed so far.
    pub fn table_for(&self, session: &Session) -> Arc<Table> {
        session.functions.clone().unwrap_or_else(|| self.table())
    }

    /// Changes the table, for this session until its transaction commits, or not at all where that fails. The transaction
    /// holds the table ([`hold_table`]), so that nobody else changes it meanwhile.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change(
        &self,
        session: &mut Session,
        change: impl FnOnce(&mut Table) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        let mut next = Table::clone(&self.table_for(session));
        change(&mut next)?;
        session.functions = Some(Arc::new(next));
        Ok(())
    }

    /// What the session's transaction has changed is everybody's now. Called when it commits, before it lets go of its stripes.
    #[inline]
    pub fn publish(&self, session: &mut Session) {
        if let Some(table) = session.functions.take() {
            self.replace(table);
        }
    }

    #[cold]
    fn replace(&self, table: Arc<Table>) {
        *self.lock() = table;
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// No generation of the table.
const NO_GENERATION: u64 = u64::MAX;

/// So many bytes of a name are compared with the one of the last call.
const LAST_NAME_BYTES_MAX: usize = 64;

/// The functions that a thread knows.
#[derive(Debug, Default)]
pub struct FunctionMemory {
    table: Arc<Table>,
    generation: u64,
    /// The one that was called last, by the name as it was written.
    last: Option<(SmallVec<[u8; LAST_NAME_BYTES_MAX]>, Arc<Function>)>,
}

impl FunctionMemory {
    /// Takes over the table if it has changed since the last look. What is in it no more is dropped from the machine.
    #[inline]
    pub fn follow(&mut self, functions: &Functions, vm: &mut LazyVm) {
        let generation = functions.generation.load(Ordering::Acquire);
        if self.generation != generation {
            self.generation = generation;
            self.take(functions.table());
            self.drop_others(&Table::default(), vm);
        }
    }

    /// The same for a session, whose transaction may have changed the table. Nothing is dropped for that: it may be taken back.
    #[inline]
    pub fn follow_for(&mut self, session: &Session, functions: &Functions, vm: &mut LazyVm) {
        match &session.functions {
            None => self.follow(functions, vm),
            Some(table) => {
                // whatever becomes of it, everybody's table is looked at afterwards
                self.generation = NO_GENERATION;
                self.take(table.clone());
            }
        }
    }

    #[cold]
    fn take(&mut self, table: Arc<Table>) {
        self.last = None;
        self.table = table;
    }

    /// Drops the libraries from the machine that are in neither table.
    fn drop_others(&self, other: &Table, vm: &mut LazyVm) {
        if let Some(vm) = vm.made() {
            let known = self.table.libraries().chain(other.libraries());
            let ids: HashSet<u64> = known.map(|it| it.library.id()).collect();
            vm.keep_libraries(|id| ids.contains(&id));
        }
    }

    /// The function of this name, in any case.
    #[inline]
    fn get(&mut self, name: &[u8]) -> Option<&Arc<Function>> {
        if self.last.as_ref().is_none_or(|(last, _)| last[..] != *name) {
            let function = self.table.function(name)?.clone();
            self.last = Some((SmallVec::from_slice(name), function));
        }
        self.last.as_ref().map(|(_, function)| function)
    }
}

/// FCALL and FCALL_RO.
pub fn fcall(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let (vm, memory) = call.machine.take().ok_or(scripting::NOT_ALLOWED)?;
    memory
        .functions
        .follow_for(call.session, &call.server.functions, vm);
    let function = memory.functions.get(arguments[1]).ok_or(NOT_FOUND)?;
    let count = integer(arguments[2]).map_err(|_| BAD_KEY_COUNT)?;
    let keys = scripting::check_key_count(count, arguments)?;
    let program = Program::Function(function);
    scripting::run(call, Some(vm), txn, program, keys, arguments, reply)
}

/// FUNCTION LOAD: runs the library, and puts it into the table.
pub fn load(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    source: &[u8],
    replace: bool,
    arguments: &[&[u8]],
    reply: &mut dyn Reply,
) -> Outcome {
    let (vm, memory) = call.machine.take().ok_or(scripting::NOT_ALLOWED)?;
    let library = Arc::new(Library::new(source).map_err(CommandError::from_text)?);
    let outcome = load_and_add(call, vm, txn, &library, replace);
    after_loading(call, vm, memory, &outcome);
    outcome?;
    note_change(txn, arguments);
    reply.bulk(library.name());
    Ok(())
}

/// Drops what was loaded in vain, and shows the memory.
fn after_loading(call: &Call<'_>, vm: &mut LazyVm, memory: &mut ScriptMemory, outcome: &Outcome) {
    let functions = &call.server.functions;
    if outcome.is_err() {
        memory.functions.follow_for(call.session, functions, vm);
        memory.functions.drop_others(&functions.table(), vm);
    }
    call.thread.slot.show_vm_memory(vm.memory_used_bytes());
}

fn load_and_add(
    call: &mut Call<'_>,
    vm: &mut LazyVm,
    txn: &mut Txn<'_>,
    library: &Arc<Library>,
    replace: bool,
) -> Outcome {
    let functions = &call.server.functions;
    let may_come = |table: &Table| match replace {
        true => Ok(()),
        false => is_free(table, library),
    };
    may_come(&functions.table_for(call.session))?;
    let memory_bytes = call.server.script_memory_limit();
    let known = run_library(call, vm, library, LOAD_TIME_MAX, memory_bytes)?;
    hold_table(txn)?;
    functions.change(call.session, |table| {
        may_come(table)?;
        table.add(Arc::new(known))
    })?;
    Ok(())
}

/// What FUNCTION RESTORE does with libraries that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// None may have the name of one that comes.
    Append,
    /// Those that have are replaced.
    Replace,
    /// They all go.
    Flush,
}

/// FUNCTION RESTORE: runs libraries, and puts them into the table, all or none.
pub fn restore<'a>(
    call: &mut Call<'_>,
    txn: &mut Txn<'_>,
    sources: impl Iterator<Item = Result<Cow<'a, [u8]>, CommandError>>,
    policy: Policy,
) -> Outcome {
    let (vm, memory) = call.machine.take().ok_or(scripting::NOT_ALLOWED)?;
    let outcome = load_all(call, vm, txn, sources, policy);
    after_loading(call, vm, memory, &outcome);
    outcome
}

fn load_all<'a>(
    call: &mut Call<'_>,
    vm: &mut LazyVm,
    txn: &mut Txn<'_>,
    sources: impl Iterator<Item = Result<Cow<'a, [u8]>, CommandError>>,
    policy: Policy,
) -> Outcome {
    let mut restored = Table::default();
    let began = Instant::now();
    let held_bytes = vm.get(call.server, call.thread).memory_used_bytes();
    let limit_bytes = call.server.script_memory_limit();
    for source in sources {
        let library = Arc::new(Library::new(&source?).map_err(CommandError::from_text)?);
        is_free(&restored, &library)?;
        let left = RESTORE_TIME_MAX.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(TIMEOUT.into());
        }
        vm.maybe_collect();
        let taken_bytes = vm.memory_used_bytes().saturating_sub(held_bytes);
        let known = run_library(
            call,
            vm,
            &library,
            left.min(LOAD_TIME_MAX),
            limit_bytes.saturating_sub(taken_bytes),
        )?;
        restored.add(Arc::new(known))?;
    }
    hold_table(txn)?;
    call.server.functions.change(call.session, |table| {
        if policy == Policy::Flush {
            *table = Table::default();
        }
        for name in restored.libraries.keys() {
            if table.remove(name) && policy == Policy::Append {
                let text = [b"ERR Library ", &name[..], b" already exists"].concat();
                return Err(CommandError::from_text(text));
            }
        }
        restored
            .libraries
            .into_values()
            .try_for_each(|known| table.add(known))
    })?;
    Ok(())
}

/// Whether a library may be added that replaces none.
fn is_free(table: &Table, library: &Library) -> Result<(), CommandError> {
    if !table.libraries.contains_key(library.name()) {
        return Ok(());
    }
    let text = [b"ERR Library '", library.name(), b"' already exists"].concat();
    Err(CommandError::from_text(text))
}

/// Runs a library in the thread's machine, for what it registers, within these limits.
fn run_library(
    call: &Call<'_>,
    vm: &mut LazyVm,
    library: &Arc<Library>,
    time_max: Duration,
    memory_bytes: usize,
) -> Result<Known, CommandError> {
    let vm = vm.get(call.server, call.thread);
    vm.set_limits(perilune_script::Limits { memory_bytes });
    let declarations = run_in_time(vm, call.thread, library, time_max)?;
    let functions = Function::all(library, declarations).map_err(CommandError::from_text)?;
    Ok(Known {
        library: library.clone(),
        functions,
    })
}

fn run_in_time(
    vm: &mut Vm,
    thread: &Thread,
    library: &Library,
    time_max: Duration,
) -> Result<Vec<perilune_script::Declaration>, CommandError> {
    let _limit = thread.slot.limit_time(time_max, Spares::Nothing);
    vm.load(library, &mut LoadPort { thread })
        .map_err(|stop| CommandError::from_text(scripting::stop_message(stop)))
}

/// Holds what all changes of the table hold. In a transaction that cannot have it nothing was changed.
pub fn hold_table(txn: &mut Txn<'_>) -> Result<(), Refused> {
    // any name will do: its stripe is that of all changes, and no key is asked for
    ReadTxn::new(txn).peek_raw(b"function")?;
    Ok(())
}

/// Notes that the table was changed, by this command.
pub fn note_change(txn: &mut Txn<'_>, arguments: &[&[u8]]) {
    let mut txn = WriteTxn::new(txn);
    txn.count_changes(1);
    txn.propagate(arguments);
}

/// What a library may do while it is loaded: log.
struct LoadPort<'a> {
    thread: &'a Thread,
}

impl Port for LoadPort<'_> {
    fn call(&mut self, _: &[&[u8]], _: &mut dyn Reply) -> Result<(), Abort> {
        Err(Abort)
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.thread.defer_log(scripting::log_level(level), message);
    }

    fn may_call(&mut self, _: &[&[u8]]) -> Option<bool> {
        None
    }

    fn set_propagation(&mut self, _: Propagation) {}

    fn can_roll_back(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use perilune_keyspace::MemoryLog;
    use perilune_keyspace::gate::Wake;
    use perilune_net::{Address, ConnInfo};

    use super::*;
    use crate::call::Local;
    use crate::clients::Client;
    use crate::config::{Settings, Surroundings};
    use crate::execute::Progress;
    use crate::server::Server;
    use crate::session::Session;
    use crate::table::Handler;
    use crate::transactions::{Multi, Queued};

    struct Nobody;

    impl Wake for Nobody {
        fn wake(&self, _: u64) {}
    }

    /// A server whose effects are kept, and one client of it.
    struct Stage {
        server: Server,
        local: Local,
        session: Session,
        log: Arc<MemoryLog>,
    }

    impl Stage {
        fn new() -> Self {
            let surroundings = Surroundings::of_this_process();
            let server = Server::new(Arc::new(Settings::new(&surroundings)));
            let log = Arc::new(MemoryLog::default());
            server.keyspace.set_effect_consumer(Some(log.clone()));
            let address = Address::Unix(PathBuf::from("a socket"));
            let client = Client::new(&ConnInfo {
                id: 1,
                loop_index: 0,
                peer: address.clone(),
                local: address,
                fd: -1,
                live: 0,
            });
            Self {
                local: server.new_local(),
                session: Session::new(Arc::new(client), Arc::new(Nobody), true),
                server,
                log,
            }
        }

        /// What a call of FUNCTION or FCALL answers.
        fn call(&mut self, words: &[&[u8]]) -> String {
            let entry = self.server.registry.resolve(words).expect("a right call");
            let Some(Handler::Long(handler) | Handler::Script(handler)) = entry.handler else {
                panic!("none that runs aside");
            };
            let mut out = Vec::new();
            let progress = self.server.run_script(
                &mut self.session,
                &mut self.local,
                entry,
                handler,
                words,
                None,
                &mut out,
            );
            assert_eq!(progress, Progress::Done);
            String::from_utf8_lossy(&out).into_owned()
        }

        /// What EXEC answers after these calls.
        fn exec(&mut self, calls: &[&[&[u8]]]) -> String {
            let mut multi = Multi::default();
            for words in calls {
                let entry = self.server.registry.resolve(words).expect("a right call");
                multi.push(Queued::new(entry.id, words));
            }
            self.session.multi = Some(Box::new(multi));
            let entry = self.server.registry.get(b"exec").expect("EXEC");
            let mut out = Vec::new();
            let progress =
                self.server
                    .run_exec(&mut self.session, &mut self.local, entry, &mut out);
            assert_eq!(progress, Progress::Done);
            String::from_utf8_lossy(&out).into_owned()
        }

        /// The effects since the last look, a unit in brackets; of libraries only the first line.
        fn effects(&self, from: usize) -> String {
            let shown = |words: Vec<&[u8]>| {
                let first_lines = words.iter().map(|word| {
                    let line = word.split(|byte| *byte == b'\n').next();
                    String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
                });
                first_lines.collect::<Vec<_>>().join(" ")
            };
            let units = self.log.units();
            let unit = |(_, unit): &(u64, perilune_keyspace::EffectUnit)| {
                let commands: Vec<_> = unit.commands().map(|(_, words)| shown(words)).collect();
                format!("[{}]", commands.join(", "))
            };
            units[from..].iter().map(unit).collect()
        }
    }

    const LIBRARY: &[u8] =
        b"#!lua name=lib\nredis.register_function('f', function(k) return redis.call('incr', k[1]) end)";

    #[test]
    fn changes_of_libraries_are_effects_and_what_fails_is_none() {
        let mut stage = Stage::new();
        let load: &[&[u8]] = &[b"FUNCTION", b"LOAD", LIBRARY];
        let call: &[&[u8]] = &[b"FCALL", b"f", b"1", b"n"];
        let delete: &[&[u8]] = &[b"FUNCTION", b"DELETE", b"lib"];
        let flush: &[&[u8]] = &[b"FUNCTION", b"FLUSH"];
        let cases: &[(&[&[u8]], &str, &str)] = &[
            (load, "$3\r\nlib\r\n", "[FUNCTION LOAD #!lua name=lib]"),
            (load, "-ERR Library 'lib' already exists\r\n", ""),
            (call, ":1\r\n", "[incr n]"),
            (delete, "+OK\r\n", "[FUNCTION DELETE lib]"),
            (delete, "-ERR Library not found\r\n", ""),
            (call, "-ERR Function not found\r\n", ""),
            (flush, "+OK\r\n", "[FUNCTION FLUSH]"),
        ];
        for (words, answer, effects) in cases {
            let before = stage.log.units().len();
            assert_eq!(stage.call(words), *answer);
            assert_eq!(stage.effects(before), *effects, "{answer}");
        }
        let before = stage.log.units().len();
        let answer = stage.exec(&[load, call, delete, call]);
        assert_eq!(
            answer,
            "*4\r\n$3\r\nlib\r\n:2\r\n+OK\r\n-ERR Function not found\r\n"
        );
        assert_eq!(
            stage.effects(before),
            "[FUNCTION LOAD #!lua name=lib, incr n, FUNCTION DELETE lib]"
        );
    }

    #[test]
    fn a_payload_of_slow_libraries_does_not_load_for_ever() {
        let mut stage = Stage::new();
        stage.call(&[b"FUNCTION", b"LOAD", LIBRARY]);
        let source = |number| {
            format!(
                "#!lua name=slow{number}\nfor i = 1, 3e7 do end redis.register_function('s{number}', function() end)"
            )
        };
        let sources: Vec<String> = (0..1000).map(source).collect();
        let payload = perilune_value::rdb::dump_libraries(sources.iter().map(String::as_bytes));
        let began = Instant::now();
        let answer = stage.call(&[b"FUNCTION", b"RESTORE", &payload]);
        assert_eq!(
            answer,
            "-ERR Error registering functions: ERR FUNCTION LOAD timeout\r\n"
        );
        // one that has begun may take its time
        assert!(began.elapsed() < RESTORE_TIME_MAX * 3);
        assert_eq!(stage.server.functions.table().function_count(), 1);
        let few = perilune_value::rdb::dump_libraries(sources[..2].iter().map(String::as_bytes));
        assert_eq!(stage.call(&[b"FUNCTION", b"RESTORE", &few]), "+OK\r\n");
        assert_eq!(stage.server.functions.table().function_count(), 3);
    }

    #[test]
    fn a_payload_gets_the_memory_of_one_library() {
        let mut stage = Stage::new();
        // small, so that no time limit is met on a slow machine
        let small: [(&[u8], &[u8]); 1] = [(b"script-memory-limit", b"12mb")];
        assert!(stage.server.settings.set(&small, false, |_| Ok(())).is_ok());
        let source = |number| {
            format!(
                "#!lua name=big{number}\nlocal s = ('x'):rep(1000000) .. {number} redis.register_function('b{number}', function() return #s end)"
            )
        };
        let sources: Vec<String> = (0..20).map(source).collect();
        let payload = |count| {
            perilune_value::rdb::dump_libraries(sources[..count].iter().map(String::as_bytes))
        };
        let answer = stage.call(&[b"FUNCTION", b"RESTORE", &payload(20)]);
        assert_eq!(
            answer,
            "-ERR Error registering functions: ERR Script ran out of memory.\r\n"
        );
        assert_eq!(stage.server.functions.table().function_count(), 0);
        assert_eq!(
            stage.call(&[b"FUNCTION", b"RESTORE", &payload(8)]),
            "+OK\r\n"
        );
        assert_eq!(stage.call(&[b"FCALL", b"b7", b"0"]), ":1000001\r\n");
    }

    #[test]
    fn a_thread_drops_what_is_in_the_table_no_more() {
        let mut stage = Stage::new();
        // give or take some: a machine's own tables shrink over several collections
        const SOME: usize = 64 << 10;
        let held = |stage: &mut Stage| stage.local.vm.tidy();
        // as every thread does at its next tick, or its next call of a function
        let follow = |stage: &mut Stage| {
            let Local { vm, scripts, .. } = &mut stage.local;
            scripts.functions.follow(&stage.server.functions, vm);
            vm.maybe_collect();
        };
        stage.call(&[b"FUNCTION", b"LOAD", LIBRARY]);
        stage.call(&[b"FUNCTION", b"FLUSH"]);
        follow(&mut stage);
        let before = held(&mut stage);
        let big = "x".repeat(1 << 20);
        let source = format!(
            "#!lua name=big\nlocal s = '{big}' redis.register_function('g', function() return #s end)"
        );
        stage.call(&[b"FUNCTION", b"LOAD", source.as_bytes()]);
        assert_eq!(stage.call(&[b"FCALL", b"g", b"0"]), ":1048576\r\n");
        assert!(held(&mut stage) + SOME > before + big.len());
        stage.call(&[b"FUNCTION", b"DELETE", b"big"]);
        follow(&mut stage);
        assert!(held(&mut stage) < before + SOME);
        // one that fails is not kept either
        let wrong = [source.as_bytes(), b" nosuch()"].concat();
        assert!(
            stage
                .call(&[b"FUNCTION", b"LOAD", &wrong])
                .contains("nosuch")
        );
        stage.local.vm.maybe_collect();
        assert!(held(&mut stage) < before + SOME);
    }
}
