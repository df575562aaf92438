//! What the servers are given to do, and the bars that this project has set itself.
//!
//! One row is one workload: the command as a client sends it, how deep it is pipelined, what is in the database
//! before, and how much of the reference's CPU time per operation we may use. `compare` sends it through
//! valkey-benchmark, `callgrind` as a counted stream of its own; both replace `__rand_int__` by a random number of
//! twelve digits, `{sha}` by the script's digest and `{p}` by a key prefix.

use perilune_harness::Value;

use crate::client::Client;

/// Ratio to the reference, or to what a table names: more than `at_most` fails, `stretch` is what we aim at.
#[derive(Clone, Copy)]
pub struct Bar {
    pub at_most: f64,
    pub stretch: f64,
}

/// What is in the database before.
#[derive(Clone, Copy)]
pub enum Preload {
    Nothing,
    /// A 32-byte string under every key of the range.
    Strings,
    /// A hash of two fields with 32-byte values under every key of the range.
    Hashes,
    /// A JSON array of [`ELEMENTS_KEPT`] objects under every key of the range.
    JsonArrays,
    /// A list of so many 16-byte elements under every key of the range.
    Lists(usize),
    /// One set `tags`, with a member of 16 bytes for every number of the range.
    Tags,
    /// One sorted set `board`, with a member of 16 bytes for every number of the range, and that number as its score.
    Board,
    /// A sorted set under every key of the range, with the numbers of the last [`WINDOW`] of the range.
    Windows,
}

