//! Planted violations: each must be found, and named as what it is. And honest histories: nothing is found.

use super::*;
use crate::history::Kind;

/// `a1:7` appends mark 7 to list 1, `a1:7@2` and is told that two were before, `r1:7,8` reads list 1.
fn transaction(connection: u32, invoked: u64, completed: u64, operations: &str) -> Transaction {
    let operations = operations
        .split_whitespace()
        .map(|word| {
            let (key, rest) = word[1..].split_once(':').unwrap();
            let key = key.parse().unwrap();
            if word.starts_with('a') {
                let (mark, before) = rest.split_once('@').unwrap_or((rest, ""));
                Operation::Append {
                    key,
                    mark: mark.parse().unwrap(),
                    before: before.parse().ok(),
                }
            } else {
                let marks = rest
                    .split(',')
                    .filter(|m| !m.is_empty())
                    .map(|m| m.parse().unwrap())
                    .collect();
                Operation::Read { key, marks }
            }
        })
        .collect();
    Transaction {
        connection,
        kind: Kind::Multi,
        invoked,
        completed,
        outcome: Outcome::Committed,
        operations,
    }
}

/// All at the same time, each on a connection of its own: only the data orders them.
fn concurrent(transactions: &[&str]) -> Vec<Transaction> {
    transactions
        .iter()
        .enumerate()
        .map(|(n, operations)| transaction(n as u32, 0, 100, operations))
        .collect()
}

/// One after the other, each on a connection of its own.
fn sequential(transactions: &[&str]) -> Vec<Transaction> {
    let at = |n: usize| (n as u64 * 10, n as u64 * 10 + 5);
    transactions
        .iter()
        .enumerate()
        .map(|(n, o)| transaction(n as u32, at(n).0, at(n).1, o))
        .collect()
}

#[track_caller]
fn cycle(history: &[Transaction], name: &str, transactions: &[usize]) {
    let report = check(history);
    let [Anomaly::Cycle { name: found, steps }] = &report.anomalies[..] else {
        panic!("expected one cycle: {:?}", report.anomalies);
    };
    assert!(found.starts_with(name), "{found}");
    let mut members: Vec<usize> = steps.iter().map(|(n, _)| *n).collect();
    members.sort_unstable();
    assert_eq!(members, transactions);
}

#[track_caller]
fn anomaly(history: &[Transaction], expected: &Anomaly) {
    let report = check(history);
    assert!(
        report.anomalies.contains(expected),
        "{:?}",
        report.anomalies
    );
}

#[track_caller]
fn clean(history: &[Transaction]) {
    assert_eq!(check(history).anomalies, []);
}

#[test]
fn honest_histories() {
    clean(&concurrent(&[]));
    clean(&sequential(&[
        "r1:",
        "a1:7@0",
        "r1:7 a1:8@1 r1:7,8",
        "a2:9 r2:9",
        "r1:7,8 r2:9",
    ]));
    // Sent in one order, happened in the other: allowed while they overlap.
    clean(&concurrent(&["a1:7@1", "a1:8@0", "r1:8,7"]));
    clean(&concurrent(&["r1: a2:5", "a1:6 r2:5", "r1:6 r2:5"]));
}

#[test]
fn lost_update() {
    // Both read the empty list and appended under a WATCH that should have stopped one of them.
    cycle(
        &concurrent(&["r1: a1:7", "r1: a1:8", "r1:7,8"]),
        "G-single",
        &[0, 1],
    );
}

#[test]
fn lost_append() {
    let history = sequential(&["a1:7", "a1:8", "r1:7"]);
    anomaly(
        &history,
        &Anomaly::Lost {
            key: 1,
            mark: 8,
            writer: 1,
            reader: 2,
        },
    );
}

#[test]
fn write_skew() {
    cycle(
        &concurrent(&["r1: a2:7", "r2: a1:8", "r1:8 r2:7"]),
        "G2",
        &[0, 1],
    );
}

#[test]
fn circular_information_flow() {
    cycle(&concurrent(&["a1:7 r2:8", "a2:8 r1:7"]), "G1c", &[0, 1]);
}

#[test]
fn dirty_write() {
    cycle(
        &concurrent(&["a1:1 a2:2", "a1:3 a2:4", "r1:1,3 r2:4,2"]),
        "G0",
        &[0, 1],
    );
    // Another transaction's mark between two of one transaction.
    cycle(
        &concurrent(&["a1:1 a1:2", "a1:3", "r1:1,3,2"]),
        "G0",
        &[0, 1],
    );
}

