//! Resident bytes per element of one big collection of each type.
//!
//! Members, fields, values and elements have 16 bytes and are no numbers, scores are integers. Each collection has a
//! server of its own, and what that had before it was filled is not counted. The bars are ratios to the reference.

use serde_json::json;

use crate::args::{Contender, Options};
use crate::report::{Section, progress};
use crate::server::Setup;
use crate::workloads::Bar;

const ELEMENTS: usize = 1_000_000;
const BATCH: usize = 500;

/// A type's row.
struct Collection {
    name: &'static str,
    command: &'static str,
    /// The arguments that add one element.
    element: fn(usize) -> Vec<String>,
    bar: Bar,
}

const COLLECTIONS: [Collection; 4] = [
    Collection {
        name: "list",
        command: "RPUSH",
        element: |number| vec![sixteen("elem", number)],
        bar: Bar {
            at_most: 1.05,
            stretch: 1.00,
        },
    },
    Collection {
        name: "set",
        command: "SADD",
        element: |number| vec![sixteen("memb", number)],
        bar: Bar {
            at_most: 0.85,
            stretch: 0.70,
        },
    },
    Collection {
        name: "hash",
        command: "HSET",
        element: |number| vec![sixteen("fiel", number), sixteen("valu", number)],
        bar: Bar {
            at_most: 0.85,
            stretch: 0.70,
        },
    },
    Collection {
        name: "sorted set",
        command: "ZADD",
        element: |number| vec![number.to_string(), sixteen("memb", number)],
        bar: Bar {
            at_most: 0.70,
            stretch: 0.55,
        },
    },
];

/// Measures every server; the ratios to the reference, if there are others, are held against the bars.
pub fn run(options: &Options) -> Result<Section, String> {
    let count = ((ELEMENTS as f64 * options.scale) as usize).max(BATCH);
    let mut text =
        format!("\nResident bytes per element of one collection of {count} (elements of 16 B)\n");
    text += &format!("{:<12}", "collection");
    for contender in &options.servers {
        text += &format!("{:>12}", contender.name);
    }
    text += &format!("{:>8}{:>9}{:>9}\n", "ratio", "at most", "stretch");
    let mut section = Section {
        text,
        json: json!({ "elements": count }),
        passed: true,
    };
    for collection in &COLLECTIONS {
        let mut bytes = Vec::new();
        for contender in &options.servers {
            progress(&format!(
                "a {} of {count}: {}",
                collection.name, contender.name
            ));
            bytes.push(measure(contender, collection, count)?);
        }
        section.text += &format!("{:<12}", collection.name);
        bytes
            .iter()
            .for_each(|bytes| section.text += &format!("{bytes:>12.1}"));
        let Collection { name, bar, .. } = collection;
        let reference = bytes[bytes.len() - 1];
        section.json[name] = json!({ "bytes_per_element": bytes });
        for bytes in &bytes[..bytes.len() - 1] {
            let ratio = bytes / reference;
            section.text += &format!(
                "{ratio:>8.2}{:>9.2}{:>9.2}  {}",
                bar.at_most,
                bar.stretch,
                bar.verdict(ratio)
            );
            section.passed &= bar.holds(ratio);
        }
        section.text.push('\n');
    }
    Ok(section)
}

/// Resident bytes per element.
fn measure(contender: &Contender, collection: &Collection, count: usize) -> Result<f64, String> {
    let server = Setup::of(contender).start()?;
    let before = server.settled_rss()?;
    let mut client = server.client()?;
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(BATCH) {
        let mut words = vec![collection.command.to_owned(), "collection".to_owned()];
        words.extend(
            batch
                .iter()
                .flat_map(|&number| (collection.element)(number)),
        );
        client.queue(&words);
        client.flush()?;
        client.replies(1)?;
    }
    // The client's buffers are not the collection's.
    drop(client);
    let after = server.settled_rss()?;
    server.stop()?;
    Ok(after.saturating_sub(before) as f64 / count as f64)
}

/// A text of 16 bytes that is different for each number.
fn sixteen(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:012}")
}
