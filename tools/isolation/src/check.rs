//! Infers from a history in which order its transactions must have run, and looks for contradictions.
//!
//! The longest value ever read of a list is the order of its writes. From it follow, for transactions A and B:
//!
//! - A ww B: B's append is the next after A's;
//! - A wr B: what B found in the list ends with A's append;
//! - A rw B: B's append is the first that A did not find.
//!
//! To these come the orders that a client can see on its clock: A process B, on one connection; and A realtime
//! B, where A's reply had arrived before B was sent. A history is strictly serializable only if these relations
//! have no cycle (Adya 1999; for lists the converse holds as well: no cycle, then an order exists).
//!
//! What sets and queues add to that stands in [`check_sets`](crate::check_sets) and
//! [`check_queues`](crate::check_queues).
//!
//! Real time would take a quadratic number of edges. Instead there is a node for each completion, in a chain:
//! a transaction points to the node of its completion, and the last node before its invocation points to it.

use std::collections::HashMap;

use crate::check_queues::{self, Delivered};
use crate::check_sets;
use crate::graph::Graph;
use crate::history::{Key, Mark, Operation, Outcome, Queue, Transaction};

/// Nodes from which a component's cheapest cycle is looked for; more would only cost time.
const CYCLE_STARTS_MAX: usize = 200;
/// Components whose cycle is reported.
const CYCLES_MAX: usize = 3;

/// Why one transaction must come before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The other overwrote (appended after) its write to this list.
    Ww(Key),
    /// The other read its write to this key.
    Wr(Key),
    /// The other wrote to this key what it had not read yet.
    Rw(Key),
    /// The other took what it had pushed to this queue.
    Took(Queue),
    /// The other took from this queue what was pushed later.
    TakenEarlier(Queue),
    /// What the other pushed to this queue was taken later.
    PushedEarlier(Queue),
    /// The other was sent when it waited for this queue already, and was served from it.
    ServedEarlier(Queue),
    /// The other was sent later on the same connection.
    Process,
    /// The other was sent after its reply had arrived.
    Realtime,
    /// From one completion to the next.
    Chain,
}

/// A proof that the history is not strictly serializable. Numbers are places in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anomaly {
    /// A value holds a mark that nobody wrote to that list.
    Garbage { key: Key, mark: Mark, reader: usize },
    /// A value holds the same mark twice.
    Duplicate { key: Key, mark: Mark, reader: usize },
    /// A value holds a mark of a transaction that was aborted.
    AbortedRead {
        key: Key,
        mark: Mark,
        reader: usize,
        writer: usize,
    },
    /// Two values of a list of which neither begins with the other.
    IncompatibleOrder { key: Key, one: usize, other: usize },
    /// A transaction contradicts its own operations: a read misses its own append, or two reads differ.
    Internal { key: Key, transaction: usize },
    /// An append was told another place than the one where its mark is.
    WrongPlace {
        key: Key,
        mark: Mark,
        transaction: usize,
    },
    /// A committed append is absent from a value that was read after it had completed.
    Lost {
        key: Key,
        mark: Mark,
        writer: usize,
        reader: usize,
    },
    /// A mark that was in the set already when it was added: a transaction that was taken back has left it there.
    Present { key: Key, mark: Mark, writer: usize },
    /// A set whose members do not come in the order of their scores.
    Disordered { key: Key, reader: usize },
    /// Somebody took from a queue, or found there, what nobody had pushed.
    Unpushed {
        queue: Queue,
        mark: Mark,
        taker: usize,
    },
    /// A mark was taken from a queue twice, or taken and left as well.
    TakenTwice {
        queue: Queue,
        mark: Mark,
        one: usize,
        other: usize,
    },
    /// A mark was taken whose transaction was aborted.
    AbortedTake {
        queue: Queue,
        mark: Mark,
        taker: usize,
        pusher: usize,
    },
    /// A mark was pushed, and is neither taken nor left.
    Vanished {
        queue: Queue,
        mark: Mark,
        pusher: usize,
    },
    /// A transaction found a queue empty in which this mark was all the time.
    FoundEmpty {
        queue: Queue,
        mark: Mark,
        transaction: usize,
    },
    /// Two marks were taken at once, in the wrong order.
    OutOfOrder {
        queue: Queue,
        one: Mark,
        next: Mark,
        taker: usize,
    },
    /// Somebody took from a queue for which another had been waiting before that was sent, and went on waiting.
    PassedOver {
        queue: Queue,
        waiting: usize,
        served: usize,
    },
    /// Somebody waited for a queue that was not empty, and nobody woke it.
    Starved { transaction: usize },
    /// Each transaction must come before the next, and the last before the first.
    Cycle {
        name: &'static str,
        steps: Vec<(usize, Relation)>,
    },
}