/// What is loaded before, for the command to call.
#[derive(Clone, Copy)]
pub enum Program {
    None,
    /// A script, for EVALSHA.
    Script(&'static str),
    /// A library of functions, for FCALL.
    Library(&'static str),
}

/// One row.
pub struct Workload {
    pub name: &'static str,
    pub command: &'static [&'static str],
    pub program: Program,
    pub pipeline: usize,
    /// How many different numbers `__rand_int__` takes.
    pub range: usize,
    pub preload: Preload,
    /// Operations of one measured run under load: some seconds of work.
    pub operations: usize,
    /// Operations of one of callgrind's windows: about a second of work at a fiftieth of the usual speed.
    pub operations_counted: usize,
    pub bar: Bar,
}

/// Connections of the load generator.
pub const CONNECTIONS: usize = 50;

const KEYS: usize = 100_000;
const JSON_KEYS: usize = 1_000;
const ELEMENTS_KEPT: usize = 20;
const LISTS: usize = 1_000;
const MEMBER: &str = "mem:__rand_int__";
const ELEMENT: &str = "0123456789abcdef";
const WINDOWS: usize = 1_000;
const WINDOW: usize = 50;
const VALUE: &str = "0123456789abcdef0123456789abcdef";
const PRELOAD_BATCH: usize = 500;

const fn bar(at_most: f64, stretch: f64) -> Bar {
    Bar { at_most, stretch }
}

const UNPIPELINED: Bar = bar(0.95, 0.85);
const PIPELINED: Bar = bar(0.60, 0.45);
const SCRIPT: Bar = bar(0.38, 0.25);
const LIST_ENDS: Bar = bar(0.55, 0.40);
const BOARD: Bar = bar(0.60, 0.40);

const INSERT_IF_MISSING: &str = "\
if redis.call('exists', KEYS[1]) == 1 then
  return tonumber(redis.call('ttl', KEYS[1]))
else
  redis.call('set', KEYS[1], ARGV[1])
  redis.call('expire', KEYS[1], ARGV[2])
  return nil
end";

const INSERT_IF_MISSING_LIBRARY: &str = "\
#!lua name=bench
redis.register_function('insert_if_missing', function(keys, args)
  if redis.call('exists', keys[1]) == 1 then
    return tonumber(redis.call('ttl', keys[1]))
  else
    redis.call('set', keys[1], args[1])
    redis.call('expire', keys[1], args[2])
    return nil
  end
end)";

const RATE_LIMITER: &str = "\
local count = redis.call('incr', KEYS[1])
if count == 1 then
  redis.call('expire', KEYS[1], ARGV[2])
end
if count > tonumber(ARGV[1]) then
  return {0, redis.call('ttl', KEYS[1])}
end
return {1, tonumber(ARGV[1]) - count}";

const STRING_WORK: &str = "\
local words = {}
for word in string.gmatch(ARGV[1], '%a+') do
  words[#words + 1] = word:upper()
end
return table.concat(words, '-')";

const TEXT: &str = "the quick brown fox jumps over the lazy dog and then it runs through the wide green forest until night";

const NUMERIC_LOOP: &str = "\
local sum = 0
for i = 1, 10000 do
  sum = (sum + i * 7) % 1000003
end
return sum";

const SIEVE: &str = "\
local composite, count = {}, 0
for i = 2, 10000 do
  if not composite[i] then
    count = count + 1
    for multiple = i * i, 10000, i do
      composite[multiple] = true
    end
  end
end
return count";

const SORT_1000: &str = "\
local numbers, seed = {}, 42
for i = 1, 1000 do
  seed = (seed * 16807) % 2147483647
  numbers[i] = seed
end
table.sort(numbers)
return numbers[500]";

const HUNDRED_INCRS: &str = "for i = 1, 100 do redis.call('incr', KEYS[1]) end";

const HUNDRED_HINCRBYS: &str = "for i = 1, 100 do redis.call('hincrby', KEYS[1], 'field', 1) end";

/// A limiter that lets through so many in a time. The times are drawn, so that the servers get the same: whatever is
/// more than a window below the latest is forgotten, and those of the highest window stay.
const SLIDING_WINDOW: &str = "\
redis.call('zremrangebyscore', KEYS[1], '-inf', ARGV[1] - 50)
local count = redis.call('zcard', KEYS[1])
if count < 100 then
  redis.call('zadd', KEYS[1], ARGV[1], ARGV[2])
  redis.call('expire', KEYS[1], 60)
end
return count";

const JSON_MERGE: &str = "\
local stored = redis.call('get', KEYS[1])
local list = stored and cjson.decode(stored) or {}
for _, element in ipairs(cjson.decode(ARGV[1])) do
  table.insert(list, element)
end
while #list > 20 do
  table.remove(list, 1)
end
redis.call('set', KEYS[1], cjson.encode(list))
return #list";

const JSON_ELEMENTS: &str = r#"[{"id":"__rand_int__","name":"first","at":1700000000},{"id":"__rand_int__","name":"second","at":1700000001}]"#;

/// All rows.
pub const WORKLOADS: [Workload; 28] = [
    plain("ping", &["PING"], 1, UNPIPELINED),
    plain("get", &["GET", "{p}:__rand_int__"], 1, UNPIPELINED),
    plain("set", &["SET", "{p}:__rand_int__", VALUE], 1, UNPIPELINED),
    plain("get_p32", &["GET", "{p}:__rand_int__"], 32, PIPELINED),
    plain(
        "set_p32",
        &["SET", "{p}:__rand_int__", VALUE],
        32,
        PIPELINED,
    ),
    // Counters of their own: the strings under the other keys are no numbers.
    plain("incr_p32", &["INCR", "count:__rand_int__"], 32, PIPELINED),
    Workload {
        preload: Preload::Hashes,
        ..plain(
            "hset_p32",
            &["HSET", "{p}:__rand_int__", "field1", VALUE, "field2", VALUE],
            32,
            PIPELINED,
        )
    },
    Workload {
        preload: Preload::Hashes,
        ..plain(
            "hget_p32",
            &["HGET", "{p}:__rand_int__", "field2"],
            32,
            PIPELINED,
        )
    },
    calculation(
        "script_100_hincrbys",
        &["EVALSHA", "{sha}", "1", "counters"],
        HUNDRED_HINCRBYS,
        100_000,
        bar(0.30, 0.20),
    ),
    Workload {
        range: LISTS,
        preload: Preload::Nothing,
        ..plain(
            "lpush_p32",
            &["LPUSH", "{p}:__rand_int__", ELEMENT],
            32,
            LIST_ENDS,
        )
    },
    Workload {
        range: LISTS,
        // more than are popped
        preload: Preload::Lists(4_000),
        ..plain("rpop_p32", &["RPOP", "{p}:__rand_int__"], 32, LIST_ENDS)
    },
    Workload {
        range: LISTS,
        preload: Preload::Lists(1_000),
        ..plain(
            "lrange_100",
            &["LRANGE", "{p}:__rand_int__", "0", "99"],
            1,
            bar(0.80, 0.60),
        )
    },
    Workload {
        preload: Preload::Tags,
        ..plain("sadd_p32", &["SADD", "tags", MEMBER], 32, PIPELINED)
    },
    Workload {
        preload: Preload::Tags,
        ..plain(
            "sismember_p32",
            &["SISMEMBER", "tags", MEMBER],
            32,
            PIPELINED,
        )
    },
    Workload {
        preload: Preload::Board,
        ..plain(
            "zadd_p32",
            &["ZADD", "board", "__rand_int__", MEMBER],
            32,
            BOARD,
        )
    },
    Workload {
        preload: Preload::Board,
        ..plain(
            "zrangebyscore_10_p32",
            &[
                "ZRANGEBYSCORE",
                "board",
                "__rand_int__",
                "+inf",
                "LIMIT",
                "0",
                "10",
            ],
            32,
            BOARD,
        )
    },
    Workload {
        preload: Preload::Board,
        ..plain("zrank_p32", &["ZRANK", "board", MEMBER], 32, BOARD)
    },
    Workload {
        range: WINDOWS,
        preload: Preload::Windows,
        operations: 300_000,
        ..script(
            "sliding_window_p32",
            &[
                "EVALSHA",
                "{sha}",
                "1",
                "{p}:__rand_int__",
                "__rand_int__",
                MEMBER,
            ],
            Program::Script(SLIDING_WINDOW),
        )
    },
    script(
        "insert_if_missing_p32",
        &["EVALSHA", "{sha}", "1", "{p}:__rand_int__", "data", "60"],
        Program::Script(INSERT_IF_MISSING),
    ),
    script(
        "insert_if_missing_fcall_p32",
        &[
            "FCALL",
            "insert_if_missing",
            "1",
            "{p}:__rand_int__",
            "data",
            "60",
        ],
        Program::Library(INSERT_IF_MISSING_LIBRARY),
    ),
    script(
        "rate_limiter_p32",
        &["EVALSHA", "{sha}", "1", "{p}:__rand_int__", "10", "60"],
        Program::Script(RATE_LIMITER),
    ),
    calculation(
        "script_100_incrs",
        &["EVALSHA", "{sha}", "1", "counter"],
        HUNDRED_INCRS,
        100_000,
        bar(0.40, 0.25),
    ),
    Workload {
        name: "json_merge",
        command: &["EVALSHA", "{sha}", "1", "{p}:__rand_int__", JSON_ELEMENTS],
        program: Program::Script(JSON_MERGE),
        pipeline: 1,
        range: JSON_KEYS,
        preload: Preload::JsonArrays,
        operations: 60_000,
        operations_counted: 500,
        bar: bar(0.45, 0.33),
    },
    calculation(
        "string_work",
        &["EVALSHA", "{sha}", "0", TEXT],
        STRING_WORK,
        100_000,
        bar(0.45, 0.33),
    ),
    // the same where the work of the kernel, which is two thirds of the row above, is shared by 32
    Workload {
        pipeline: 32,
        ..calculation(
            "string_work_p32",
            &["EVALSHA", "{sha}", "0", TEXT],
            STRING_WORK,
            100_000,
            bar(0.45, 0.33),
        )
    },
    calculation(
        "numeric_loop_10000",
        &["EVALSHA", "{sha}", "0"],
        NUMERIC_LOOP,
        10_000,
        bar(0.60, 0.53),
    ),
    calculation(
        "sieve_10000",
        &["EVALSHA", "{sha}", "0"],
        SIEVE,
        4_000,
        bar(0.30, 0.27),
    ),
    calculation(
        "sort_1000",
        &["EVALSHA", "{sha}", "0"],
        SORT_1000,
        10_000,
        bar(0.50, 0.25),
    ),
];

const fn plain(
    name: &'static str,
    command: &'static [&'static str],
    pipeline: usize,
    bar: Bar,
) -> Workload {
    Workload {
        name,
        command,
        program: Program::None,
        pipeline,
        range: KEYS,
        preload: Preload::Strings,
        operations: if pipeline == 1 { 300_000 } else { 3_000_000 },
        operations_counted: 20_000,
        bar,
    }
}

/// A small script or function, pipelined.
const fn script(
    name: &'static str,
    command: &'static [&'static str],
    program: Program,
) -> Workload {
    Workload {
        name,
        command,
        program,
        pipeline: 32,
        range: KEYS,
        preload: Preload::Nothing,
        operations: 1_000_000,
        operations_counted: 5_000,
        bar: SCRIPT,
    }
}

