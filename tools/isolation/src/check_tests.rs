//! Planted violations: each must be found, and named as what it is. And honest histories: nothing is found.

use super::*;
use crate::history::{Kind, Wait};

/// `a1:7` appends mark 7 to list 1, `a1:7@2` and is told that two were before, `r1:7,8` reads list 1; `s1:7` adds mark 7
/// to set 1, `s1:7!` and is told that it was there, `m1:7,8` reads set 1; `p1:7` pushes to queue 1, `t1:7,8` takes from it, `l1:7,8` reads what is left there,
/// `u1:2` may have taken two from it, and `u1:2>4` may have moved them to queue 4.
fn transaction(connection: u32, invoked: u64, completed: u64, operations: &str) -> Transaction {
    let operations = operations.split_whitespace().map(operation).collect();
    Transaction {
        connection,
        kind: Kind::Multi,
        invoked,
        completed,
        outcome: Outcome::Committed,
        operations,
        wait: None,
    }
}

fn operation(word: &str) -> Operation {
    let (key, rest) = word[1..].split_once(':').unwrap();
    let key = key.parse().unwrap();
    let mark = |text: &str| text.parse().unwrap();
    let marks = || {
        rest.split(',')
            .filter(|m| !m.is_empty())
            .map(mark)
            .collect()
    };
    match &word[..1] {
        "a" => {
            let (text, before) = rest.split_once('@').unwrap_or((rest, ""));
            Operation::Append {
                key,
                mark: mark(text),
                before: before.parse().ok(),
            }
        }
        "r" => Operation::Read {
            key,
            marks: marks(),
        },
        "s" => {
            let (text, old) = rest.split_once('!').unwrap_or((rest, "new"));
            Operation::Add {
                key,
                mark: mark(text),
                new: Some(!old.is_empty()),
            }
        }
        "m" => Operation::Members {
            key,
            marks: marks(),
        },
        "p" => Operation::Push {
            queue: key,
            mark: mark(rest),
        },
        "t" => Operation::Take {
            queue: key,
            marks: marks(),
        },
        "l" => Operation::Rest {
            queue: key,
            marks: marks(),
        },
        _ => {
            let (count, to) = rest.split_once('>').unwrap_or((rest, ""));
            Operation::MayTake {
                queues: vec![key],
                count: count.parse().unwrap(),
                to: to.parse().ok(),
            }
        }
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
fn honest_sets() {
    clean(&sequential(&["m1:", "s1:7", "m1:7 s1:9 m1:7,9", "m1:7,9"]));
    clean(&concurrent(&["s1:7", "s1:8", "m1:8", "m1:7,8"]));
    let mut history = sequential(&["s1:7", "m1:", "m1:7"]);
    history[0].outcome = Outcome::Unknown;
    clean(&history);
}

#[test]
fn sets_that_contradict() {
    cycle(
        &sequential(&["s1:7", "m1:", "m1:7"]),
        "G-single-realtime",
        &[0, 1],
    );
    // Never seen at all.
    cycle(&sequential(&["s1:7", "m1:"]), "G-single-realtime", &[0, 1]);
    // Two readers who disagree about which of two came first.
    cycle(
        &concurrent(&["s1:7", "s1:8", "m1:7", "m1:8"]),
        "G2",
        &[0, 1, 2, 3],
    );
    // Half of a transaction.
    cycle(&concurrent(&["s1:7 s2:8", "m1:7 m2:"]), "G-single", &[0, 1]);
    let internal = Anomaly::Internal {
        key: 1,
        transaction: 0,
    };
    anomaly(&concurrent(&["s1:7 m1:"]), &internal);
    anomaly(&concurrent(&["m1: m1:8", "s1:8"]), &internal);
    anomaly(
        &sequential(&["s1:7!", "m1:7"]),
        &Anomaly::Present {
            key: 1,
            mark: 7,
            writer: 0,
        },
    );
    let (key, reader) = (1, 1);
    anomaly(
        &concurrent(&["s1:7 s1:8", "m1:8,7"]),
        &Anomaly::Disordered { key, reader },
    );
    anomaly(
        &concurrent(&["s2:7", "m1:7"]),
        &Anomaly::Garbage {
            key,
            mark: 7,
            reader,
        },
    );
    let mut history = concurrent(&["s1:7", "m1:7"]);
    history[0].outcome = Outcome::Aborted;
    anomaly(
        &history,
        &Anomaly::AbortedRead {
            key,
            mark: 7,
            reader,
            writer: 0,
        },
    );
}

#[test]
fn honest_queues() {
    clean(&sequential(&[
        "t1:",
        "p1:7 p1:8 p1:9",
        "t1:7",
        "t1:8 p4:8",
        "t4:8",
        "l1:9",
        "l4:",
    ]));
    // It waited from before the push on.
    clean(&[
        transaction(0, 0, 20, "t1:7"),
        transaction(1, 5, 30, "p1:7 p1:8"),
        transaction(2, 40, 50, "l1:8"),
    ]);
    // Pushed at the same time, taken in any order.
    clean(&concurrent(&["p1:7", "p1:8", "t1:8", "t1:7"]));
    // Pushed in one order, taken by one command.
    clean(&sequential(&["p1:7", "p1:8", "t1:7,8", "l1:"]));
    // A sorted set is in the order of its scores.
    clean(&concurrent(&["p2:7", "p2:8", "t2:7,8"]));
}

#[test]
fn taken_twice_or_never_pushed() {
    let (queue, mark) = (1, 7);
    for history in [
        concurrent(&["p1:7", "t1:7", "t1:7"]),
        sequential(&["p1:7", "t1:7", "l1:7"]),
    ] {
        let (one, other) = (1, 2);
        anomaly(
            &history,
            &Anomaly::TakenTwice {
                queue,
                mark,
                one,
                other,
            },
        );
    }
    let unpushed = Anomaly::Unpushed {
        queue,
        mark,
        taker: 1,
    };
    anomaly(&concurrent(&["p2:7", "t1:7"]), &unpushed);
    // One who moves puts into its own destination only.
    let mut history = concurrent(&["p4:7", "t1:7", "u4:1>5"]);
    history[2].outcome = Outcome::Unknown;
    anomaly(&history, &unpushed);
    let mut history = concurrent(&["p1:7", "t1:7"]);
    history[0].outcome = Outcome::Aborted;
    anomaly(
        &history,
        &Anomaly::AbortedTake {
            queue,
            mark,
            taker: 1,
            pusher: 0,
        },
    );
}

#[test]
fn vanished_unless_somebody_may_have_it() {
    let vanished = |mark| Anomaly::Vanished {
        queue: 1,
        mark,
        pusher: 0,
    };
    anomaly(&sequential(&["p1:7", "l1:"]), &vanished(7));
    for (outcome, count) in [(Outcome::Unknown, 1), (Outcome::Aborted, 2)] {
        let mut history = sequential(&["p1:7 p1:8", "u1:1", "l1:"]);
        history[1].outcome = outcome;
        let found = check(&history).anomalies;
        assert_eq!(found.len(), count, "{found:?}");
        assert_eq!(found[0], vanished(7));
    }
    // It is where somebody may have moved it.
    let mut history = sequential(&["p1:7", "u1:1>4", "l1:", "l4:7"]);
    history[1].outcome = Outcome::Unknown;
    clean(&history);
    history.extend(sequential(&["p1:8"]));
    let report = check(&history);
    assert!(
        matches!(report.anomalies[..], [Anomaly::Vanished { mark: 8, .. }]),
        "{report:?}"
    );
    // A push of which nobody saw the answer may not have happened.
    let mut history = sequential(&["p1:7", "l1:"]);
    history[0].outcome = Outcome::Unknown;
    clean(&history);
}

/// There may be a second cycle, as the takes are out of order for the pushes, and the pushes for the takes.
#[track_caller]
fn out_of_turn(history: &[Transaction], transactions: &[usize]) {
    let report = check(history);
    let is_it = |anomaly: &Anomaly| match anomaly {
        Anomaly::Cycle { name, steps } => {
            let mut members: Vec<usize> = steps.iter().map(|(n, _)| *n).collect();
            members.sort_unstable();
            *name == "a queue out of order" && members == transactions
        }
        _ => false,
    };
    assert!(report.anomalies.iter().any(is_it), "{report:?}");
}

#[test]
fn queues_out_of_order() {
    out_of_turn(&sequential(&["p1:7", "p1:8", "t1:8", "t1:7"]), &[2, 3]);
    // Within one transaction, and between the transactions of one connection.
    out_of_turn(&sequential(&["p2:7 p2:8", "t2:8", "t2:7"]), &[1, 2]);
    out_of_turn(
        &[
            transaction(0, 0, 10, "p1:7"),
            transaction(0, 0, 10, "p1:8"),
            transaction(1, 20, 30, "t1:8"),
            transaction(2, 40, 50, "t1:7"),
        ],
        &[2, 3],
    );
    // What was left was overtaken.
    out_of_turn(&sequential(&["p1:7", "p1:8", "t1:8", "l1:7"]), &[2, 3]);
    // The marks of one push are not all together.
    out_of_turn(&concurrent(&["p1:7 p1:8", "p1:9", "t1:7,9,8"]), &[0, 1]);
    let out_of_order = |queue| Anomaly::OutOfOrder {
        queue,
        one: 8,
        next: 7,
        taker: 1,
    };
    anomaly(&concurrent(&["p1:7 p1:8", "t1:8,7"]), &out_of_order(1));
    anomaly(&concurrent(&["p2:7", "t2:8,7", "p2:8"]), &out_of_order(2));
}

#[test]
fn served_before_the_commit() {
    // Who has taken a mark does not see what came with it.
    cycle(
        &[
            transaction(0, 0, 50, "p1:7 a1:8"),
            transaction(1, 0, 20, "t1:7"),
            transaction(1, 25, 30, "r1:"),
            transaction(2, 60, 70, "r1:8"),
        ],
        "G-single-realtime",
        &[0, 1, 2],
    );
}

#[test]
fn found_empty_and_starved() {
    let history = sequential(&["p1:7", "t1:", "t1:7"]);
    anomaly(
        &history,
        &Anomaly::FoundEmpty {
            queue: 1,
            mark: 7,
            transaction: 1,
        },
    );
    let mut history = sequential(&["p1:7", "u1:1", "l1:7"]);
    history[1].outcome = Outcome::Starved;
    anomaly(&history, &Anomaly::Starved { transaction: 1 });
}

#[test]
fn waiters_out_of_order() {
    // The first is known to have waited from 10 to `until`; the second was sent at `invoked`.
    let history = |until, invoked, first: &str, second: &str| {
        let mut history = vec![
            transaction(0, 0, 100, first),
            transaction(1, invoked, 60, second),
            transaction(2, 30, 70, "p1:7 p1:8"),
            transaction(3, 110, 120, "l1:"),
        ];
        let wait = |queues: &[u32], seen| Wait {
            queues: queues.to_vec(),
            seen,
        };
        history[0].wait = Some(wait(&[1, 4], Some((10, until))));
        history[1].wait = Some(wait(&[1], None));
        history
    };
    clean(&history(20, 15, "t1:7", "t1:8"));
    // It was served, and did not hear of it for a while.
    clean(&history(65, 15, "t1:7", "t1:8"));
    cycle(
        &history(20, 15, "t1:8", "t1:7"),
        "waiters out of order",
        &[0, 1],
    );
    // It was not served at all, and waited on.
    let passed_over = Anomaly::PassedOver {
        queue: 1,
        waiting: 0,
        served: 1,
    };
    anomaly(&history(65, 15, "t1: t4:", "t1:7"), &passed_over);
    let mut unknown = history(65, 15, "u1:1", "t1:7");
    unknown[0].outcome = Outcome::Unknown;
    unknown[3].operations = vec![];
    clean(&unknown);
    // Nobody knows which came first.
    clean(&history(20, 5, "t1:8", "t1:7"));
    // The second waited for another queue as well.
    let mut history_of_two = history(20, 15, "t1:8", "t1:7");
    if let Some(wait) = &mut history_of_two[1].wait {
        wait.queues.push(4);
    }
    clean(&history_of_two);
    let unserved = history(55, 15, "t1: t4:", "t1:7,8");
    clean(&unserved);
    assert_eq!(check(&unserved).delivered.turns, 1);
}

#[test]
fn deliveries_are_counted() {
    let mut history = vec![
        transaction(0, 0, 20, "t1:7"),
        transaction(1, 5, 30, "p1:7 p1:8"),
        transaction(2, 40, 50, "t1:8"),
        transaction(0, 60, 70, "t1:"),
    ];
    for waiting in [0, 2, 3] {
        history[waiting].kind = Kind::Waiting;
    }
    let delivered = Delivered {
        taken: 2,
        awaited: 1,
        in_vain: 1,
        turns: 0,
    };
    assert_eq!(check(&history).delivered, delivered);
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
