//! What pushes and takes say: every mark is taken once or left, by transactions that came after its push, in order.
//!
//! The order of a queue is not seen as a whole. But a mark that was pushed before another one, because it stands before
//! it in one transaction, on one connection, or because its push was answered before the other's was sent, is taken
//! before the other one as well; and in a list, what is taken first was pushed first. Each such pair is an edge between
//! transactions like any other, so that a breach of the order is a cycle.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::check::{Anomaly, Relation};
use crate::history::{Kind, Mark, Operation, Outcome, Queue, Transaction, Wait};
use crate::queues::shape;
use crate::shapes::Shape;

/// How much there was to check.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Marks that were taken.
    pub taken: usize,
    /// Of these, by a command that had been waiting since before the push was sent.
    pub awaited: usize,
    /// Waits that ended with nothing.
    pub in_vain: usize,
    /// Pairs of commands that waited for the same queue, of which one is known to have come later and was served.
    pub turns: usize,
}

/// A mark in a queue.
#[derive(Clone, Copy)]
struct Pushed {
    mark: Mark,
    by: usize,
}

/// All that happened to one queue.
#[derive(Default)]
struct Log<'a> {
    /// In the order of the history, and of each transaction.
    pushes: Vec<Pushed>,
    /// Who has seen which marks at the front, one behind the other.
    sights: Vec<(usize, &'a [Mark])>,
    /// Who found it empty.
    empties: Vec<usize>,
    /// Who was seen waiting for it, and from when to when.
    waits: Vec<(usize, (u64, u64))>,
    /// So many may have been taken by those whose answer nobody saw.
    may_be_taken: u32,
    /// So many may have been moved here by them, and from where.
    may_arrive: u32,
    arrive_from: Vec<Queue>,
    /// Marks that they have moved away from here.
    moved: HashSet<Mark>,
}

/// Adds what follows from the queues of `history` to `edges`.
pub fn relate(
    history: &[Transaction],
    edges: &mut Vec<(u32, u32, Relation)>,
    anomalies: &mut Vec<Anomaly>,
) -> Delivered {
    let mut logs = logs(history, anomalies);
    follow_unseen_moves(&mut logs, anomalies);
    let mut delivered = Delivered::default();
    for (&queue, log) in &logs {
        Check {
            history,
            queue,
            log,
            edges,
            anomalies,
            delivered: &mut delivered,
        }
        .run();
    }
    let waits_in_vain = |t: &&Transaction| {
        let is_empty =
            |o: &Operation| matches!(o, Operation::Take { marks, .. } if marks.is_empty());
        t.kind == Kind::Waiting && t.operations.iter().any(is_empty)
    };
    delivered.in_vain = history.iter().filter(waits_in_vain).count();
    delivered
}

fn logs<'a>(history: &'a [Transaction], anomalies: &mut Vec<Anomaly>) -> BTreeMap<Queue, Log<'a>> {
    let mut logs: BTreeMap<Queue, Log<'a>> = BTreeMap::new();
    for (number, transaction) in history.iter().enumerate() {
        if let Some(Wait {
            queues,
            seen: Some(seen),
        }) = &transaction.wait
        {
            for queue in queues {
                logs.entry(*queue).or_default().waits.push((number, *seen));
            }
        }
        if transaction.outcome == Outcome::Starved {
            anomalies.push(Anomaly::Starved {
                transaction: number,
            });
        }
        for operation in &transaction.operations {
            match operation {
                Operation::Push { queue, mark } => {
                    let pushed = Pushed {
                        mark: *mark,
                        by: number,
                    };
                    logs.entry(*queue).or_default().pushes.push(pushed);
                }
                Operation::Take { queue, marks } if marks.is_empty() => {
                    logs.entry(*queue).or_default().empties.push(number);
                }
                Operation::Take { queue, marks } | Operation::Rest { queue, marks } => {
                    logs.entry(*queue).or_default().sights.push((number, marks));
                }
                Operation::MayTake { queues, count, to }
                    if transaction.outcome == Outcome::Unknown =>
                {
                    for queue in queues {
                        logs.entry(*queue).or_default().may_be_taken += count;
                    }
                    if let Some(to) = to {
                        let log = logs.entry(*to).or_default();
                        log.may_arrive += count;
                        log.arrive_from.extend(queues);
                    }
                }
                _ => {}
            }
        }
    }
    logs
}

