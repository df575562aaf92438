//! Makes transactions of every kind, and understands the answers to them.
//!
//! A plan is what goes over the wire together with what each reply means. Keys are retired after some
//! appends, so that values stay short and reads stay cheap however long a run lasts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use fastrand::Rng;
use perilune_harness::Value;

use crate::history::{Key, Kind, Mark, Operation};

/// Stands for the list of an append of which only the mark is known.
pub const KEY_UNKNOWN: Key = Key::MAX;
/// A mark on the server: fixed width, so that a value's length tells how many there are.
const MARK_BYTES: usize = 8;

/// Does the operations that ARGV lists in threes: what, on which key (`#1` is KEYS[1], `17` makes a name), and
/// the mark or the number of turns.
const SCRIPT_OPERATIONS: &str = "
local prefix, answers = ARGV[1], {}
for i = 2, #ARGV, 3 do
  local what, place, argument = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local key = place:sub(1, 1) == '#' and KEYS[tonumber(place:sub(2))] or prefix .. place
  if what == 'append' then
    answers[#answers + 1] = redis.call('APPEND', key, argument)
  elseif what == 'read' then
    answers[#answers + 1] = redis.call('GET', key) or ''
  elseif what == 'spin' then
    local n = 0
    for turn = 1, tonumber(argument) do n = n + turn % 7 end
  else
    error('planned failure')
  end
end
return answers";

/// Reads one list, and appends to another one that is chosen by what it read.
const SCRIPT_CHASE: &str = "
local prefix, mark, first = ARGV[1], ARGV[2], ARGV[3]
local value = redis.call('GET', prefix .. first) or ''
local chosen = ARGV[4 + (#value / 8) % (#ARGV - 3)]
return {value, chosen, redis.call('APPEND', prefix .. chosen, mark)}";

/// The scripts' names for EVALSHA, as SCRIPT LOAD answered them.
#[derive(Debug, Clone)]
pub struct Scripts {
    operations: Vec<u8>,
    chase: Vec<u8>,
}

impl Scripts {
    /// Loads them through `call`.
    pub fn load(mut call: impl FnMut(&[&[u8]]) -> std::io::Result<Value>) -> std::io::Result<Self> {
        let mut load = |script: &str| match call(&[b"SCRIPT", b"LOAD", script.as_bytes()])? {
            Value::Bulk(sha) => Ok(sha),
            other => Err(std::io::Error::other(format!(
                "SCRIPT LOAD answers {other:?}"
            ))),
        };
        Ok(Self {
            operations: load(SCRIPT_OPERATIONS)?,
            chase: load(SCRIPT_CHASE)?,
        })
    }
}

/// What all connections share: the lists in use, and the next numbers.
#[derive(Debug)]
pub struct Lists {
    prefix: String,
    appends_max: u32,
    /// For each list in use its number and how many appends were planned on it.
    in_use: Mutex<Vec<(Key, u32)>>,
    next_key: AtomicU32,
    next_mark: AtomicU32,
}

impl Lists {
    /// `count` lists in use at any time, retired after `appends_max` appends; names begin with `prefix`.
    pub fn new(prefix: String, count: u32, appends_max: u32) -> Self {
        Self {
            prefix,
            appends_max,
            in_use: Mutex::new((0..count).map(|key| (key, 0)).collect()),
            next_key: AtomicU32::new(count),
            next_mark: AtomicU32::new(1),
        }
    }

    /// How many lists there have been.
    pub fn used(&self) -> u32 {
        self.next_key.load(Ordering::Relaxed)
    }

    /// The list's name on the server.
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

    fn mark(&self) -> Mark {
        self.next_mark.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a transaction means to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Intent {
    Append(Key, Mark),
    Read(Key),
}

/// A command and what its reply will mean.
#[derive(Debug)]
pub struct Command {
    /// The command's words.
    pub words: Vec<Vec<u8>>,
    meaning: Meaning,
}

#[derive(Debug)]
enum Meaning {
    /// Nothing.
    Control,
    /// APPEND.
    Append(Key, Mark),
    /// MGET.
    Reads(Vec<Key>),
    /// GET.
    Read(Key),
    /// The operations script.
    Script(Vec<Intent>),
    /// The operations script, ending in an error after these appends.
    FailingScript(Vec<Intent>),
    /// The chasing script: which list it reads, and the mark that it appends.
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

fn words<A: AsRef<[u8]>>(words: &[A]) -> Vec<Vec<u8>> {
    words.iter().map(|w| w.as_ref().to_vec()).collect()
}

fn mark_text(mark: Mark) -> Vec<u8> {
    format!("{mark:08x}").into_bytes()
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

    fn plains(&mut self) -> Vec<Command> {
        (0..self.rng.usize(1..5)).map(|_| self.plain()).collect()
    }

    fn plain(&mut self) -> Command {
        match self.rng.u32(..10) {
            0..5 => {
                let (key, mark) = (self.lists.pick(&mut self.rng, 1), self.lists.mark());
                let words = words(&[b"APPEND".to_vec(), self.lists.name(key), mark_text(mark)]);
                Command {
                    words,
                    meaning: Meaning::Append(key, mark),
                }
            }
            5..8 => self.read(),
            _ => {
                let keys: Vec<Key> = (0..self.rng.usize(2..5))
                    .map(|_| self.lists.pick(&mut self.rng, 0))
                    .collect();
                self.reads(keys)
            }
        }
    }

    fn read(&mut self) -> Command {
        let key = self.lists.pick(&mut self.rng, 0);
        Command {
            words: words(&[b"GET".to_vec(), self.lists.name(key)]),
            meaning: Meaning::Read(key),
        }
    }

    /// Reads several lists at one moment.
    pub fn reads(&self, keys: Vec<Key>) -> Command {
        let names = keys.iter().map(|&key| self.lists.name(key));
        Command {
            words: [b"MGET".to_vec()].into_iter().chain(names).collect(),
            meaning: Meaning::Reads(keys),
        }
    }

    fn intents(&mut self) -> Vec<Intent> {
        (0..self.rng.usize(1..6))
            .map(|_| match self.rng.bool() {
                true => Intent::Append(self.lists.pick(&mut self.rng, 1), self.lists.mark()),
                false => Intent::Read(self.lists.pick(&mut self.rng, 0)),
            })
            .collect()
    }

    fn script(&mut self, kind: Kind) -> Command {
        let intents = self.intents();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut arguments = vec![self.lists.prefix.clone().into_bytes()];
        for intent in &intents {
            let (Intent::Append(key, _) | Intent::Read(key)) = *intent;
            let declared = match kind {
                Kind::ScriptDeclared => true,
                Kind::ScriptComputed => false,
                _ => self.rng.bool(),
            };
            let place = if declared {
                keys.push(self.lists.name(key));
                format!("#{}", keys.len())
            } else {
                key.to_string()
            };
            match *intent {
                Intent::Append(_, mark) => {
                    arguments.extend([b"append".to_vec(), place.into_bytes(), mark_text(mark)])
                }
                Intent::Read(_) => {
                    arguments.extend([b"read".to_vec(), place.into_bytes(), Vec::new()])
                }
            }
            // A longer script gives others the time to come in between, where there is a gap.
            if self.rng.u32(..10) == 0 {
                arguments.extend([b"spin".to_vec(), Vec::new(), b"3000".to_vec()]);
            }
        }
        let meaning = if kind == Kind::ScriptFailing {
            arguments.extend([b"fail".to_vec(), Vec::new(), Vec::new()]);
            Meaning::FailingScript(intents)
        } else {
            Meaning::Script(intents)
        };
        let mut words = vec![
            b"EVALSHA".to_vec(),
            self.scripts.operations.clone(),
            keys.len().to_string().into_bytes(),
        ];
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
            first.to_string().into_bytes(),
        ]);
        words.extend((0..3).map(|_| self.lists.pick(&mut self.rng, 1).to_string().into_bytes()));
        Command {
            words,
            meaning: Meaning::Chase(first, mark),
        }
    }
}

fn marks(value: &Value) -> Option<Vec<Mark>> {
    if value.is_null() {
        return Some(Vec::new());
    }
    let chunks = value.as_bytes()?.chunks(MARK_BYTES);
    chunks
        .map(|c| {
            Mark::from_str_radix(std::str::from_utf8(c).ok()?, 16)
                .ok()
                .filter(|_| c.len() == MARK_BYTES)
        })
        .collect()
}

fn appended(key: Key, mark: Mark, reply: &Value) -> Option<Operation> {
    let marks = reply.as_integer()? as usize / MARK_BYTES;
    Some(Operation::Append {
        key,
        mark,
        before: Some(u32::try_from(marks.checked_sub(1)?).ok()?),
    })
}

impl Command {
    /// What `reply` says was done; None where it is no answer to this command.
    pub fn understand(&self, reply: &Value) -> Option<Vec<Operation>> {
        match &self.meaning {
            Meaning::Control => Some(Vec::new()),
            Meaning::Append(key, mark) => Some(vec![appended(*key, *mark, reply)?]),
            Meaning::Read(key) => Some(vec![Operation::Read {
                key: *key,
                marks: marks(reply)?,
            }]),
            Meaning::Reads(keys) => {
                let values = reply
                    .as_array()
                    .filter(|values| values.len() == keys.len())?;
                keys.iter()
                    .zip(values)
                    .map(|(&key, v)| {
                        Some(Operation::Read {
                            key,
                            marks: marks(v)?,
                        })
                    })
                    .collect()
            }
            Meaning::Script(intents) => {
                let values = reply
                    .as_array()
                    .filter(|values| values.len() == intents.len())?;
                let operation = |(intent, value): (&Intent, &Value)| match *intent {
                    Intent::Append(key, mark) => appended(key, mark, value),
                    Intent::Read(key) => Some(Operation::Read {
                        key,
                        marks: marks(value)?,
                    }),
                };
                intents.iter().zip(values).map(operation).collect()
            }
            // As in Redis, what a script wrote before its error stays.
            Meaning::FailingScript(_) => match reply {
                Value::Error(text) if String::from_utf8_lossy(text).contains("planned failure") => {
                    Some(self.appends())
                }
                _ => None,
            },
            Meaning::Chase(first, mark) => match reply.as_array()? {
                [value, chosen, length] => {
                    let chosen = std::str::from_utf8(chosen.as_bytes()?).ok()?.parse().ok()?;
                    Some(vec![
                        Operation::Read {
                            key: *first,
                            marks: marks(value)?,
                        },
                        appended(chosen, *mark, length)?,
                    ])
                }
                _ => None,
            },
        }
    }

    /// The appends of a command whose reply nobody saw. Which list a chase chose is not known.
    pub fn appends(&self) -> Vec<Operation> {
        let append = |key, mark| Operation::Append {
            key,
            mark,
            before: None,
        };
        match &self.meaning {
            Meaning::Append(key, mark) => vec![append(*key, *mark)],
            Meaning::Script(intents) | Meaning::FailingScript(intents) => intents
                .iter()
                .filter_map(|intent| match *intent {
                    Intent::Append(key, mark) => Some(append(key, mark)),
                    Intent::Read(_) => None,
                })
                .collect(),
            Meaning::Chase(_, mark) => vec![append(KEY_UNKNOWN, *mark)],
            Meaning::Control | Meaning::Read(_) | Meaning::Reads(_) => Vec::new(),
        }
    }
}
