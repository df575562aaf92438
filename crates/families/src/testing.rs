//! How the commands are tested: a transcript, as one would type it into the command line client, is played on a fresh keyspace.
//!
//! ```text
//! > SET k v PX 100 => OK         a call and its answer, in the notation of valkey-cli
//! > LCS a b                      an answer of several lines stands below its call
//! "hello"
//! > :sent                        a colon: a question to the harness, about the last call (see `Stage::directive`)
//! SET k v PXAT 1000100
//! ```
//!
//! A call goes the way of all calls: found in the table, its stripes locked by its key specs, run, committed. And
//! every call of every transcript proves more than its answer:
//!
//! * it is run twice: first under a recording transaction that is rolled back, which must leave no trace, then
//!   directly, with the same answer, changes and effects;
//! * it locks what its key specs say and nothing else;
//! * where it answers an error, it has changed nothing;
//! * its effects, replayed on a replica, make the replica equal.

use std::ops::ControlFlow;
use std::sync::Arc;

use perilune_command::{DataHandler, Entry, FindKeys, Flags, KeyFlags, PlanKind, Registry, Stop};
use perilune_keyspace::{
    Announcement, Announcements, EffectUnit, EventClass, Found, KeyHasher, Keyspace,
    KeyspaceOptions, LockPlan, ManualClock, MemoryLog, ReadTxn, Txn,
};
use perilune_resp::client::{Value, parse_value};
use perilune_resp::{Protocol, Reply, RespWriter, split_args};
use perilune_value::Object;
use perilune_value::rdb::{self, dump};

/// The time at which every transcript starts, in milliseconds.
pub const START_MS: i64 = 1_000_000;

/// Plays a transcript on a fresh keyspace.
#[track_caller]
pub fn check(transcript: &str) {
    Stage::new().play(transcript);
}

/// The table of the data commands.
pub fn registry() -> Registry<DataHandler> {
    let mut registry = Registry::new();
    for family in crate::FAMILIES {
        registry.add(family, &|handler| handler);
    }
    registry
}

/// A keyspace, its replica, and the connection that talks to it.
pub struct Stage {
    registry: Registry<DataHandler>,
    keyspace: Keyspace,
    replica: Keyspace,
    clock: Arc<ManualClock>,
    log: Arc<MemoryLog>,
    protocol: Protocol,
    database: usize,
    /// The units of the log that the replica has.
    replayed: usize,
    last: Ran,
}

/// What a call did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The bytes of its answer.
    pub answer: Vec<u8>,
    /// The changes that it counted.
    pub changes: u64,
    /// What goes to the log, one command per line.
    pub sent: String,
    /// The events that it announces, one per line.
    pub events: String,
}

impl Ran {
    /// The same without misses: where the first of two runs removes what has expired, the second one misses it.
    fn without_misses(&self) -> Ran {
        let events = self.events.lines().filter(|event| !event.starts_with("m "));
        Ran {
            events: events.collect::<Vec<_>>().join("\n"),
            ..self.clone()
        }
    }
}

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    RollBack,
    Commit,
}

