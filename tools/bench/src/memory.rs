//! Resident bytes per key, and of an empty server.
//!
//! A table that doubles wastes most just after it has grown, so one number of keys says little: four numbers, spread
//! over a doubling, are averaged. Keys have 16 bytes, values 32, no time to live.

use serde_json::json;

use crate::args::{Contender, Options};
use crate::report::{Section, progress};
use crate::server::Setup;
use crate::workloads::{Bar, fill};

const KEY_COUNTS: [usize; 4] = [700_000, 1_000_000, 1_400_000, 1_900_000];
const BYTES_PER_KEY: Bar = Bar {
    at_most: 70.0,
    stretch: 64.0,
};
const EMPTY_MEGABYTES: Bar = Bar {
    at_most: 20.0,
    stretch: 12.0,
};
const BYTES_PER_MEGABYTE: f64 = 1e6;
const VALUE_LENGTH: usize = 32;

/// Measures every server; the bars are absolute, the reference is shown for comparison.
pub fn run(options: &Options) -> Result<Section, String> {
    let mut section = Section {
        text: headline(),
        json: json!({}),
        passed: true,
    };
    for contender in &options.servers {
        let mut empty = Vec::new();
        let mut per_key = Vec::new();
        for count in KEY_COUNTS {
            let count = (count as f64 * options.scale) as usize;
            progress(&format!("memory with {count} keys: {}", contender.name));
            let (before, after) = measure(contender, count)?;
            empty.push(before as f64 / BYTES_PER_MEGABYTE);
            per_key.push(after.saturating_sub(before) as f64 / count as f64);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (bytes, megabytes) = (mean(&per_key), mean(&empty));
        let judged = contender.name != options.reference().name || options.servers.len() == 1;
        let verdict = |bar: &Bar, value: f64| if judged { bar.verdict(value) } else { "" };
        section.text += &format!("{:<12}", contender.name);
        per_key
            .iter()
            .for_each(|bytes| section.text += &format!("{bytes:>9.1}"));
        section.text += &format!("{bytes:>9.1}  {:<9}", verdict(&BYTES_PER_KEY, bytes));
        section.text += &format!(
            "{megabytes:>9.1}  {}\n",
            verdict(&EMPTY_MEGABYTES, megabytes)
        );
        section.passed &= !judged || BYTES_PER_KEY.holds(bytes) && EMPTY_MEGABYTES.holds(megabytes);
        section.json[&contender.name] = json!({
            "keys": KEY_COUNTS, "bytes_per_key": per_key, "bytes_per_key_mean": bytes, "empty_megabytes": megabytes,
        });
    }
    Ok(section)
}

/// Resident bytes empty and full.
fn measure(contender: &Contender, count: usize) -> Result<(u64, u64), String> {
    let server = Setup::of(contender).start()?;
    let before = server.settled_rss()?;
    let value = |number: usize| {
        format!(
            "{:0VALUE_LENGTH$}",
            (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        )
    };
    let mut client = server.client()?;
    fill(&mut client, count, &|number| {
        format!("v{}", &value(number)[1..])
    })?;
    // The client's buffers are not the keys'.
    drop(client);
    let after = server.settled_rss()?;
    server.stop()?;
    Ok((before, after))
}

fn headline() -> String {
    let (key, empty) = (&BYTES_PER_KEY, &EMPTY_MEGABYTES);
    let mut text = format!(
        "\nResident bytes per key (16 B key, 32 B value; mean at most {}, stretch {}), empty server (MB; at most {}, stretch {})\n",
        key.at_most, key.stretch, empty.at_most, empty.stretch
    );
    text += &format!("{:<12}", "server");
    KEY_COUNTS
        .iter()
        .for_each(|count| text += &format!("{count:>9}"));
    text += &format!("{:>9}  {:<9}{:>9}\n", "mean", "", "empty");
    text
}