/// Marks that stand in a queue without a push that anybody saw: somebody whose answer is unknown may have moved them.
fn follow_unseen_moves(logs: &mut BTreeMap<Queue, Log<'_>>, anomalies: &mut Vec<Anomaly>) {
    let queues: Vec<Queue> = logs.keys().copied().collect();
    for queue in queues {
        let log = &logs[&queue];
        let pushed: HashSet<Mark> = log.pushes.iter().map(|p| p.mark).collect();
        let arrived: Vec<(Mark, usize)> = log
            .sights
            .iter()
            .flat_map(|(by, marks)| marks.iter().map(|&mark| (mark, *by)))
            .filter(|(mark, _)| !pushed.contains(mark))
            .collect();
        let sources = log.arrive_from.clone();
        let mut room = log.may_arrive;
        for (mark, taker) in arrived {
            let holds = |source: &&Queue| logs[*source].pushes.iter().any(|p| p.mark == mark);
            match sources.iter().find(holds) {
                Some(source) if room > 0 => {
                    room -= 1;
                    if let Some(source) = logs.get_mut(source) {
                        source.may_be_taken = source.may_be_taken.saturating_sub(1);
                        source.moved.insert(mark);
                    }
                }
                _ => anomalies.push(Anomaly::Unpushed { queue, mark, taker }),
            }
        }
    }
}

/// The check of one queue.
struct Check<'a> {
    history: &'a [Transaction],
    queue: Queue,
    log: &'a Log<'a>,
    edges: &'a mut Vec<(u32, u32, Relation)>,
    anomalies: &'a mut Vec<Anomaly>,
    delivered: &'a mut Delivered,
}