impl Stage {
    /// An empty keyspace at [`START_MS`].
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::at_ms(START_MS));
        let open = || {
            Keyspace::new(KeyspaceOptions {
                clock: Box::new(clock.clone()),
                hasher: KeyHasher::with_seed(1),
                ..KeyspaceOptions::default()
            })
        };
        let (keyspace, replica) = (open(), open());
        let log = Arc::new(MemoryLog::default());
        keyspace.set_effect_consumer(Some(log.clone()));
        keyspace.set_event_classes(EventClass::ALL);
        Self {
            registry: registry(),
            keyspace,
            replica,
            clock,
            log,
            protocol: Protocol::Resp2,
            database: 0,
            replayed: 0,
            last: Ran::default(),
        }
    }

    /// Plays a transcript.
    #[track_caller]
    pub fn play(&mut self, transcript: &str) {
        for (call, expected) in steps(transcript) {
            let answer = match call.strip_prefix(':') {
                Some(directive) => self.directive(directive),
                None => self.call(&call),
            };
            assert_eq!(answer, expected, "\n> {call}");
        }
    }

    /// Runs a call, with all proofs, and shows its answer.
    #[track_caller]
    pub fn call(&mut self, line: &str) -> String {
        let arguments =
            split_args(line.as_bytes()).unwrap_or_else(|| panic!("unbalanced quotes: {line}"));
        let arguments: Vec<&[u8]> = arguments.iter().map(|a| &a[..]).collect();
        let before = state(&self.keyspace);
        let tried = self.run(&arguments, Ending::RollBack);
        assert_eq!(state(&self.keyspace), before, "rolled back: {line}");
        let ran = self.run(&arguments, Ending::Commit);
        if is_random(&self.registry, &arguments) {
            // the same seed chooses by the places of elements, and what was taken back may have got others
            assert_eq!(ran.changes, tried.changes, "recorded and not: {line}");
        } else {
            assert_eq!(
                ran.without_misses(),
                tried.without_misses(),
                "recorded and not recorded: {line}"
            );
        }
        if ran.changes > 0 && !is_silent(arguments[0]) {
            // `new` and `keymiss` come by themselves
            let is_told = |event: &str| !event.starts_with("n ") && !event.starts_with("m ");
            assert!(
                ran.events.lines().any(is_told),
                "a change without an event (see WriteTxn::notify): {line}"
            );
        }
        if ran.changes == 0 && !is_uncounted(&ran) {
            // another encoding of the same value is no change
            assert_eq!(
                told(&state(&self.keyspace)),
                told(&before),
                "changed without counting a change: {line}"
            );
        }
        self.replicate();
        assert_eq!(
            told(&state(&self.replica)),
            told(&state(&self.keyspace)),
            "on the replica: {line}"
        );
        let answer = show(&ran.answer);
        self.last = ran;
        answer
    }

    /// What the last call did.
    pub fn last(&self) -> &Ran {
        &self.last
    }

    /// Answers a question of a transcript to the harness.
    ///
    /// | directive         | does                                                                      |
    /// |-------------------|---------------------------------------------------------------------------|
    /// | `:sent`           | shows what the last call sent to the log                                  |
    /// | `:events`         | shows the events that the last call announced: class, event, key, and its database if not 0 |
    /// | `:changes`        | shows how many changes the last call counted                              |
    /// | `:encoding KEY`   | shows the encoding of a value                                             |
    /// | `:expires KEY`    | shows when a key expires, in milliseconds: the transcript starts at 1000000 |
    /// | `:wait MS`        | moves the clock                                                           |
    /// | `:resp N`         | speaks RESP2 or RESP3 from now on                                         |
    /// | `:select N`       | works on another database from now on                                     |
    /// | `:string-max LEN` | limits the length of strings                                              |
    #[track_caller]
    fn directive(&mut self, directive: &str) -> String {
        let (name, argument) = directive.split_once(' ').unwrap_or((directive, ""));
        let number = || {
            argument
                .parse::<i64>()
                .unwrap_or_else(|e| panic!(":{directive}: {e}"))
        };
        match name {
            "sent" => return self.last.sent.clone(),
            "events" => return self.last.events.clone(),
            "changes" => return self.last.changes.to_string(),
            "encoding" | "expires" => {
                let state = state(&self.keyspace);
                let is_it =
                    |key: &&Key| key.database == self.database && key.name == argument.as_bytes();
                return match (state.iter().find(is_it), name) {
                    (None, _) => "no such key".into(),
                    (Some(key), "encoding") => key.encoding.into(),
                    (Some(key), _) => key.expire_at_ms.map_or("never".into(), |ms| ms.to_string()),
                };
            }
            "wait" => self.clock.advance_ms(number()),
            "resp" => {
                self.protocol = if number() == 3 {
                    Protocol::Resp3
                } else {
                    Protocol::Resp2
                }
            }
            "select" => self.database = number() as usize,
            "string-max" => self.keyspace.set_string_len_max(number() as usize),
            other => panic!("no directive :{other}"),
        }
        String::new()
    }

    /// Runs a call on the keyspace and takes it back, or makes it final.
    fn run(&self, arguments: &[&[u8]], ending: Ending) -> Ran {
        let mut answer = Vec::new();
        let mut reply = RespWriter::new(&mut answer, self.protocol);
        match self.registry.resolve(arguments) {
            Ok(entry) => {
                let (changes, sent, events) = execute(
                    &self.keyspace,
                    entry,
                    self.database,
                    arguments,
                    ending,
                    &mut reply,
                );
                Ran {
                    answer,
                    changes,
                    sent,
                    events,
                }
            }
            Err(error) => {
                reply.error(error.message());
                Ran {
                    answer,
                    ..Ran::default()
                }
            }
        }
    }

    /// Replays on the replica what has been sent since the last time.
    fn replicate(&mut self) {
        let units = self.log.units();
        for (_, unit) in &units[self.replayed..] {
            for (database, arguments) in unit.commands() {
                let entry = self
                    .registry
                    .resolve(&arguments)
                    .unwrap_or_else(|e| panic!("{}", lossy(e.message())));
                let mut answer = Vec::new();
                let mut reply = RespWriter::new(&mut answer, Protocol::Resp2);
                execute(
                    &self.replica,
                    entry,
                    database,
                    &arguments,
                    Ending::Commit,
                    &mut reply,
                );
                assert!(
                    !answer.starts_with(b"-"),
                    "on the replica: {}",
                    lossy(&answer)
                );
            }
        }
        self.replayed = units.len();
    }
}

