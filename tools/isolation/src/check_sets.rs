//! What reads of sets say: whose marks are there was before, whose are not there comes later.
//!
//! Members are only ever added, so there is no order among those who add, and a read relates to each of them.

use std::collections::{HashMap, HashSet};

use crate::check::{Anomaly, Relation};
use crate::history::{Key, Mark, Operation, Outcome, Transaction};

/// Adds what follows from the sets of `history` to `edges`.
pub fn relate(
    history: &[Transaction],
    edges: &mut Vec<(u32, u32, Relation)>,
    anomalies: &mut Vec<Anomaly>,
) {
    let mut added: HashMap<Key, Vec<(Mark, usize)>> = HashMap::new();
    let mut seen: HashSet<Mark> = HashSet::new();
    for (number, transaction) in history.iter().enumerate() {
        for operation in &transaction.operations {
            match operation {
                Operation::Add { key, mark, new } => {
                    added.entry(*key).or_default().push((*mark, number));
                    if *new == Some(false) {
                        anomalies.push(Anomaly::Present {
                            key: *key,
                            mark: *mark,
                            writer: number,
                        });
                    }
                }
                Operation::Members { marks, .. } => seen.extend(marks),
                _ => {}
            }
        }
    }
    for (number, transaction) in history.iter().enumerate() {
        if transaction.outcome != Outcome::Committed {
            continue;
        }
        for (key, found) in found(number, transaction, anomalies) {
            let writers = added.get(&key).map_or(&[][..], Vec::as_slice);
            for &mark in &found {
                match writers.iter().find(|(written, _)| *written == mark) {
                    None => anomalies.push(Anomaly::Garbage {
                        key,
                        mark,
                        reader: number,
                    }),
                    Some(&(_, writer)) if history[writer].outcome == Outcome::Aborted => {
                        anomalies.push(Anomaly::AbortedRead {
                            key,
                            mark,
                            reader: number,
                            writer,
                        });
                    }
                    Some(_) => {}
                }
            }
            for &(mark, writer) in writers {
                if writer == number {
                    continue;
                }
                if found.binary_search(&mark).is_ok() {
                    edges.push((writer as u32, number as u32, Relation::Wr(key)));
                } else if history[writer].outcome == Outcome::Committed || seen.contains(&mark) {
                    edges.push((number as u32, writer as u32, Relation::Rw(key)));
                }
            }
        }
    }
}

/// The marks, in order, that a transaction found in each set that it read: those that it has added itself are none.
fn found(
    number: usize,
    transaction: &Transaction,
    anomalies: &mut Vec<Anomaly>,
) -> Vec<(Key, Vec<Mark>)> {
    let mut own: Vec<(Key, Mark)> = Vec::new();
    let mut found: Vec<(Key, Vec<Mark>)> = Vec::new();
    for operation in &transaction.operations {
        let (key, marks) = match operation {
            Operation::Add { key, mark, .. } => {
                own.push((*key, *mark));
                continue;
            }
            Operation::Members { key, marks } => (*key, marks),
            _ => continue,
        };
        if !marks.is_sorted_by(|one, next| one < next) {
            anomalies.push(Anomaly::Disordered {
                key,
                reader: number,
            });
            continue;
        }
        let is_own = |mark: &Mark| own.contains(&(key, *mark));
        let of_others: Vec<Mark> = marks.iter().copied().filter(|mark| !is_own(mark)).collect();
        let added = own.iter().filter(|(k, _)| *k == key).count();
        let before = found.iter().find(|(k, _)| *k == key);
        let is_same = before.is_none_or(|(_, before)| *before == of_others);
        if !is_same || of_others.len() + added != marks.len() {
            anomalies.push(Anomaly::Internal {
                key,
                transaction: number,
            });
        } else if before.is_none() {
            found.push((key, of_others));
        }
    }
    found
}