/// A script that calculates or calls many commands, for long enough that it matters little how it gets there.
const fn calculation(
    name: &'static str,
    command: &'static [&'static str],
    script: &'static str,
    operations: usize,
    bar: Bar,
) -> Workload {
    Workload {
        name,
        command,
        program: Program::Script(script),
        pipeline: 1,
        range: 1,
        preload: Preload::Nothing,
        operations,
        operations_counted: operations / 200,
        bar,
    }
}

impl Workload {
    /// Fills the database and loads the program; returns the command with only `__rand_int__` left open, for a key
    /// prefix to be chosen with [`with_prefix`].
    pub fn prepare(&self, client: &mut Client) -> Result<Vec<String>, String> {
        match self.preload {
            Preload::Nothing => {}
            Preload::Strings => fill(client, self.range, &|_| VALUE.to_owned())?,
            Preload::Hashes => fill_hashes(client, self.range)?,
            Preload::JsonArrays => fill(client, self.range, &|_| json_array())?,
            Preload::Lists(len) => fill_lists(client, self.range, len)?,
            Preload::Tags => fill_set(client, "tags", self.range)?,
            Preload::Board => {
                let numbers: Vec<usize> = (0..self.range).collect();
                fill_sorted_set(client, "board", &numbers)?;
            }
            Preload::Windows => {
                let numbers: Vec<usize> = (self.range - WINDOW..self.range).collect();
                for number in 0..self.range {
                    fill_sorted_set(client, &format!("key:{number:012}"), &numbers)?;
                }
            }
        }
        let call: &[&str] = match self.program {
            Program::None => &[],
            Program::Script(script) => &["SCRIPT", "LOAD", script],
            Program::Library(library) => &["FUNCTION", "LOAD", "REPLACE", library],
        };
        let loaded = match call {
            [] => String::new(),
            call => match client.call(call)? {
                Value::Bulk(name) => String::from_utf8_lossy(&name).into_owned(),
                other => return Err(format!("{} {} answers {other:?}", call[0], call[1])),
            },
        };
        Ok(self
            .command
            .iter()
            .map(|word| word.replace("{sha}", &loaded))
            .collect())
    }
}