/// Whether a call changes what it chooses at random.
pub fn is_random(registry: &Registry<DataHandler>, arguments: &[&[u8]]) -> bool {
    registry.resolve(arguments).is_ok_and(|entry| {
        matches!(entry.handler, Some(DataHandler::Write(_)))
            && entry.spec.tips.contains(&"nondeterministic_output")
    })
}

/// Runs a command in a transaction of its own. The changes it counted, what it sent to the log, and its events.
fn execute(
    keyspace: &Keyspace,
    entry: &Entry<DataHandler>,
    database: usize,
    arguments: &[&[u8]],
    ending: Ending,
    reply: &mut RespWriter<'_>,
) -> (u64, String, String) {
    let mut keys = Vec::new();
    // where the arguments contradict themselves, the command says what is wrong with them
    let are_known = entry
        .keys
        .for_each(arguments, &mut |key| keys.push(key.index))
        .is_ok()
        && !entry
            .spec
            .keys
            .iter()
            .any(|k| k.flags.has(KeyFlags::INCOMPLETE) || k.find == FindKeys::Unknown);
    let are_known = are_known && entry.spec.plan != PlanKind::Walk;
    let plan = match entry.spec.plan {
        PlanKind::AllStripes => LockPlan::All,
        PlanKind::Keys | PlanKind::Walk => LockPlan::of(
            keys.iter()
                .map(|&index| keyspace.stripe_of(arguments[index])),
        ),
    };

    let mut txn = Txn::begin(keyspace, database);
    txn.set_random_seed(1);
    if ending == Ending::RollBack {
        txn.record();
    }
    if entry.flags.has(Flags::BLOCKING) {
        txn.allow_waiting();
    }
    assert_eq!(txn.lock(&plan, &mut None), Ok(()));
    let start = txn.start_command();
    let answer_start = reply.buf.len();
    let outcome = match entry.handler {
        Some(handler) => handler.run(&mut txn, entry, arguments, reply),
        None => unreachable!("the table resolves no call to a container"),
    };
    if let Some(wait) = txn.take_wait() {
        assert_eq!(outcome, Ok(()));
        let keys = arguments[wait.keys].iter().map(|key| lossy(key));
        let keys = keys.collect::<Vec<_>>().join(" ");
        reply.status(&format!("(waits for a {} at {keys})", wait.type_name));
    }
    match outcome {
        Ok(()) => assert!(
            reply.buf.len() > answer_start,
            "{} has not answered",
            entry.full_name
        ),
        Err(Stop::Error(error)) => {
            assert_eq!(
                txn.changes(),
                start,
                "{} fails after a change",
                entry.full_name
            );
            assert_eq!(
                reply.buf.len(),
                answer_start,
                "{} fails after an answer",
                entry.full_name
            );
            reply.error(error.message());
        }
        Err(Stop::Abort) => panic!("{} aborts though nobody else is here", entry.full_name),
    }
    if are_known {
        assert_eq!(
            txn.learned_plan(),
            plan,
            "{} uses keys that its specs do not name",
            entry.full_name
        );
    }
    txn.end_command(start, database, arguments);
    let (changes, sent, events) = (
        txn.changes(),
        shown_effects(txn.effects()),
        shown_events(txn.announcements()),
    );
    match ending {
        Ending::RollBack => txn.roll_back(),
        Ending::Commit => {
            txn.commit();
        }
    }
    (changes, sent, events)
}

/// A key with all that can be told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub database: usize,
    pub name: Vec<u8>,
    pub encoding: &'static str,
    pub value: String,
    pub expire_at_ms: Option<i64>,
    /// If it is packed or a list, its payload, nodes and all; of a packed hash the fields as they stand there.
    pub packed: Option<Vec<u8>>,
}