/// What the checker found.
#[derive(Debug, Default)]
pub struct Report {
    /// Empty where the history is strictly serializable.
    pub anomalies: Vec<Anomaly>,
    /// Edges between transactions, real time included.
    pub edges: usize,
    /// What became of the queues' marks.
    pub delivered: Delivered,
}

/// What a transaction says about one list: how long it was before the transaction touched it.
struct Sight {
    key: Key,
    before: usize,
}

/// Where a mark was written.
#[derive(Clone, Copy)]
struct Writer {
    transaction: u32,
    key: Key,
}

/// Checks the history. It should end with reads of every list, or lost appends at a list's end stay unseen.
#[must_use]
pub fn check(history: &[Transaction]) -> Report {
    let mut report = Report::default();
    let mut checker = Checker {
        history,
        writers: HashMap::new(),
        orders: HashMap::new(),
    };
    checker.collect_writers();
    checker.collect_orders(&mut report.anomalies);
    checker.check_orders(&mut report.anomalies);
    checker.check_lost(&mut report.anomalies);
    let mut edges = checker.edges(&mut report.anomalies);
    check_sets::relate(history, &mut edges, &mut report.anomalies);
    report.delivered = check_queues::relate(history, &mut edges, &mut report.anomalies);
    let graph = checker.graph(edges);
    report.edges = graph.len();
    checker.check_cycles(&graph, &mut report.anomalies);
    report
}

/// The longest value of a list, who read it, and who read the list last.
struct Order<'a> {
    marks: &'a [Mark],
    reader: usize,
    last_invoked: u64,
    last_reader: usize,
}

struct Checker<'a> {
    history: &'a [Transaction],
    writers: HashMap<Mark, Writer>,
    orders: HashMap<Key, Order<'a>>,
}

impl<'a> Checker<'a> {
    fn collect_writers(&mut self) {
        for (number, transaction) in self.history.iter().enumerate() {
            for operation in &transaction.operations {
                if let Operation::Append { key, mark, .. } = *operation {
                    self.writers.insert(
                        mark,
                        Writer {
                            transaction: number as u32,
                            key,
                        },
                    );
                }
            }
        }
    }

    fn collect_orders(&mut self, anomalies: &mut Vec<Anomaly>) {
        let reads = || {
            self.history
                .iter()
                .enumerate()
                .flat_map(|(number, transaction)| {
                    transaction
                        .operations
                        .iter()
                        .filter_map(move |operation| match operation {
                            Operation::Read { key, marks } => {
                                Some((number, transaction.invoked, *key, marks.as_slice()))
                            }
                            _ => None,
                        })
                })
        };
        for (number, invoked, key, marks) in reads() {
            let order = self.orders.entry(key).or_insert(Order {
                marks,
                reader: number,
                last_invoked: 0,
                last_reader: number,
            });
            if marks.len() > order.marks.len() {
                order.marks = marks;
                order.reader = number;
            }
            if invoked >= order.last_invoked {
                order.last_invoked = invoked;
                order.last_reader = number;
            }
        }
        for (number, _, key, marks) in reads() {
            let order = &self.orders[&key];
            if !order.marks.starts_with(marks) {
                anomalies.push(Anomaly::IncompatibleOrder {
                    key,
                    one: number,
                    other: order.reader,
                });
            }
        }
    }

    fn check_orders(&self, anomalies: &mut Vec<Anomaly>) {
        let mut seen = std::collections::HashSet::new();
        for (&key, order) in &self.orders {
            let reader = order.reader;
            for &mark in order.marks {
                if !seen.insert(mark) {
                    anomalies.push(Anomaly::Duplicate { key, mark, reader });
                }
                match self.writers.get(&mark) {
                    Some(writer) if writer.key == key => {
                        let writer = writer.transaction as usize;
                        if self.history[writer].outcome == Outcome::Aborted {
                            anomalies.push(Anomaly::AbortedRead {
                                key,
                                mark,
                                reader,
                                writer,
                            });
                        }
                    }
                    _ => anomalies.push(Anomaly::Garbage { key, mark, reader }),
                }
            }
        }
    }