/// The command under one key prefix; what is preloaded has the prefix `key`.
pub fn with_prefix(command: &[String], prefix: &str) -> Vec<String> {
    command
        .iter()
        .map(|word| word.replace("{p}", prefix))
        .collect()
}

/// Sets `key:<twelve digits>` for every number below `count`, pipelined.
pub fn fill(
    client: &mut Client,
    count: usize,
    value: &dyn Fn(usize) -> String,
) -> Result<(), String> {
    for_each_key(client, count, &|client, number, key| {
        client.queue(&["SET", key, &value(number)]);
    })
}

/// Sets two fields of `key:<twelve digits>` for every number below `count`, pipelined.
fn fill_hashes(client: &mut Client, count: usize) -> Result<(), String> {
    for_each_key(client, count, &|client, _, key| {
        client.queue(&["HSET", key, "field1", VALUE, "field2", VALUE]);
    })
}

/// Calls `queue`, which queues one command, with every number below `count` and its key.
fn for_each_key(
    client: &mut Client,
    count: usize,
    queue: &dyn Fn(&mut Client, usize, &str),
) -> Result<(), String> {
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(PRELOAD_BATCH) {
        for number in batch {
            queue(client, *number, &format!("key:{number:012}"));
        }
        client.flush()?;
        client.replies(batch.len())?;
    }
    Ok(())
}

