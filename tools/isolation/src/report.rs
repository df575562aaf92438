//! Prints what was run and what was found.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Counters;
use crate::check::{Anomaly, Relation, Report};
use crate::history::{Kind, Operation, Outcome, Queue, Transaction};

/// One table: how many transactions of each kind ended how.
pub fn print_summary(history: &[Transaction], report: &Report, keys: u32, check_time: Duration) {
    let mut kinds: BTreeMap<Kind, [usize; 4]> = BTreeMap::new();
    for transaction in history {
        let counts = kinds.entry(transaction.kind).or_default();
        match transaction.outcome {
            Outcome::Committed => counts[0] += 1,
            Outcome::Aborted => counts[1] += 1,
            Outcome::Unknown => counts[2] += 1,
            Outcome::Starved => counts[3] += 1,
        }
    }
    println!(
        "{:<16}{:>10}{:>10}{:>10}{:>10}",
        "", "committed", "aborted", "unknown", "starved"
    );
    for (kind, [committed, aborted, unknown, starved]) in &kinds {
        println!(
            "{:<16}{committed:>10}{aborted:>10}{unknown:>10}{starved:>10}",
            format!("{kind:?}")
        );
    }
    let committed: usize = kinds.values().map(|[committed, ..]| committed).sum();
    let nanoseconds = history
        .iter()
        .map(|t| t.completed)
        .max()
        .unwrap_or(1)
        .max(1);
    println!(
        "{} transactions ({committed} committed) on {keys} keys, {:.0} per second; {} edges checked in {:.2} s",
        history.len(),
        history.len() as f64 / (nanoseconds as f64 / 1e9),
        report.edges,
        check_time.as_secs_f64()
    );
    let delivered = report.delivered;
    println!(
        "{} elements taken from queues, {} of them by clients that were waiting; {} waits in vain; \
         {} times it was known who had come first",
        delivered.taken, delivered.awaited, delivered.in_vain, delivered.turns
    );
}