    fn check_lost(&self, anomalies: &mut Vec<Anomaly>) {
        let observed: std::collections::HashSet<Mark> = self
            .orders
            .values()
            .flat_map(|order| order.marks.iter().copied())
            .collect();
        for (writer, transaction) in self.history.iter().enumerate() {
            if transaction.outcome != Outcome::Committed {
                continue;
            }
            for operation in &transaction.operations {
                let Operation::Append { key, mark, .. } = *operation else {
                    continue;
                };
                let Some(order) = self.orders.get(&key) else {
                    continue;
                };
                if !observed.contains(&mark) && order.last_invoked > transaction.completed {
                    anomalies.push(Anomaly::Lost {
                        key,
                        mark,
                        writer,
                        reader: order.last_reader,
                    });
                }
            }
        }
    }

    /// What a committed transaction says about each list it touched, once it is consistent with itself.
    fn sights(&self, number: usize, anomalies: &mut Vec<Anomaly>) -> Vec<Sight> {
        /// What the transaction appended to the key so far, and the length it found.
        struct Own {
            key: Key,
            marks: Vec<Mark>,
            before: Option<usize>,
        }
        let mut own: Vec<Own> = Vec::new();
        for operation in &self.history[number].operations {
            let (Operation::Append { key, .. } | Operation::Read { key, .. }) = *operation else {
                continue;
            };
            let place = own.iter().position(|o| o.key == key).unwrap_or_else(|| {
                own.push(Own {
                    key,
                    marks: Vec::new(),
                    before: None,
                });
                own.len() - 1
            });
            let own = &mut own[place];
            let found = match operation {
                Operation::Read { marks, .. } if marks.ends_with(&own.marks) => {
                    Some(marks.len() - own.marks.len())
                }
                Operation::Append { mark, before, .. } => {
                    let appended = own.marks.len();
                    own.marks.push(*mark);
                    match before.map(|before| (before as usize).checked_sub(appended)) {
                        Some(None) => {
                            anomalies.push(Anomaly::Internal {
                                key,
                                transaction: number,
                            });
                            continue;
                        }
                        Some(found) => {
                            let place = found.unwrap_or_default() + appended;
                            let there = self
                                .orders
                                .get(&key)
                                .and_then(|order| order.marks.get(place));
                            if there.is_some_and(|there| there != mark) {
                                anomalies.push(Anomaly::WrongPlace {
                                    key,
                                    mark: *mark,
                                    transaction: number,
                                });
                            }
                            found
                        }
                        None => None,
                    }
                }
                _ => {
                    anomalies.push(Anomaly::Internal {
                        key,
                        transaction: number,
                    });
                    continue;
                }
            };
            match (own.before, found) {
                (Some(before), Some(found)) if before != found => {
                    anomalies.push(Anomaly::Internal {
                        key,
                        transaction: number,
                    });
                }
                (None, Some(_)) => own.before = found,
                _ => {}
            }
        }
        own.into_iter()
            .filter_map(|o| {
                Some(Sight {
                    key: o.key,
                    before: o.before?,
                })
            })
            .collect()
    }

    /// What the lists say.
    fn edges(&self, anomalies: &mut Vec<Anomaly>) -> Vec<(u32, u32, Relation)> {
        let transactions = self.history.len();
        let mut edges = Vec::with_capacity(transactions * 6);
        for (&key, order) in &self.orders {
            for pair in order.marks.windows(2) {
                if let (Some(one), Some(other)) =
                    (self.writers.get(&pair[0]), self.writers.get(&pair[1]))
                    && one.transaction != other.transaction
                {
                    edges.push((one.transaction, other.transaction, Relation::Ww(key)));
                }
            }
        }
        for number in 0..transactions {
            if self.history[number].outcome != Outcome::Committed {
                continue;
            }
            let reader = number as u32;
            for Sight { key, before } in self.sights(number, anomalies) {
                let Some(order) = self.orders.get(&key) else {
                    continue;
                };
                let writer = |place: usize| {
                    order
                        .marks
                        .get(place)
                        .and_then(|mark| self.writers.get(mark))
                };
                if let Some(writer) = before.checked_sub(1).and_then(writer)
                    && writer.transaction != reader
                {
                    edges.push((writer.transaction, reader, Relation::Wr(key)));
                }
                if let Some(writer) = writer(before)
                    && writer.transaction != reader
                {
                    edges.push((reader, writer.transaction, Relation::Rw(key)));
                }
            }
        }
        edges
    }