impl Check<'_> {
    fn run(&mut self) {
        let pushers: HashMap<Mark, usize> =
            self.log.pushes.iter().map(|p| (p.mark, p.by)).collect();
        let takers = self.takers(&pushers);
        self.check_vanished(&takers);
        self.check_empties(&takers);
        let taken: Vec<(usize, usize)> = self
            .log
            .pushes
            .iter()
            .filter_map(|p| Some((p.by, *takers.get(&p.mark)?)))
            .collect();
        self.pass_on(&taken, Relation::TakenEarlier(self.queue));
        self.check_sights(&pushers);
        self.check_turns();
        if shape(self.queue) == Shape::List {
            let sights = self.log.sights.iter();
            let pushed: Vec<(usize, usize)> = sights
                .flat_map(|(by, marks)| marks.iter().map(move |mark| (*by, mark)))
                .filter_map(|(by, mark)| Some((by, *pushers.get(mark)?)))
                .collect();
            self.pass_on(&pushed, Relation::PushedEarlier(self.queue));
        }
    }

    /// Who has taken each mark, or read it as what is left.
    fn takers(&mut self, pushers: &HashMap<Mark, usize>) -> HashMap<Mark, usize> {
        let queue = self.queue;
        let mut takers = HashMap::new();
        for &(taker, marks) in &self.log.sights {
            for &mark in marks {
                if let Some(one) = takers.insert(mark, taker) {
                    let other = taker;
                    self.anomalies.push(Anomaly::TakenTwice {
                        queue,
                        mark,
                        one,
                        other,
                    });
                }
                let Some(&pusher) = pushers.get(&mark) else {
                    continue;
                };
                if self.history[pusher].outcome == Outcome::Aborted {
                    self.anomalies.push(Anomaly::AbortedTake {
                        queue,
                        mark,
                        taker,
                        pusher,
                    });
                }
                self.edge(pusher, taker, Relation::Took(queue));
                let (took, pushed) = (&self.history[taker], &self.history[pusher]);
                if took.kind != Kind::Final {
                    self.delivered.taken += 1;
                    let has_waited = took.kind == Kind::Waiting && took.invoked < pushed.invoked;
                    self.delivered.awaited += usize::from(has_waited);
                }
            }
        }
        takers
    }

    fn edge(&mut self, from: usize, to: usize, relation: Relation) {
        if from != to {
            self.edges.push((from as u32, to as u32, relation));
        }
    }

    /// What was pushed for certain and is nowhere must have been taken by somebody whose answer is unknown.
    fn check_vanished(&mut self, takers: &HashMap<Mark, usize>) {
        let is_missing = |pushed: &&Pushed| {
            self.history[pushed.by].outcome == Outcome::Committed
                && !takers.contains_key(&pushed.mark)
                && !self.log.moved.contains(&pushed.mark)
        };
        let missing: Vec<&Pushed> = self.log.pushes.iter().filter(is_missing).collect();
        let unexplained = missing.len().saturating_sub(self.log.may_be_taken as usize);
        for pushed in &missing[..unexplained] {
            self.anomalies.push(Anomaly::Vanished {
                queue: self.queue,
                mark: pushed.mark,
                pusher: pushed.by,
            });
        }
    }

    /// Who found nothing, although something was there all the time that it looked.
    fn check_empties(&mut self, takers: &HashMap<Mark, usize>) {
        for &number in &self.log.empties {
            let looker = &self.history[number];
            let was_there = |pushed: &&Pushed| {
                let push = &self.history[pushed.by];
                push.outcome == Outcome::Committed
                    && push.completed < looker.invoked
                    && takers
                        .get(&pushed.mark)
                        .is_some_and(|&taker| self.history[taker].invoked > looker.completed)
            };
            if let Some(pushed) = self.log.pushes.iter().find(was_there) {
                self.anomalies.push(Anomaly::FoundEmpty {
                    queue: self.queue,
                    mark: pushed.mark,
                    transaction: number,
                });
            }
        }
    }

    /// Marks that were seen one behind the other stand in the order of their pushes.
    fn check_sights(&mut self, pushers: &HashMap<Mark, usize>) {
        let queue = self.queue;
        let is_scored = shape(queue) == Shape::Scored;
        let place = |mark| self.log.pushes.iter().position(|p| p.mark == mark);
        for &(taker, marks) in &self.log.sights {
            for pair in marks.windows(2) {
                let (one, next) = (pair[0], pair[1]);
                let Some((&first, &second)) = pushers.get(&one).zip(pushers.get(&next)) else {
                    continue;
                };
                let is_reversed = match is_scored {
                    true => one > next,
                    false => first == second && place(one) > place(next),
                };
                if is_reversed {
                    self.anomalies.push(Anomaly::OutOfOrder {
                        queue,
                        one,
                        next,
                        taker,
                    });
                }
                if !is_scored {
                    self.edge(first, second, Relation::PushedEarlier(queue));
                }
            }
        }
    }

    /// Who waits is served before those who were sent when it was waiting already. (Not before one that waits for
    /// several queues: where one transaction has pushed to some of them, it may be its turn in the line of one,
    /// and then it takes from the first that is not empty, as in the reference.)
    fn check_turns(&mut self) {
        let queue = self.queue;
        for &(waiting, (since, until)) in &self.log.waits {
            let waiter = &self.history[waiting];
            let is_known = waiter.outcome != Outcome::Unknown;
            let took =
                |o: &Operation| matches!(o, Operation::Take { marks, .. } if !marks.is_empty());
            let is_served = waiter.operations.iter().any(took);
            for &(served, _) in &self.log.sights {
                let other = &self.history[served];
                let is_in_line = other
                    .wait
                    .as_ref()
                    .is_some_and(|wait| wait.queues == [queue]);
                if !is_in_line || other.invoked <= since {
                    continue;
                }
                self.delivered.turns += 1;
                if is_served {
                    self.edge(waiting, served, Relation::ServedEarlier(queue));
                } else if is_known && other.completed < until {
                    self.anomalies.push(Anomaly::PassedOver {
                        queue,
                        waiting,
                        served,
                    });
                }
            }
        }
    }

    /// For each two pairs of transactions of which the first of one came before the first of the other: the second of one
    /// came before the second of the other.
    fn pass_on(&mut self, pairs: &[(usize, usize)], relation: Relation) {
        let mut last_of: HashMap<u32, usize> = HashMap::new();
        for &(cause, consequence) in pairs {
            if let Some(before) = last_of.insert(self.history[cause].connection, consequence) {
                self.edge(before, consequence, relation);
            }
        }
        let completed = |cause: usize| {
            let transaction = &self.history[cause];
            (transaction.outcome == Outcome::Committed).then_some(transaction.completed)
        };
        for &(cause, consequence) in pairs {
            let invoked = self.history[cause].invoked;
            let is_before = |other: usize| completed(other).is_some_and(|at| at < invoked);
            // those that came before one of these are related to it already
            let latest = pairs.iter().filter(|(other, _)| is_before(*other));
            let latest = latest.map(|(other, _)| self.history[*other].invoked).max();
            for &(other, before) in pairs {
                if is_before(other) && completed(other) >= latest {
                    self.edge(before, consequence, relation);
                }
            }
        }
    }
}
