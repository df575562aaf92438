//! Makes transactions of every kind, and understands the answers to them.
//!
//! A plan is what goes over the wire together with what each reply means. Keys are retired after some
//! writes, so that values stay short and reads stay cheap however long a run lasts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use fastrand::Rng;
use perilune_harness::Value;

use crate::history::{Key, Kind, Mark, Operation, Queue};
use crate::queues::{Taking, script_push, take_command, taken_by_script};
use crate::shapes::{self, Shape, mark_text};

/// Stands for the key of a write of which only the mark is known.
pub const KEY_UNKNOWN: Key = Key::MAX;

/// What both scripts do their operations with, by the name of the command.
const SCRIPT_COMMANDS: &str = "
local function joined(what, key)
  return table.concat(redis.call(what, key, 0, -1))
end
local function write(what, key, mark)
  return redis.call(what, key, mark)
end
local commands = {
  APPEND = write,
  RPUSH = write,
  ZADD = function(what, key, mark) return redis.call(what, key, tonumber(mark, 16), mark) end,
  GET = function(what, key) return redis.call(what, key) or '' end,
  LRANGE = joined,
  ZRANGE = joined,
  LPOP = function(what, key) return redis.call(what, key) or '' end,
  ZPOPMIN = function(what, key) return redis.call(what, key)[1] or '' end,
  spin = function(what, key, turns)
    local n = 0
    for turn = 1, tonumber(turns) do n = n + turn % 7 end
  end,
  fail = function() error('planned failure') end,
  rollback = function() pcall(redis.rollback, 'planned failure') end,
  endless = function() while true do pcall(redis.call, 'PING') end end,
  greedy = function()
    local all = {}
    while true do pcall(function() all[#all + 1] = string.rep('x', 100000) .. #all end) end
  end,
  panic = function(what, key) redis.call('DEBUG', 'PANIC', key) end,
}
";

/// Does the operations that ARGV lists in threes: what, on which key (`#1` is KEYS[1], `17` makes a name), and
/// the mark or the number of turns.
const SCRIPT_OPERATIONS: &str = "
local prefix, answers = ARGV[1], {}
for i = 2, #ARGV, 3 do
  local what, place, argument = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = place:sub(1, 1) == '#' and KEYS[tonumber(place:sub(2))] or prefix .. place
  answers[#answers + 1] = commands[what](what, key, argument)
end
return answers";

/// The same as a function of a library.
const FUNCTION_BEGIN: &str = "
redis.register_function{flags = {'atomic'}, function_name = 'NAME', callback = function(KEYS, ARGV)
";
const FUNCTION_END: &str = "
end}";

/// Reads one key, and writes to another one that is chosen by what it read. Each stands behind its command.
const SCRIPT_CHASE: &str = "
local prefix, mark = ARGV[1], ARGV[2]
local value = commands[ARGV[3]](ARGV[3], prefix .. ARGV[4])
local place = 5 + 2 * ((#value / 8) % ((#ARGV - 4) / 2))
local what, chosen = ARGV[place], ARGV[place + 1]
return {value, chosen, commands[what](what, prefix .. chosen, mark)}";

/// The scripts' names for EVALSHA, as SCRIPT LOAD answered them.
#[derive(Debug, Clone)]
pub struct Scripts {
    operations: Vec<u8>,
    chase: Vec<u8>,
    rollbacks: Option<Rollbacks>,
}

/// The operations script in forms of which nothing happens if they fail.
#[derive(Debug, Clone)]
struct Rollbacks {
    /// With the flag `atomic`.
    atomic: Vec<u8>,
    /// A function with that flag.
    function: Vec<u8>,
    /// With a limit of time.
    limited: Vec<u8>,
    /// To be stopped by SCRIPT KILL.
    endless: Vec<u8>,
}

/// How a script ends of which nothing is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Fail,
    Rollback,
    Panic,
    OutOfTime,
    OutOfMemory,
    Killed,
}

impl Ending {
    fn some(rng: &mut Rng) -> Self {
        match rng.u32(..40) {
            0..15 => Self::Fail,
            15..30 => Self::Rollback,
            30..36 => Self::Panic,
            36..38 => Self::OutOfTime,
            38 => Self::OutOfMemory,
            _ => Self::Killed,
        }
    }

    /// What the operations script calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Rollback => "rollback",
            Self::Panic => "panic",
            Self::OutOfTime | Self::Killed => "endless",
            Self::OutOfMemory => "greedy",
        }
    }

    /// What its client is told.
    fn is_told_by(self, error: &[u8]) -> bool {
        let error = String::from_utf8_lossy(error);
        error.contains(match self {
            Self::Fail => "planned failure",
            Self::Rollback => "ROLLBACK planned failure",
            Self::Panic => "ERR internal error",
            Self::OutOfTime => "ERR Script ran longer than it may",
            Self::OutOfMemory => "ERR Script ran out of memory",
            Self::Killed => "ERR Script killed by user",
        })
    }
}

impl Scripts {
    /// Loads them through `call`; where a name of a library is given also those that need a server which takes back what fails.
    pub fn load(
        library: Option<&str>,
        mut call: impl FnMut(&[&[u8]]) -> std::io::Result<Value>,
    ) -> std::io::Result<Self> {
        let mut ask = |words: &[&[u8]]| match call(words)? {
            Value::Bulk(name) | Value::Status(name) => Ok(name),
            other => {
                let (first, second) = (words[0].escape_ascii(), words[1].escape_ascii());
                let text = format!("{first} {second} answers {other:?}");
                Err(std::io::Error::other(text))
            }
        };
        let mut load = |begin: &str, script: &str| {
            let script = format!("{begin}{SCRIPT_COMMANDS}{script}");
            ask(&[b"SCRIPT", b"LOAD", script.as_bytes()])
        };
        let (operations, chase) = (load("", SCRIPT_OPERATIONS)?, load("", SCRIPT_CHASE)?);
        let Some(library) = library else {
            return Ok(Self {
                operations,
                chase,
                rollbacks: None,
            });
        };
        let atomic = load("#!lua flags=atomic\n", SCRIPT_OPERATIONS)?;
        let limited = load("#!lua flags=time-limit=20\n", SCRIPT_OPERATIONS)?;
        let endless = load("-- to be killed\n", SCRIPT_OPERATIONS)?;
        let register = FUNCTION_BEGIN.replace("NAME", library);
        let text = format!(
            "#!lua name={library}\n{SCRIPT_COMMANDS}{register}{SCRIPT_OPERATIONS}{FUNCTION_END}"
        );
        ask(&[b"FUNCTION", b"LOAD", b"REPLACE", text.as_bytes()])?;
        // scripts may call what panics, and soon have no memory any more
        ask(&[b"DEBUG", b"SET-DISABLE-DENY-SCRIPTS", b"1"])?;
        ask(&[b"CONFIG", b"SET", b"script-memory-limit", b"8mb"])?;
        Ok(Self {
            operations,
            chase,
            rollbacks: Some(Rollbacks {
                atomic,
                function: library.as_bytes().to_vec(),
                limited,
                endless,
            }),
        })
    }

    /// The script that has to be stopped, if there is one.
    pub fn endless(&self) -> Option<&[u8]> {
        self.rollbacks.as_ref().map(|forms| &forms.endless[..])
    }

    /// The words before the number of keys of some form that fits what becomes of the script.
    fn call(&self, ending: Option<Ending>, rng: &mut Rng) -> [Vec<u8>; 2] {
        let script = |name: &Vec<u8>| [b"EVALSHA".to_vec(), name.clone()];
        let Some(forms) = &self.rollbacks else {
            return script(&self.operations);
        };
        let function = [b"FCALL".to_vec(), forms.function.clone()];
        let form = rng.u32(..3);
        match ending {
            Some(Ending::OutOfTime) => script(&forms.limited),
            Some(Ending::Killed) => script(&forms.endless),
            _ if form == 0 => function,
            Some(Ending::Fail) => script(&forms.atomic),
            _ if form == 1 => script(&forms.atomic),
            _ => script(&self.operations),
        }
    }
}

/// What all connections share: the keys in use, and the next numbers.
#[derive(Debug)]
pub struct Lists {
    prefix: String,
    appends_max: u32,
    /// For each key in use its number and how many writes were planned on it.
    in_use: Mutex<Vec<(Key, u32)>>,
    next_key: AtomicU32,
    next_queue: AtomicU32,
    next_mark: AtomicU32,
}

impl Lists {
    /// `count` keys in use at any time, retired after `appends_max` writes; names begin with `prefix`.
    pub fn new(prefix: String, count: u32, appends_max: u32) -> Self {
        Self {
            prefix,
            appends_max,
            in_use: Mutex::new((0..count).map(|key| (key, 0)).collect()),
            next_key: AtomicU32::new(count),
            next_queue: AtomicU32::new(0),
            next_mark: AtomicU32::new(1),
        }
    }

    /// The name of this run's library of functions.
    pub fn library_name(&self) -> String {
        self.prefix.replace(':', "_")
    }

    /// How many keys there have been.
    pub fn used(&self) -> u32 {
        self.next_key.load(Ordering::Relaxed)
    }

    /// A key that nobody else picks.
    pub fn fresh_key(&self) -> Key {
        self.next_key.fetch_add(1, Ordering::Relaxed)
    }

    /// The first of `count` queues that nobody has used.
    pub fn fresh_queues(&self, count: u32) -> Queue {
        self.next_queue.fetch_add(count, Ordering::Relaxed)
    }

    /// The queue's name on the server.
    pub fn queue_name(&self, queue: Queue) -> Vec<u8> {
        format!("{}q{queue}", self.prefix).into_bytes()
    }

    /// The key's name on the server.
    pub fn name(&self, key: Key) -> Vec<u8> {
        format!("{}{key}", self.prefix).into_bytes()
    }

    fn pick(&self, rng: &mut Rng, appends: u32) -> Key {
        let mut in_use = self.in_use.lock().expect("nobody panics while holding it");
        let place = rng.usize(..in_use.len());
        let (key, planned) = &mut in_use[place];
        if *planned >= self.appends_max {
            *key = self.next_key.fetch_add(1, Ordering::Relaxed);
            *planned = 0;
        }
        *planned += appends;
        *key
    }

    /// A mark greater than all before it.
    pub fn mark(&self) -> Mark {
        self.next_mark.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a script means to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Writes a mark.
    Write(Key, Mark),
    /// Reads all marks.
    Read(Key),
    /// Pushes a mark.
    Push(Queue, Mark),
    /// Takes a mark, if there is one.
    Take(Queue),
}

/// How a script of which nothing happens is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptEnding(Ending);

/// A command and what its reply will mean.
#[derive(Debug)]
pub struct Command {
    /// The command's words.
    pub words: Vec<Vec<u8>>,
    /// What its reply means.
    pub meaning: Meaning,
}

/// What a reply means.
#[derive(Debug)]
pub enum Meaning {
    /// Nothing.
    Control,
    /// A mark is written.
    Write(Key, Mark),
    /// MGET.
    Reads(Vec<Key>),
    /// All marks of a key.
    Read(Key),
    /// These were pushed.
    Push(Queue, Vec<Mark>),
    /// Something was taken, or nothing.
    Take(Taking, Vec<(Queue, Vec<u8>)>),
    /// What is left of a queue.
    Rest(Queue),
    /// The operations script.
    Script(Vec<Intent>),
    /// The operations script, ending in an error after these.
    FailingScript(Vec<Intent>),
    /// The operations script, of which nothing happens.
    RolledBack(Vec<Intent>, ScriptEnding),
    /// The chasing script: which key it reads, and the mark that it writes.
    Chase(Key, Mark),
}

/// The part of a plan after its WATCH and reads.
#[derive(Debug)]
pub enum Body {
    /// One command.
    Single(Command),
    /// MULTI, these, and EXEC; with `refused` there is one among them that cannot be queued.
    Exec { queued: Vec<Command>, refused: bool },
    /// MULTI, these, and DISCARD.
    Discard { queued: Vec<Command> },
    /// MULTI ATOMIC, these, and EXEC; the one of this number is followed by one that fails.
    RolledBack {
        queued: Vec<Command>,
        after: usize,
        failing: Vec<Vec<u8>>,
    },
}

/// A transaction to be made.
#[derive(Debug)]
pub struct Plan {
    /// How it is made.
    pub kind: Kind,
    /// WATCH and reads before the body.
    pub watched: Vec<Command>,
    /// The rest.
    pub body: Body,
}

/// Makes plans.
#[derive(Debug)]
pub struct Planner<'a> {
    /// The lists in use.
    pub lists: &'a Lists,
    /// The loaded scripts.
    pub scripts: Scripts,
    /// The source of every choice.
    pub rng: Rng,
}

/// Words of their own.
pub fn words(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

impl Planner<'_> {
    /// The next transaction.
    pub fn plan(&mut self) -> Plan {
        let kind = match self.rng.u32(..100) {
            0..14 => Kind::Plain,
            14..32 => Kind::Multi,
            32..36 => Kind::Discarded,
            36..40 => Kind::Refused,
            40..56 => Kind::Watch,
            56..66 => Kind::ScriptDeclared,
            66..76 => Kind::ScriptComputed,
            76..82 => Kind::ScriptMixed,
            82..90 => Kind::ScriptChase,
            90..94 => Kind::ScriptFailing,
            _ => Kind::ScriptInMulti,
        };
        let kind = self.perhaps_rolled_back(kind);
        let mut watched = Vec::new();
        let body = match kind {
            Kind::Plain => Body::Single(self.plain()),
            Kind::Multi => Body::Exec {
                queued: self.plains(),
                refused: false,
            },
            Kind::Refused => Body::Exec {
                queued: self.plains(),
                refused: true,
            },
            Kind::Discarded => Body::Discard {
                queued: self.plains(),
            },
            Kind::Watch => {
                let reads: Vec<Command> = (0..self.rng.usize(1..4)).map(|_| self.read()).collect();
                let names = reads.iter().map(|read| read.words[1].clone());
                watched.push(Command {
                    words: [b"WATCH".to_vec()].into_iter().chain(names).collect(),
                    meaning: Meaning::Control,
                });
                watched.extend(reads);
                Body::Exec {
                    queued: self.plains(),
                    refused: false,
                }
            }
            Kind::ScriptChase => Body::Single(self.chase()),
            Kind::MultiRolledBack => {
                let queued = self.plains();
                self.rolled_back(queued)
            }
            Kind::ScriptInMulti => {
                let mut queued = self.plains();
                queued.push(if self.rng.bool() {
                    self.chase()
                } else {
                    self.script(Kind::ScriptComputed)
                });
                queued.push(self.plain());
                Body::Exec {
                    queued,
                    refused: false,
                }
            }
            _ => Body::Single(self.script(kind)),
        };
        Plan {
            kind,
            watched,
            body,
        }
    }

    /// One in six is one of which nothing happens, where the server can do that.
    pub fn perhaps_rolled_back(&mut self, kind: Kind) -> Kind {
        if self.scripts.rollbacks.is_none() {
            return kind;
        }
        match self.rng.u32(..12) {
            0 => Kind::MultiRolledBack,
            1 => Kind::ScriptRolledBack,
            _ => kind,
        }
    }

    /// A transaction that fails at some point, so that nothing of it happens.
    pub fn rolled_back(&mut self, queued: Vec<Command>) -> Body {
        let prefix = self.lists.prefix.as_bytes();
        let key = self.lists.name(self.lists.pick(&mut self.rng, 0));
        let script = |name: &[u8], ending: Ending| {
            let call: [&[u8]; 7] = [b"EVALSHA", name, b"0", prefix, b"", b"", b""];
            let mut call = words(&call);
            call[4] = ending.word().into();
            call
        };
        let atomic = self.scripts.rollbacks.as_ref().map(|forms| &forms.atomic);
        let failing = match self.rng.u32(..8) {
            0 => words(&[b"DEBUG", b"PANIC", &key]),
            1 => script(&self.scripts.operations, Ending::Rollback),
            2 => script(atomic.unwrap_or(&self.scripts.operations), Ending::Fail),
            3 => script(&self.scripts.operations, Ending::Fail),
            _ => words(&[b"INCRBY", &key, b"no number"]),
        };
        Body::RolledBack {
            after: self.rng.usize(..=queued.len()),
            queued,
            failing,
        }
    }

    fn plains(&mut self) -> Vec<Command> {
        (0..self.rng.usize(1..5)).map(|_| self.plain()).collect()
    }

    fn plain(&mut self) -> Command {
        match self.rng.u32(..10) {
            0..5 => {
                let key = self.lists.pick(&mut self.rng, 1);
                self.write_to(key)
            }
            5..8 => self.read(),
            _ => {
                let some = self.rng.usize(2..6);
                let picked = (0..some).map(|_| self.lists.pick(&mut self.rng, 0));
                let keys: Vec<Key> = picked
                    .filter(|&key| Shape::of(key) == Shape::Text)
                    .collect();
                match keys.is_empty() {
                    true => self.read(),
                    false => self.reads(keys),
                }
            }
        }
    }

    /// Writes a mark.
    pub fn write_to(&mut self, key: Key) -> Command {
        let mark = self.lists.mark();
        Command {
            words: Shape::of(key).write(self.lists.name(key), &[mark]),
            meaning: Meaning::Write(key, mark),
        }
    }

    /// Reads all marks of a key.
    pub fn read_of(&self, key: Key) -> Command {
        Command {
            words: Shape::of(key).read(self.lists.name(key)),
            meaning: Meaning::Read(key),
        }
    }

    fn read(&mut self) -> Command {
        let key = self.lists.pick(&mut self.rng, 0);
        self.read_of(key)
    }

    /// Reads several strings by one command.
    fn reads(&self, keys: Vec<Key>) -> Command {
        let names = keys.iter().map(|&key| self.lists.name(key));
        Command {
            words: [b"MGET".to_vec()].into_iter().chain(names).collect(),
            meaning: Meaning::Reads(keys),
        }
    }

    fn script(&mut self, kind: Kind) -> Command {
        let some = self.rng.usize(1..6);
        let intents = (0..some)
            .map(|_| match self.rng.bool() {
                true => Intent::Write(self.lists.pick(&mut self.rng, 1), self.lists.mark()),
                false => Intent::Read(self.lists.pick(&mut self.rng, 0)),
            })
            .collect();
        self.script_of(intents, kind)
    }

    /// A script that does this, in the way that `kind` says.
    pub fn script_of(&mut self, intents: Vec<Intent>, kind: Kind) -> Command {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut arguments = vec![self.lists.prefix.clone().into_bytes()];
        for intent in &intents {
            let (name, number) = match *intent {
                Intent::Write(key, _) | Intent::Read(key) => {
                    (self.lists.name(key), key.to_string())
                }
                Intent::Push(queue, _) | Intent::Take(queue) => {
                    (self.lists.queue_name(queue), format!("q{queue}"))
                }
            };
            let declared = match kind {
                Kind::ScriptDeclared => true,
                Kind::ScriptComputed => false,
                _ => self.rng.bool(),
            };
            let place = if declared {
                keys.push(name);
                format!("#{}", keys.len())
            } else {
                number
            };
            let [what, argument] = match *intent {
                Intent::Write(key, mark) => {
                    [Shape::of(key).write_command().into(), mark_text(mark)]
                }
                Intent::Read(key) => [Shape::of(key).read_command().into(), Vec::new()],
                Intent::Push(queue, mark) => script_push(queue, mark),
                Intent::Take(queue) => [take_command(queue).into(), Vec::new()],
            };
            arguments.extend([what, place.into_bytes(), argument]);
            // A longer script gives others the time to come in between, where there is a gap.
            if self.rng.u32(..10) == 0 {
                arguments.extend([b"spin".to_vec(), Vec::new(), b"3000".to_vec()]);
            }
        }
        let ending = (kind == Kind::ScriptRolledBack).then(|| Ending::some(&mut self.rng));
        let mut call = self.scripts.call(ending, &mut self.rng);
        let meaning = if kind == Kind::ScriptFailing {
            // what it wrote before stays where nobody asks for anything else
            call = [b"EVALSHA".to_vec(), self.scripts.operations.clone()];
            arguments.extend([b"fail".to_vec(), Vec::new(), Vec::new()]);
            Meaning::FailingScript(intents)
        } else if let Some(ending) = ending {
            let at = 1 + 3 * self.rng.usize(..=arguments.len() / 3);
            let place = arguments[0].clone();
            arguments.splice(at..at, [ending.word().into(), place, Vec::new()]);
            Meaning::RolledBack(intents, ScriptEnding(ending))
        } else {
            Meaning::Script(intents)
        };
        let mut words: Vec<Vec<u8>> = call.into();
        words.push(keys.len().to_string().into_bytes());
        words.extend(keys);
        words.extend(arguments);
        Command { words, meaning }
    }

    fn chase(&mut self) -> Command {
        let (mark, first) = (self.lists.mark(), self.lists.pick(&mut self.rng, 0));
        let mut words = vec![
            b"EVALSHA".to_vec(),
            self.scripts.chase.clone(),
            b"0".to_vec(),
        ];
        words.extend([
            self.lists.prefix.clone().into_bytes(),
            mark_text(mark),
            Shape::of(first).read_command().into(),
            first.to_string().into_bytes(),
        ]);
        for _ in 0..3 {
            let key = self.lists.pick(&mut self.rng, 1);
            let what = Shape::of(key).write_command().into();
            words.extend([what, key.to_string().into_bytes()]);
        }
        Command {
            words,
            meaning: Meaning::Chase(first, mark),
        }
    }
}

impl Command {
    /// What `reply` says was done; None where it is no answer to this command.
    pub fn understand(&self, reply: &Value) -> Option<Vec<Operation>> {
        match &self.meaning {
            Meaning::Control => Some(Vec::new()),
            Meaning::Write(key, mark) => Some(vec![shapes::written(*key, *mark, reply)?]),
            Meaning::Read(key) => Some(vec![shapes::read(*key, reply)?]),
            Meaning::Reads(keys) => {
                let values = reply
                    .as_array()
                    .filter(|values| values.len() == keys.len())?;
                let read = |(&key, value)| shapes::read(key, value);
                keys.iter().zip(values).map(read).collect()
            }
            // a list's length follows from nothing that is known here, but it holds what was pushed
            Meaning::Push(_, marks) => {
                (reply.as_integer()? >= marks.len() as i64).then(|| self.unseen())
            }
            Meaning::Take(taking, names) => taking.understand(reply, names),
            Meaning::Rest(queue) => Some(vec![Operation::Rest {
                queue: *queue,
                marks: shapes::marks(reply)?,
            }]),
            Meaning::Script(intents) => {
                let values = reply
                    .as_array()
                    .filter(|values| values.len() == intents.len())?;
                let operation = |(intent, value): (&Intent, &Value)| match *intent {
                    Intent::Write(key, mark) => shapes::written(key, mark, value),
                    Intent::Read(key) => shapes::read(key, value),
                    Intent::Push(queue, mark) => {
                        let is_there = value.as_integer()? >= 1;
                        is_there.then_some(Operation::Push { queue, mark })
                    }
                    Intent::Take(queue) => taken_by_script(queue, value),
                };
                intents.iter().zip(values).map(operation).collect()
            }
            // As in Redis, what a script wrote before its error stays.
            Meaning::FailingScript(_) => match reply {
                Value::Error(text) if String::from_utf8_lossy(text).contains("planned failure") => {
                    Some(self.unseen())
                }
                _ => None,
            },
            Meaning::RolledBack(_, ScriptEnding(ending)) => match reply {
                Value::Error(text) if ending.is_told_by(text) => Some(Vec::new()),
                _ => None,
            },
            Meaning::Chase(first, mark) => match reply.as_array()? {
                [value, chosen, written] => {
                    let chosen = std::str::from_utf8(chosen.as_bytes()?).ok()?.parse().ok()?;
                    Some(vec![
                        shapes::read(*first, value)?,
                        shapes::written(chosen, *mark, written)?,
                    ])
                }
                _ => None,
            },
        }
    }

    /// What is written by a command of which nothing happens, if it is one.
    pub fn never(&self) -> Option<Vec<Operation>> {
        matches!(self.meaning, Meaning::RolledBack(..)).then(|| self.unseen())
    }

    /// What a command does to the keys whose reply nobody saw. Which key a chase chose is not known.
    pub fn unseen(&self) -> Vec<Operation> {
        match &self.meaning {
            Meaning::Write(key, mark) => vec![shapes::write_unseen(*key, *mark)],
            Meaning::Push(queue, marks) => {
                let queue = *queue;
                let push = |&mark| Operation::Push { queue, mark };
                marks.iter().map(push).collect()
            }
            Meaning::Take(taking, _) => vec![taking.unseen()],
            Meaning::Script(intents)
            | Meaning::FailingScript(intents)
            | Meaning::RolledBack(intents, _) => {
                let operation = |intent: &Intent| match *intent {
                    Intent::Write(key, mark) => Some(shapes::write_unseen(key, mark)),
                    Intent::Read(_) => None,
                    Intent::Push(queue, mark) => Some(Operation::Push { queue, mark }),
                    Intent::Take(queue) => Some(Operation::MayTake {
                        queues: vec![queue],
                        count: 1,
                        to: None,
                    }),
                };
                intents.iter().filter_map(operation).collect()
            }
            Meaning::Chase(_, mark) => vec![Operation::Append {
                key: KEY_UNKNOWN,
                mark: *mark,
                before: None,
            }],
            Meaning::Control | Meaning::Read(_) | Meaning::Reads(_) | Meaning::Rest(_) => {
                Vec::new()
            }
        }
    }
}