/// The finding, and every transaction that is part of it.
pub fn print_anomaly(history: &[Transaction], anomaly: &Anomaly) {
    let show = |numbers: &[usize]| {
        for &number in numbers {
            println!("    T{number} {}", history[number]);
        }
    };
    let show_queue = |wanted: Queue| {
        println!("    all that is known of the queue:");
        let touches = |operation: &Operation| match operation {
            Operation::Push { queue, .. }
            | Operation::Take { queue, .. }
            | Operation::Rest { queue, .. } => *queue == wanted,
            Operation::MayTake { queues, to, .. } => {
                queues.contains(&wanted) || *to == Some(wanted)
            }
            _ => false,
        };
        let numbers = 0..history.len();
        let all: Vec<usize> = numbers
            .filter(|&number| history[number].operations.iter().any(touches))
            .collect();
        show(&all);
    };
    match anomaly {
        Anomaly::Garbage { key, mark, reader } => {
            println!("garbage: key {key} holds {mark:08x}, which nobody appended to it");
            show(&[*reader]);
        }
        Anomaly::Duplicate { key, mark, reader } => {
            println!("duplicate: key {key} holds {mark:08x} twice, or another key as well");
            show(&[*reader]);
        }
        Anomaly::AbortedRead {
            key,
            mark,
            reader,
            writer,
        } => {
            println!(
                "G1a, aborted read: key {key} holds {mark:08x} of T{writer}, which was aborted"
            );
            show(&[*writer, *reader]);
        }
        Anomaly::IncompatibleOrder { key, one, other } => {
            println!(
                "incompatible order: two values of key {key}, and neither begins with the other"
            );
            show(&[*one, *other]);
        }
        Anomaly::Internal { key, transaction } => {
            println!("internal: a transaction contradicts itself about key {key}");
            show(&[*transaction]);
        }
        Anomaly::WrongPlace {
            key,
            mark,
            transaction,
        } => {
            println!(
                "wrong place: the append of {mark:08x} to key {key} was told a place where it is not"
            );
            show(&[*transaction]);
        }
        Anomaly::Lost {
            key,
            mark,
            writer,
            reader,
        } => {
            println!("lost: {mark:08x} is not in key {key}, read after T{writer} had committed it");
            show(&[*writer, *reader]);
        }
        Anomaly::Present { key, mark, writer } => {
            println!("present: {mark:08x} was in key {key} already when it was added");
            show(&[*writer]);
        }
        Anomaly::Disordered { key, reader } => {
            println!("disordered: the members of key {key} do not come by their scores");
            show(&[*reader]);
        }
        Anomaly::Unpushed { queue, mark, taker } => {
            println!("unpushed: {mark:08x} was in queue q{queue}, to which nobody pushed it");
            show(&[*taker]);
            show_queue(*queue);
        }
        Anomaly::TakenTwice {
            queue,
            mark,
            one,
            other,
        } => {
            println!("taken twice: {mark:08x} of queue q{queue}");
            show(&[*one, *other]);
            show_queue(*queue);
        }
        Anomaly::AbortedTake {
            queue,
            mark,
            taker,
            pusher,
        } => {
            println!(
                "aborted take: {mark:08x} was in queue q{queue}, but T{pusher}, which pushed it, was aborted"
            );
            show(&[*pusher, *taker]);
        }
        Anomaly::Vanished {
            queue,
            mark,
            pusher,
        } => {
            println!("vanished: {mark:08x} was pushed to queue q{queue}, and nobody has it");
            show(&[*pusher]);
            show_queue(*queue);
        }
        Anomaly::FoundEmpty {
            queue,
            mark,
            transaction,
        } => {
            println!("found empty: queue q{queue}, with {mark:08x} in it all the time");
            show(&[*transaction]);
        }
        Anomaly::OutOfOrder {
            queue,
            one,
            next,
            taker,
        } => {
            println!("out of order: {one:08x} came before {next:08x} from queue q{queue}");
            show(&[*taker]);
        }
        Anomaly::PassedOver {
            queue,
            waiting,
            served,
        } => {
            println!(
                "passed over: T{served} was served from queue q{queue} before T{waiting}, which had waited longer"
            );
            show(&[*waiting, *served]);
        }
        Anomaly::Starved { transaction } => {
            println!("starved: a client waited for a queue that was not empty, and was not woken");
            show(&[*transaction]);
        }
        Anomaly::Cycle { name, steps } => {
            println!("cycle of {}: {name}", steps.len());
            for (place, (number, relation)) in steps.iter().enumerate() {
                let next = steps[(place + 1) % steps.len()].0;
                println!("    T{number} {}", history[*number]);
                println!("      must come before T{next}, {}", why(*relation));
            }
            for (_, relation) in steps {
                if let Relation::ServedEarlier(queue) = relation {
                    show_queue(*queue);
                }
            }
        }
    }
}

fn why(relation: Relation) -> String {
    match relation {
        Relation::Ww(key) => format!("which appended to key {key} next"),
        Relation::Wr(key) => format!("which found its append in key {key}"),
        Relation::Rw(key) => format!("whose append to key {key} it did not find"),
        Relation::Took(queue) => format!("which took what it had pushed to queue q{queue}"),
        Relation::TakenEarlier(queue) => {
            format!("which took from queue q{queue} what was pushed later")
        }
        Relation::PushedEarlier(queue) => {
            format!("whose push to queue q{queue} was taken later")
        }
        Relation::ServedEarlier(queue) => {
            format!("which came to wait for queue q{queue} later, and was served from it")
        }
        Relation::Process => "which was sent later on the same connection".into(),
        Relation::Realtime | Relation::Chain => "which was sent after its reply had arrived".into(),
    }
}

/// How many transactions the server reran; false where that are fewer than asked for.
pub fn print_reruns(
    before: Option<Counters>,
    after: Option<Counters>,
    share_min: Option<f64>,
) -> bool {
    let Some((before, after)) = before.zip(after) else {
        if share_min.is_some() {
            println!("INFO stats has no transactions_total and transactions_rerun");
        }
        return share_min.is_none();
    };
    let total = after.total.saturating_sub(before.total);
    let rerun = after.rerun.saturating_sub(before.rerun);
    let share = rerun as f64 / total.max(1) as f64;
    println!(
        "the server reran {rerun} of {total} transactions ({:.1} %)",
        share * 100.0
    );
    match share_min {
        Some(min) if share < min => {
            println!("that is less than the {:.1} % asked for", min * 100.0);
            false
        }
        _ => true,
    }
}