    /// With what the clocks say.
    fn graph(&self, mut edges: Vec<(u32, u32, Relation)>) -> Graph<Relation> {
        self.process_edges(&mut edges);
        let completions = self.realtime_edges(&mut edges);
        Graph::new(self.history.len() + completions, &edges)
    }

    fn process_edges(&self, edges: &mut Vec<(u32, u32, Relation)>) {
        let mut last: HashMap<u32, u32> = HashMap::new();
        for (number, transaction) in self.history.iter().enumerate() {
            if transaction.outcome == Outcome::Aborted {
                continue;
            }
            if let Some(previous) = last.insert(transaction.connection, number as u32) {
                edges.push((previous, number as u32, Relation::Process));
            }
        }
    }

    fn realtime_edges(&self, edges: &mut Vec<(u32, u32, Relation)>) -> usize {
        let transactions = self.history.len() as u32;
        // At the same instant invocations come first: only what surely came later is ordered.
        let mut events: Vec<(u64, bool, u32)> = Vec::with_capacity(self.history.len() * 2);
        for (number, transaction) in self.history.iter().enumerate() {
            if transaction.outcome != Outcome::Aborted {
                events.push((transaction.invoked, false, number as u32));
            }
            if transaction.outcome == Outcome::Committed {
                events.push((transaction.completed, true, number as u32));
            }
        }
        events.sort_unstable();
        let mut completions = 0;
        for (_, is_completion, number) in events {
            let latest = transactions + completions;
            if is_completion {
                if completions > 0 {
                    edges.push((latest - 1, latest, Relation::Chain));
                }
                edges.push((number, latest, Relation::Realtime));
                completions += 1;
            } else if completions > 0 {
                edges.push((latest - 1, number, Relation::Chain));
            }
        }
        completions as usize
    }

    fn check_cycles(&self, graph: &Graph<Relation>, anomalies: &mut Vec<Anomaly>) {
        let transactions = self.history.len() as u32;
        // What the data says weighs less than what the clock says, so that a cycle prefers data.
        let cost = |relation| match relation {
            Relation::Chain => 0,
            Relation::Process | Relation::Realtime => 5,
            _ => 4,
        };
        for component in graph.components().iter().take(CYCLES_MAX) {
            let cycle = graph.cheapest_cycle(
                component,
                CYCLE_STARTS_MAX,
                |node| node < transactions,
                cost,
            );
            let steps: Vec<(usize, Relation)> = cycle
                .into_iter()
                .filter(|&(node, _)| node < transactions)
                .map(|(node, relation)| (node as usize, relation))
                .collect();
            anomalies.push(Anomaly::Cycle {
                name: name(&steps),
                steps,
            });
        }
    }
}

/// Adya's name for a cycle of these relations.
fn name(steps: &[(usize, Relation)]) -> &'static str {
    let count = |wanted: fn(&Relation) -> bool| steps.iter().filter(|(_, r)| wanted(r)).count();
    let clock = count(|r| matches!(r, Relation::Process | Relation::Realtime)) > 0;
    let reads = count(|r| matches!(r, Relation::Wr(_) | Relation::Took(_))) > 0;
    if count(|r| matches!(r, Relation::ServedEarlier(_))) > 0 {
        return "waiters out of order";
    }
    if count(|r| matches!(r, Relation::TakenEarlier(_) | Relation::PushedEarlier(_))) > 0 {
        return "a queue out of order";
    }
    match (count(|r| matches!(r, Relation::Rw(_))), reads, clock) {
        (0, false, false) => "G0, dirty write",
        (0, true, false) => "G1c, circular information flow",
        (1, _, false) => "G-single, read skew",
        (_, _, false) => "G2, anti-dependency cycle (write skew)",
        (0, false, true) => "G0-realtime: writes against the clock",
        (0, true, true) => "G1c-realtime: a read from the future",
        (1, _, true) => "G-single-realtime: a stale read",
        (_, _, true) => "G2-realtime: anti-dependency cycle against the clock",
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
