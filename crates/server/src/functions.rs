//! Libraries of functions as the server keeps them. What a library is and how it runs is `perilune_script`'s business.
//!
//! All libraries are known in one place ([`Functions`]), as a table that is never changed: each change makes another, and
//! counts. Each thread holds the table that it saw last ([`FunctionMemory`]) and looks at the count, so that FCALL takes no
//! lock; its virtual machine loads a library when the thread first calls one of its functions, and drops it when it is in the
//! table no more. So the variables of a library are each thread's own.
//!
//! Functions are no data: FLUSHALL leaves them. But changes of the table are effects of their transaction, to be repeated by a log
//! and by replicas, so they all hold one stripe ([`hold_table`]): then the order of the effects is that of the
//! changes. Inside EXEC all stripes are held, so none is ever taken back and made twice.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use perilune_command::{CommandError, Outcome, integer};
use perilune_keyspace::{Abort as Refused, ReadTxn, Txn, WriteTxn};
use perilune_resp::Reply;
use perilune_script::{Abort, Function, Library, LogLevel, Port, Propagation, Vm};
use smallvec::SmallVec;

use crate::call::{Call, Thread};
use crate::scripting::{self, LazyVm, Program};

/// What a library may take to be loaded.
const LOAD_TIME_MAX: Duration = Duration::from_millis(500);

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

    /// Changes the table, for everybody at once, or not at all where that fails.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Table) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let mut table = self.lock();
        let mut next = Table::clone(&table);
        let value = change(&mut next)?;
        *table = Arc::new(next);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(value)
    }
}

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
            self.take(functions.table(), vm);
        }
    }

    #[cold]
    fn take(&mut self, table: Arc<Table>, vm: &mut LazyVm) {
        self.last = None;
        self.table = table;
        self.drop_others(vm);
    }

    /// Drops the libraries from the machine that are not in the table.
    fn drop_others(&self, vm: &mut LazyVm) {
        if let Some(vm) = vm.made() {
            let ids: HashSet<u64> = self.table.libraries().map(|it| it.library.id()).collect();
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
    memory.functions.follow(&call.server.functions, vm);
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
    // what was loaded in vain is dropped
    memory.functions.follow(&call.server.functions, vm);
    if outcome.is_err() {
        memory.functions.drop_others(vm);
    }
    call.thread.slot.show_vm_memory(vm.memory_used_bytes());
    outcome?;
    note_change(txn, arguments);
    reply.bulk(library.name());
    Ok(())
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
    may_come(&functions.table())?;
    let known = run_library(call, vm, library)?;
    hold_table(txn)?;
    functions.change(|table| {
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
    memory.functions.follow(&call.server.functions, vm);
    if outcome.is_err() {
        memory.functions.drop_others(vm);
    }
    call.thread.slot.show_vm_memory(vm.memory_used_bytes());
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
    for source in sources {
        let library = Arc::new(Library::new(&source?).map_err(CommandError::from_text)?);
        is_free(&restored, &library)?;
        restored.add(Arc::new(run_library(call, vm, &library)?))?;
    }
    hold_table(txn)?;
    call.server.functions.change(|table| {
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

/// Runs a library in the thread's machine, for what it registers.
fn run_library(
    call: &Call<'_>,
    vm: &mut LazyVm,
    library: &Arc<Library>,
) -> Result<Known, CommandError> {
    let vm = vm.get(call.server, call.thread);
    vm.set_limits(perilune_script::Limits {
        memory_bytes: call.server.script_memory_limit(),
    });
    let declarations = run_in_time(vm, call.thread, library)?;
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
) -> Result<Vec<perilune_script::Declaration>, CommandError> {
    let _limit = thread.slot.limit_time(LOAD_TIME_MAX);
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
}