/// All live keys, in order. Leaves everything as it is.
pub fn state(keyspace: &Keyspace) -> Vec<Key> {
    let mut txn = Txn::begin(keyspace, 0);
    let keys = state_in(&mut txn);
    txn.commit();
    keys
}

/// All live keys as a transaction sees them, in order. Leaves everything as it is.
pub fn state_in(txn: &mut Txn<'_>) -> Vec<Key> {
    let (keyspace, selected) = (txn.keyspace(), txn.database());
    keyspace.pause_expiry(true);
    let mut keys = Vec::new();
    for database in 0..keyspace.database_count() {
        txn.select(database);
        let mut read = ReadTxn::new(txn);
        if read.is_empty() {
            continue;
        }
        let now_ms = read.now_ms();
        let walked = read.for_each(&mut |found| {
            keys.extend(shown_key(database, found, now_ms));
            ControlFlow::Continue(())
        });
        assert!(walked.is_ok(), "nobody else is here");
    }
    txn.select(selected);
    keyspace.pause_expiry(false);
    keys.sort();
    keys
}

/// A live key; none if it is a hash of which no field is.
fn shown_key(database: usize, found: Found<'_>, now_ms: i64) -> Option<Key> {
    let (value, packed) = match (found.text(), found.object()) {
        (Ok(text), _) => (lossy(text.bytes(&mut itoa::Buffer::new())), None),
        (Err(_), Some(Object::Hash(hash))) => {
            // a field that has expired is absent, whether it is removed or not
            let hash = hash.at(now_ms);
            if hash.live_len() == 0 {
                return None;
            }
            let packed = (found.encoding_name() != "hashtable").then(|| {
                let names = hash.iter().map(|field| field.name.to_vec());
                names.collect::<Vec<_>>().join(&b' ')
            });
            (format!("{hash:?}"), packed)
        }
        (Err(_), Some(object)) => {
            let is_told = object.is_packed() || matches!(object, Object::List(_));
            let packed = is_told.then(|| dump(rdb::Value::Object(object)));
            (format!("{object:?}"), packed)
        }
        (Err(_), None) => unreachable!("what is no string is an object"),
    };
    Some(Key {
        database,
        name: found.key().to_vec(),
        encoding: found.encoding_name(),
        value,
        expire_at_ms: found.expire_at_ms(),
        packed,
    })
}

/// Keys as others are told of them, a replica for one: encodings may differ there, as they do in Redis.
fn told(state: &[Key]) -> Vec<(usize, String, &str, Option<i64>)> {
    state
        .iter()
        .map(|key| {
            let name = lossy(&key.name);
            (key.database, name, &key.value[..], key.expire_at_ms)
        })
        .collect()
}

/// Whether a call may change something without counting it, as in the reference: BITFIELD where all that was to be written
/// overflows (the string has grown all the same), which the log has.
fn is_uncounted(ran: &Ran) -> bool {
    ran.sent.starts_with("BITFIELD ")
}

/// Whether a command may change something and say nothing of it, as in the reference: what does away with whole databases.
fn is_silent(name: &[u8]) -> bool {
    ["FLUSHDB", "FLUSHALL", "SWAPDB"]
        .iter()
        .any(|silent| name.eq_ignore_ascii_case(silent.as_bytes()))
}

/// Events, one per line: class, event, key, and its database if that is not 0.
pub fn shown_events(announcements: &Announcements) -> String {
    let classes = [
        (EventClass::GENERIC, 'g'),
        (EventClass::STRING, '$'),
        (EventClass::LIST, 'l'),
        (EventClass::SET, 's'),
        (EventClass::HASH, 'h'),
        (EventClass::SORTED_SET, 'z'),
        (EventClass::EXPIRED, 'x'),
        (EventClass::EVICTED, 'e'),
        (EventClass::STREAM, 't'),
        (EventClass::KEY_MISS, 'm'),
        (EventClass::NEW, 'n'),
    ];
    let shown = |announcement| {
        let Announcement::Event {
            database,
            class,
            event,
            key,
        } = announcement
        else {
            panic!("a data command passes a message on: {announcement:?}");
        };
        let letter = classes.iter().find(|(each, _)| *each == class);
        let (_, letter) = letter.unwrap_or_else(|| panic!("{event} is of no one class"));
        let database = match database {
            0 => String::new(),
            database => format!(" {database}"),
        };
        format!("{letter} {event} {}{database}", lossy(key))
    };
    let lines: Vec<String> = announcements.iter().map(shown).collect();
    lines.join("\n")
}

