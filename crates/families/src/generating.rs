//! Calls made up from the grammar of a command, for tests that want many: most of them do something.
//!
//! The grammar says what stands where; names of arguments say what is likely to fit (`numkeys` is the number of keys that
//! follow, `field` is one of few, so that fields meet again). A command that is new to the table is called like all
//! others.

use fastrand::Rng;
use perilune_command::{Arg, ArgFlags, ArgKind, DataHandler, Entry, Group};

/// A call, word by word.
pub type Call = Vec<Vec<u8>>;

/// Keys of each type, named after it, at most. Commands prefer keys of their type.
pub const KEYS_PER_TYPE_MAX: u32 = 4;

/// The groups whose commands have keys of their own, with the letter that these begin with.
const KEY_LETTERS: &[(Group, char)] = &[
    (Group::String, 'v'),
    (Group::Bitmap, 'v'),
    (Group::List, 'l'),
    (Group::Set, 's'),
    (Group::Hash, 'h'),
    (Group::SortedSet, 'z'),
];

/// Names of fields, members and elements: integers, short ones, and some that are too long for packed encodings.
const ELEMENTS: &[&str] = &[
    "a",
    "1",
    "b",
    "2",
    "c",
    "3",
    "-7",
    "d",
    "long:aaaaaaaaaaaaaaaa",
    "e",
    "12",
    "f",
    "100000",
    "g",
    "9999999999",
    "long:bbbbbbbbbbbbbbbbbbbbbbbb",
    "0",
    "long:c",
];

const INTEGERS: &[i64] = &[0, 1, 2, 3, 4, 5, 7, 10, 17, 100, -1, -2, -3, -10];

/// Makes calls. Everything is drawn from `random`.
pub struct Generator {
    pub random: Rng,
    /// The time in the keyspace, around which keys and fields expire.
    pub now_ms: i64,
    pub databases: usize,
    /// The fewer they are, the more often calls meet.
    pub keys_per_type: u32,
    /// What DUMP has answered.
    pub payloads: Vec<Vec<u8>>,
}

/// A call in the making.
struct Making {
    call: Call,
    group: Group,
    /// What `numkeys` or `numfields` has promised.
    promised: Option<usize>,
    /// How often an argument that may be repeated is, at most.
    repeats_max: usize,
}

impl Generator {
    /// A call of a command.
    pub fn call(&mut self, entry: &Entry<DataHandler>) -> Call {
        let name = entry.full_name.to_ascii_uppercase();
        let mut making = Making {
            call: name
                .split('|')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            group: entry.spec.group,
            promised: None,
            repeats_max: if self.random.u8(..12) == 0 { 40 } else { 3 },
        };
        for arg in entry.spec.arguments {
            self.add(arg, &mut making);
        }
        making.call
    }

    /// A call that adds to a key of one of the types, or an expiry to what there may be.
    pub fn filling(&mut self) -> Call {
        let words = |text: &str| {
            text.split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect()
        };
        let ms = *self.pick(&[30, 1500, 100_000, 100_000]);
        match self.random.u8(..12) {
            0 => {
                let key = self.any_key();
                return words(&format!("PEXPIRE {} {ms}", key.escape_ascii()));
            }
            1 => {
                let key = self.key_of('h');
                return words(&format!(
                    "HPEXPIRE {} {ms} FIELDS 4 a 1 b 2",
                    key.escape_ascii()
                ));
            }
            _ => {}
        }
        let (command, letter) = *self.pick(&[
            ("SET", 'v'),
            ("RPUSH", 'l'),
            ("SADD", 's'),
            ("HSET", 'h'),
            ("ZADD", 'z'),
        ]);
        let mut call = vec![command.as_bytes().to_vec(), self.key_of(letter)];
        let elements = match self.random.u8(..8) {
            _ if command == "SET" => 1,
            0 => self.random.usize(20..60),
            _ => self.random.usize(1..5),
        };
        // lists in which elements come again
        let few = self.random.bool();
        for _ in 0..elements {
            match command {
                "ZADD" => call.push(self.score()),
                "HSET" => call.push(self.element()),
                _ => {}
            }
            call.push(match command {
                "SET" => self.value(),
                "RPUSH" if few => self.pick(&ELEMENTS[..3]).as_bytes().to_vec(),
                _ => self.element(),
            });
        }
        call
    }

    /// A key of any type, or of none.
    pub fn any_key(&mut self) -> Vec<u8> {
        let letter = *self.pick(&['v', 'l', 's', 'h', 'z', 'n']);
        self.key_of(letter)
    }