#[test]
fn intermediate_read() {
    cycle(
        &concurrent(&["a1:1 a1:2", "r1:1", "r1:1,2"]),
        "G-single",
        &[0, 1],
    );
}

#[test]
fn read_skew() {
    cycle(
        &concurrent(&["a1:1 a2:2", "r1:1 r2:", "r2:2"]),
        "G-single",
        &[0, 1],
    );
}

#[test]
fn stale_read() {
    cycle(
        &sequential(&["a1:7", "r1:", "r1:7"]),
        "G-single-realtime",
        &[0, 1],
    );
}

#[test]
fn realtime_violation_between_writes() {
    cycle(
        &sequential(&["a1:7", "a1:8", "r1:8,7"]),
        "G0-realtime",
        &[0, 1],
    );
    // Nobody read, but the second was told the first place.
    let history = sequential(&["a1:7@1", "a1:8@0", "r1:8,7"]);
    assert!(matches!(
        check(&history).anomalies[..],
        [Anomaly::Cycle { .. }]
    ));
}

#[test]
fn a_read_from_the_future() {
    cycle(&sequential(&["r1:7", "a1:7"]), "G1c-realtime", &[0, 1]);
}

#[test]
fn a_connection_sees_its_own_past() {
    let history = [
        transaction(0, 0, 100, "a1:7"),
        transaction(0, 0, 100, "r1:"),
        transaction(1, 0, 100, "r1:7"),
    ];
    cycle(&history, "G-single-realtime", &[0, 1]);
}

#[test]
fn three_in_a_circle() {
    let history = concurrent(&["r1: a2:7", "r2: a3:8", "r3: a1:9", "r1:9 r2:7 r3:8"]);
    cycle(&history, "G2", &[0, 1, 2]);
}

#[test]
fn aborted_read() {
    let mut history = sequential(&["a1:7", "r1:7"]);
    history[0].outcome = Outcome::Aborted;
    anomaly(
        &history,
        &Anomaly::AbortedRead {
            key: 1,
            mark: 7,
            reader: 1,
            writer: 0,
        },
    );
}

#[test]
fn an_unknown_outcome_may_happen_late_or_never() {
    for read in ["r1:", "r1:7"] {
        let mut history = sequential(&["a1:7", read]);
        history[0].outcome = Outcome::Unknown;
        clean(&history);
    }
}

#[test]
fn garbage_duplicates_and_forks() {
    anomaly(
        &sequential(&["r1:7"]),
        &Anomaly::Garbage {
            key: 1,
            mark: 7,
            reader: 0,
        },
    );
    anomaly(
        &sequential(&["a2:7", "r1:7"]),
        &Anomaly::Garbage {
            key: 1,
            mark: 7,
            reader: 1,
        },
    );
    anomaly(
        &sequential(&["a1:7", "r1:7,7"]),
        &Anomaly::Duplicate {
            key: 1,
            mark: 7,
            reader: 1,
        },
    );
    let history = concurrent(&["a1:7", "a1:8", "r1:7,8", "r1:8"]);
    anomaly(
        &history,
        &Anomaly::IncompatibleOrder {
            key: 1,
            one: 3,
            other: 2,
        },
    );
}

#[test]
fn contradictions_within_a_transaction() {
    anomaly(
        &concurrent(&["a1:7 r1:"]),
        &Anomaly::Internal {
            key: 1,
            transaction: 0,
        },
    );
    anomaly(
        &concurrent(&["a1:7", "r1: r1:7"]),
        &Anomaly::Internal {
            key: 1,
            transaction: 1,
        },
    );
    anomaly(
        &concurrent(&["a1:7", "r1: a1:8@1"]),
        &Anomaly::Internal {
            key: 1,
            transaction: 1,
        },
    );
    let history = concurrent(&["a1:7@1", "a1:8@1", "r1:7,8"]);
    anomaly(
        &history,
        &Anomaly::WrongPlace {
            key: 1,
            mark: 7,
            transaction: 0,
        },
    );
}

#[test]
fn a_single_violation_among_a_hundred_thousand_transactions() {
    let mut operations: Vec<String> = Vec::new();
    for n in 0..100_000_u32 {
        let (key, place) = (n / 30, n % 30);
        operations.push(format!("a{key}:{}@{place}", n + 1));
    }
    let skew = operations.len();
    operations.extend(
        [
            "r900000: a900001:900001",
            "r900001: a900000:900002",
            "r900000:900002 r900001:900001",
        ]
        .map(String::from),
    );
    let words: Vec<&str> = operations.iter().map(String::as_str).collect();
    let mut history = sequential(&words);
    history[skew].completed += 100;
    cycle(&history, "G2", &[skew, skew + 1]);
}