/// Commands as one would type them, one per line.
pub fn shown_effects(unit: &EffectUnit) -> String {
    let shown = |argument: &&[u8]| {
        let is_plain =
            !argument.is_empty() && argument.iter().all(|b| b.is_ascii_graphic() && *b != b'"');
        if is_plain {
            lossy(argument)
        } else {
            quoted(argument)
        }
    };
    let line = |arguments: Vec<&[u8]>| arguments.iter().map(shown).collect::<Vec<_>>().join(" ");
    unit.commands()
        .map(|(_, arguments)| line(arguments))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The calls of a transcript, each with the answer that is expected.
pub fn steps(transcript: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let mut indent = 0;
    for line in transcript.lines() {
        let text = line.trim_start();
        if let Some(call) = text.strip_prefix("> ") {
            indent = line.len() - text.len();
            let (call, answer) = call.rsplit_once(" => ").unwrap_or((call, ""));
            steps.push((call.trim_end().to_owned(), answer.trim_start().to_owned()));
        } else if !text.is_empty() {
            let (_, answer) = steps
                .last_mut()
                .unwrap_or_else(|| panic!("an answer without a call: {line}"));
            if !answer.is_empty() {
                answer.push('\n');
            }
            answer.push_str(line[indent.min(line.len() - text.len())..].trim_end());
        }
    }
    steps
}

/// An answer as valkey-cli shows it.
fn show(answer: &[u8]) -> String {
    let mut shown = String::new();
    let mut rest = answer;
    while !rest.is_empty() {
        let (value, len) = match parse_value(rest) {
            Ok(Some(value)) => value,
            other => panic!("not an answer: {:?}: {other:?}", lossy(rest)),
        };
        show_value(&value, "", &mut shown);
        rest = &rest[len..];
    }
    shown.trim_end_matches('\n').to_owned()
}

fn show_value(value: &Value, prefix: &str, out: &mut String) {
    match value {
        Value::Status(text) => *out += &lossy(text),
        Value::Error(text) | Value::BulkError(text) => *out += &format!("(error) {}", lossy(text)),
        Value::Integer(value) => *out += &format!("(integer) {value}"),
        Value::Bulk(bytes) => *out += &quoted(bytes),
        Value::NullBulk | Value::NullArray | Value::Null => *out += "(nil)",
        Value::Double(text) => *out += &format!("(double) {}", lossy(text)),
        Value::Boolean(true) => *out += "(true)",
        Value::Boolean(false) => *out += "(false)",
        Value::BigNumber(digits) => *out += &lossy(digits),
        Value::Verbatim(_, text) => *out += &lossy(text),
        Value::Attributed(_, value) => return show_value(value, prefix, out),
        Value::Array(items) => return show_items(items, ("array", ')'), prefix, out),
        Value::Set(items) => return show_items(items, ("set", '~'), prefix, out),
        Value::Push(items) => return show_items(items, ("push", ')'), prefix, out),
        Value::Map(pairs) if pairs.is_empty() => *out += "(empty hash)",
        Value::Map(pairs) => {
            let width = pairs.len().to_string().len();
            let inner = format!("{prefix}{}", " ".repeat(width + 2));
            for (index, (key, value)) in pairs.iter().enumerate() {
                let lead = if index == 0 { "" } else { prefix };
                *out += &format!("{lead}{:>width$}# ", index + 1);
                show_value(key, &inner, out);
                out.truncate(out.trim_end_matches('\n').len());
                *out += " => ";
                show_value(value, &inner, out);
            }
            return;
        }
    }
    out.push('\n');
}

fn show_items(items: &[Value], (name, separator): (&str, char), prefix: &str, out: &mut String) {
    if items.is_empty() {
        *out += &format!("(empty {name})\n");
        return;
    }
    let width = items.len().to_string().len();
    let inner = format!("{prefix}{}", " ".repeat(width + 2));
    for (index, item) in items.iter().enumerate() {
        let lead = if index == 0 { "" } else { prefix };
        *out += &format!("{lead}{:>width$}{separator} ", index + 1);
        show_value(item, &inner, out);
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut shown = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => shown.extend(['\\', char::from(byte)]),
            b'\n' => shown += "\\n",
            b'\r' => shown += "\\r",
            b'\t' => shown += "\\t",
            0x07 => shown += "\\a",
            0x08 => shown += "\\b",
            b' '..=b'~' => shown.push(char::from(byte)),
            _ => shown += &format!("\\x{byte:02x}"),
        }
    }
    shown.push('"');
    shown
}

pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
