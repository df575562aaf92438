//! Do two scripts on different keys run at the same time?
//!
//! One script takes about 50 ms of CPU. Its time alone is held against the time until two of them, on different keys
//! and from two connections, have both answered: 1.0 is perfect, 2.0 is one after the other. Three ways: keys
//! declared, two loops; keys computed inside the script, two loops; and one loop for both connections, where a
//! server can only keep the bar if its loop changes threads.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::args::{Contender, Options};
use crate::client::Client;
use crate::report::{Section, median, progress, spread};
use crate::server::Setup;
use crate::workloads::Bar;

const RATIO: Bar = Bar {
    at_most: 1.3,
    stretch: 1.1,
};
const SCRIPT_TIME: Duration = Duration::from_millis(50);
const REPETITIONS: usize = 15;

/// Where the calibration begins: a fraction of a millisecond on every server.
const ITERATIONS_FIRST: u64 = 20_000;

/// The key is touched first, so that a server that locks keys as they come holds it while the script works.
const DECLARED: &str = "\
redis.call('incr', KEYS[1])
local x = 0
for i = 1, tonumber(ARGV[1]) do x = (x * 31 + i) % 1000003 end
redis.call('set', KEYS[1], x)
return x";

const COMPUTED: &str = "\
local key = 'key:' .. ARGV[2]
redis.call('incr', key)
local x = 0
for i = 1, tonumber(ARGV[1]) do x = (x * 31 + i) % 1000003 end
redis.call('set', key, x)
return x";

struct Way {
    name: &'static str,
    io_threads: usize,
    declared: bool,
}

const WAYS: [Way; 4] = [
    Way {
        name: "declared keys, two loops",
        io_threads: 2,
        declared: true,
    },
    Way {
        name: "computed keys, two loops",
        io_threads: 2,
        declared: false,
    },
    Way {
        name: "declared keys, one loop",
        io_threads: 1,
        declared: true,
    },
    Way {
        name: "computed keys, one loop",
        io_threads: 1,
        declared: false,
    },
];

/// Measures every server in all ways.
pub fn run(options: &Options) -> Result<Section, String> {
    let title = "\nTwo scripts of 50 ms on different keys against one: time of both / time of one";
    let text = format!(
        "{title} (at most {:.1}, stretch {:.1})\n",
        RATIO.at_most, RATIO.stretch
    );
    let mut section = Section {
        text,
        json: json!({}),
        passed: true,
    };
    for contender in &options.servers {
        let judged = contender.name != options.reference().name || options.servers.len() == 1;
        let mut entries = serde_json::Map::new();
        for way in &WAYS {
            progress(&format!("parallel, {}: {}", way.name, contender.name));
            let (alone, both) = measure(contender, way)?;
            let (one, ratio) = (median(&alone), median(&both) / median(&alone));
            let (low, high) = spread(&both);
            let verdict = if judged { RATIO.verdict(ratio) } else { "" };
            section.text += &format!(
                "{:<12}{:<26}one {one:>6.1} ms   both {:>6.1} ms ({low:.1}-{high:.1})   ratio {ratio:.2}  {verdict}\n",
                contender.name,
                way.name,
                median(&both),
            );
            section.passed &= !judged || RATIO.holds(ratio);
            entries.insert(
                way.name.into(),
                json!({ "alone_ms": alone, "both_ms": both, "ratio": ratio }),
            );
        }
        section.json[&contender.name] = json!(entries);
    }
    Ok(section)
}

/// Milliseconds of one script alone, and of two together, by turns.
fn measure(contender: &Contender, way: &Way) -> Result<(Vec<f64>, Vec<f64>), String> {
    let server = Setup {
        io_threads: way.io_threads,
        ..Setup::of(contender)
    }
    .start()?;
    let mut first = server.client()?;
    let mut second = server.client()?;
    let iterations = calibrate(&mut first, way)?;
    let (mut alone, mut both) = (Vec::new(), Vec::new());
    for repetition in 0..REPETITIONS {
        // New keys each time: two of them may share a stripe by chance, but not again and again.
        let [one, other] =
            ["a", "b"].map(|key| script_call(way, iterations, &format!("{key}{repetition}")));
        alone.push(timed(|| {
            first.queue(&one);
            first.flush()?;
            first.replies(1)
        })?);
        both.push(timed(|| {
            first.queue(&one);
            first.flush()?;
            second.queue(&other);
            second.flush()?;
            first.replies(1)?;
            second.replies(1)
        })?);
    }
    server.stop()?;
    Ok((alone, both))
}

/// How many iterations take [`SCRIPT_TIME`] here.
fn calibrate(client: &mut Client, way: &Way) -> Result<u64, String> {
    let mut iterations = ITERATIONS_FIRST;
    loop {
        let call = script_call(way, iterations, "calibration");
        let mut times = Vec::new();
        for _ in 0..3 {
            times.push(timed(|| {
                client.queue(&call);
                client.flush()?;
                client.replies(1)
            })?);
        }
        let (time, wanted) = (median(&times), SCRIPT_TIME.as_secs_f64() * 1e3);
        if time * 2.0 > wanted {
            return Ok((iterations as f64 * wanted / time) as u64);
        }
        iterations *= 2;
    }
}

fn script_call(way: &Way, iterations: u64, key: &str) -> Vec<String> {
    let (iterations, named) = (iterations.to_string(), format!("key:{key}"));
    let words = match way.declared {
        true => ["EVAL", DECLARED, "1", &named, &iterations],
        false => ["EVAL", COMPUTED, "0", &iterations, key],
    };
    words.map(String::from).to_vec()
}

/// Milliseconds.
fn timed(work: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}