    fn key_of(&mut self, letter: char) -> Vec<u8> {
        format!("{letter}{}", self.random.u32(..self.keys_per_type)).into_bytes()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.random.usize(..from.len())]
    }

    /// Adds an argument with all that belongs to it, or leaves it out.
    fn add(&mut self, arg: &Arg, making: &mut Making) {
        if arg.flags.has(ArgFlags::OPTIONAL) && self.random.u8(..10) < 6 {
            return;
        }
        let times = if !arg.flags.has(ArgFlags::MULTIPLE) {
            1
        } else if let Some(promised) = making.promised {
            promised
        } else {
            self.random.usize(1..=making.repeats_max)
        };
        for time in 0..times {
            if let Some(token) = arg.token
                && (time == 0 || arg.flags.has(ArgFlags::MULTIPLE_TOKEN))
            {
                making.call.push(token.as_bytes().to_vec());
            }
            match arg.kind {
                ArgKind::PureToken => {}
                ArgKind::Block => arg.arguments.iter().for_each(|arg| self.add(arg, making)),
                ArgKind::OneOf => {
                    let chosen = self.pick(arg.arguments);
                    self.add(chosen, making);
                }
                _ => {
                    let word = self.word(arg, making);
                    making.call.push(word);
                }
            }
        }
    }

    fn word(&mut self, arg: &Arg, making: &mut Making) -> Vec<u8> {
        match arg.kind {
            ArgKind::Key => {
                let letter = KEY_LETTERS.iter().find(|(group, _)| *group == making.group);
                match letter {
                    Some(&(_, letter)) if self.random.u8(..10) < 9 => self.key_of(letter),
                    _ => self.any_key(),
                }
            }
            ArgKind::Integer => self.integer(arg.name, making),
            ArgKind::Double if arg.name == "timeout" => b"0.01".to_vec(),
            ArgKind::Double => self.score(),
            ArgKind::UnixTime => {
                let at_ms = self.now_ms + self.random.i64(-20..3000);
                let unit = if arg.name.contains("milli") { 1 } else { 1000 };
                (at_ms / unit + 1).to_string().into_bytes()
            }
            ArgKind::Pattern => {
                let patterns = ["*", "a*", "v*", "#", "h0->a", "h*->*", "v0"];
                self.pick(&patterns).as_bytes().to_vec()
            }
            _ => self.string(arg.name),
        }
    }

    fn integer(&mut self, name: &str, making: &mut Making) -> Vec<u8> {
        let number = match name {
            "numkeys" | "numfields" => {
                let promised = self.random.usize(1..4);
                making.promised = Some(promised);
                promised as i64
            }
            "db" | "destination-db" | "index1" | "index2" => {
                self.random.i64(0..self.databases as i64)
            }
            "cursor" => 0,
            "seconds" | "milliseconds" | "ttl" => *self.pick(&[1, 2, 40, 1500, 100_000, -1]),
            "increment" | "decrement" | "value" if self.random.u8(..8) == 0 => {
                *self.pick(&[i64::MAX, i64::MIN, 1 << 40])
            }
            "bit" => self.random.i64(0..2),
            "offset" => *self.pick(&[0, 1, 7, 8, 100, 4000]),
            _ => *self.pick(INTEGERS),
        };
        number.to_string().into_bytes()
    }

    fn string(&mut self, name: &str) -> Vec<u8> {
        match name {
            "encoding" => self
                .pick(&["u1", "i5", "u8", "u16", "i64"])
                .as_bytes()
                .to_vec(),
            "min" | "max" => self
                .pick(&["-", "[1", "[a", "(c", "[f", "+"])
                .as_bytes()
                .to_vec(),
            "start" | "stop" => {
                let ends = [
                    "-", "+", "[a", "(c", "0", "1", "-1", "-inf", "+inf", "(2", "3",
                ];
                self.pick(&ends).as_bytes().to_vec()
            }
            "type" => self
                .pick(&["string", "list", "hash", "zset"])
                .as_bytes()
                .to_vec(),
            "serialized-value" if !self.payloads.is_empty() => {
                let at = self.random.usize(..self.payloads.len());
                self.payloads[at].clone()
            }
            "value" | "comparison-value" if self.random.bool() => self.value(),
            _ => self.element(),
        }
    }

    fn element(&mut self) -> Vec<u8> {
        match self.random.u8(..6) {
            // of many, so that collections grow
            0 => format!("e{}", self.random.u8(..)).into_bytes(),
            1 => self.random.i16(..).to_string().into_bytes(),
            // the first ones more often, so that they meet again
            _ => {
                let at = self.random.usize(..ELEMENTS.len());
                let at = at.min(self.random.usize(..ELEMENTS.len()));
                ELEMENTS[at].as_bytes().to_vec()
            }
        }
    }

    fn score(&mut self) -> Vec<u8> {
        match self.random.u8(..4) {
            0 => (f64::from(self.random.i16(..)) / 8.0)
                .to_string()
                .into_bytes(),
            1 => self
                .pick(&["inf", "-inf", "0", "1e300"])
                .as_bytes()
                .to_vec(),
            _ => self.random.i8(-9..9).to_string().into_bytes(),
        }
    }

    /// A string to be kept: a number, short, embedded, or with an allocation of its own.
    fn value(&mut self) -> Vec<u8> {
        match self.random.u8(..5) {
            0 => self.random.i32(..).to_string().into_bytes(),
            1 => b"10.5".to_vec(),
            2 => vec![b'm'; self.random.usize(40..500)],
            3 => vec![b'l'; self.random.usize(500..2000)],
            _ => vec![b's'; self.random.usize(..44)],
        }
    }
}