/// Gives every key below `count` a list of `len` elements, up to [`PRELOAD_BATCH`] with one call.
fn fill_lists(client: &mut Client, count: usize, len: usize) -> Result<(), String> {
    for number in 0..count {
        let key = format!("key:{number:012}");
        let mut calls = 0;
        for batch in vec![ELEMENT; len].chunks(PRELOAD_BATCH) {
            client.queue(&[&["RPUSH", key.as_str()], batch].concat());
            calls += 1;
        }
        client.flush()?;
        client.replies(calls)?;
    }
    Ok(())
}

/// Adds a member of 16 bytes for each number below `count`.
fn fill_set(client: &mut Client, key: &str, count: usize) -> Result<(), String> {
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(PRELOAD_BATCH) {
        let mut words = vec!["SADD".to_owned(), key.to_owned()];
        words.extend(batch.iter().map(|number| format!("mem:{number:012}")));
        client.queue(&words);
        client.flush()?;
        client.replies(1)?;
    }
    Ok(())
}

/// Adds a member of 16 bytes for each number, with the number as its score.
fn fill_sorted_set(client: &mut Client, key: &str, numbers: &[usize]) -> Result<(), String> {
    for batch in numbers.chunks(PRELOAD_BATCH) {
        let mut words = vec!["ZADD".to_owned(), key.to_owned()];
        for number in batch {
            words.extend([number.to_string(), format!("mem:{number:012}")]);
        }
        client.queue(&words);
        client.flush()?;
        client.replies(1)?;
    }
    Ok(())
}

fn json_array() -> String {
    let element = r#"{"id":"000000000000","name":"stored","at":1700000000}"#;
    format!("[{}]", [element; ELEMENTS_KEPT].join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_bars_in_order() {
        for (i, workload) in WORKLOADS.iter().enumerate() {
            assert!(
                WORKLOADS[..i]
                    .iter()
                    .all(|other| other.name != workload.name),
                "{}",
                workload.name
            );
            assert!(
                workload.bar.stretch < workload.bar.at_most,
                "{}",
                workload.name
            );
        }
    }

    #[test]
    fn a_script_and_only_a_script_is_called_by_digest() {
        for workload in &WORKLOADS {
            assert_eq!(
                matches!(workload.program, Program::Script(_)),
                workload.command.contains(&"{sha}"),
                "{}",
                workload.name
            );
        }
    }

    #[test]
    fn a_window_holds_as_much_as_is_preloaded() {
        assert!(SLIDING_WINDOW.contains(&format!("ARGV[1] - {WINDOW})")));
    }

    #[test]
    fn the_merge_keeps_as_many_elements_as_are_preloaded() {
        assert!(JSON_MERGE.contains(&format!("#list > {ELEMENTS_KEPT}")));
    }

    #[test]
    fn lists_are_not_popped_empty() {
        // keys are drawn, not taken in turn: so much and a tenth more
        for workload in WORKLOADS.iter().filter(|w| w.command[0] == "RPOP") {
            let Preload::Lists(len) = workload.preload else {
                panic!("{}: nothing to pop", workload.name);
            };
            let popped = workload.operations + workload.operations / 10;
            assert!(len * workload.range > popped + popped / 10);
        }
    }

    #[test]
    fn a_value_has_32_bytes_a_key_and_an_element_16() {
        assert_eq!(VALUE.len(), 32);
        assert_eq!(ELEMENT.len(), 16);
        assert_eq!(format!("key:{:012}", 7).len(), 16);
    }
}
