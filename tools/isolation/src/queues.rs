//! Commands on queues: pushes, and what waits for them.
//!
//! Of three queues the first two are lists, from the first of which elements are moved to the second, and the third
//! is a sorted set whose scores rise. So all of them are taken from in the order in which they were pushed to.

use perilune_harness::Value;

use crate::history::{Kind, Mark, Operation, Queue};
use crate::shapes::{Shape, mark, mark_text, marks};
use crate::workload::{Body, Command, Intent, Meaning, Plan, Planner, words};

/// Queues of one episode.
pub const QUEUES_PER_EPISODE: u32 = 3;

/// How a queue is kept on the server.
pub fn shape(queue: Queue) -> Shape {
    if queue % QUEUES_PER_EPISODE == 2 {
        Shape::Scored
    } else {
        Shape::List
    }
}

/// A command that takes from queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    /// From the first of these that is not empty.
    pub queues: Vec<Queue>,
    /// At most so many.
    pub count: u32,
    /// Where to they are moved.
    pub to: Option<Queue>,
    form: Form,
}

/// The form of an answer that holds elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// BLMOVE: the element.
    Element,
    /// BLPOP, BZPOPMIN: the key, the element, perhaps its score.
    KeyElement,
    /// BLMPOP: the key and the elements.
    KeyElements,
    /// BZMPOP: the key and pairs of an element and its score.
    KeyPairs,
}

impl Taking {
    /// What was taken, if `reply` is an answer to this; `names` are those of its queues.
    pub fn understand(&self, reply: &Value, names: &[(Queue, Vec<u8>)]) -> Option<Vec<Operation>> {
        let is_unblocked = matches!(reply, Value::Error(text) if text.starts_with(b"UNBLOCKED "));
        let items = reply.as_array().unwrap_or(std::slice::from_ref(reply));
        if reply.is_null() || items.is_empty() || is_unblocked {
            let nothing = |&queue| Operation::Take {
                queue,
                marks: Vec::new(),
            };
            return Some(self.queues.iter().map(nothing).collect());
        }
        let element = |value: &Value| mark(value.as_bytes()?);
        let taken = match self.form {
            Form::Element => vec![element(&items[0])?],
            Form::KeyElement => vec![element(items.get(1)?)?],
            Form::KeyElements => marks(items.get(1)?)?,
            Form::KeyPairs => {
                let pairs = items.get(1)?.as_array()?.iter();
                pairs
                    .map(|pair| element(pair.as_array()?.first()?))
                    .collect::<Option<_>>()?
            }
        };
        let queue = match self.form {
            Form::Element => self.queues[0],
            _ => {
                let key = items[0].as_bytes()?;
                names.iter().find(|(_, name)| name == key)?.0
            }
        };
        (!taken.is_empty() && taken.len() <= self.count as usize).then(|| self.taken(queue, taken))
    }

    /// That these were taken from `queue`.
    pub fn taken(&self, queue: Queue, marks: Vec<Mark>) -> Vec<Operation> {
        let to = self.to.map(|queue| {
            let push = move |&mark: &Mark| Operation::Push { queue, mark };
            marks.iter().map(push).collect::<Vec<_>>()
        });
        let mut operations = vec![Operation::Take { queue, marks }];
        operations.extend(to.into_iter().flatten());
        operations
    }

    /// That nobody saw the answer.
    pub fn unseen(&self) -> Operation {
        Operation::MayTake {
            queues: self.queues.clone(),
            count: self.count,
            to: self.to,
        }
    }
}

/// What one episode is about.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// The first of its queues; the others follow.
    pub first: Queue,
    /// Pushers write to this key as well, and who has taken something looks whether that is there.
    pub witness: crate::history::Key,
}

impl Scene {
    /// Its queues.
    pub fn queues(self) -> std::ops::Range<Queue> {
        self.first..self.first + QUEUES_PER_EPISODE
    }
}

impl Planner<'_> {
    /// A transaction that pushes.
    pub fn pushing(&mut self, scene: Scene) -> Plan {
        let kind = match self.rng.u32(..100) {
            0..20 => Kind::Plain,
            20..45 => Kind::Multi,
            45..50 => Kind::Discarded,
            50..55 => Kind::Refused,
            55..68 => Kind::ScriptDeclared,
            68..82 => Kind::ScriptComputed,
            82..87 => Kind::ScriptMixed,
            87..92 => Kind::ScriptFailing,
            _ => Kind::ScriptInMulti,
        };
        let kind = self.perhaps_rolled_back(kind);
        let body = match kind {
            Kind::Plain => Body::Single(self.push(scene)),
            Kind::Multi | Kind::Refused => Body::Exec {
                queued: self.pushes(scene),
                refused: kind == Kind::Refused,
            },
            Kind::Discarded => Body::Discard {
                queued: self.pushes(scene),
            },
            Kind::MultiRolledBack => {
                let queued = self.pushes(scene);
                self.rolled_back(queued)
            }
            Kind::ScriptInMulti => {
                let mut queued = self.pushes(scene);
                queued.push(self.pushing_script(scene, Kind::ScriptComputed));
                queued.push(self.push(scene));
                Body::Exec {
                    queued,
                    refused: false,
                }
            }
            _ => Body::Single(self.pushing_script(scene, kind)),
        };
        Plan {
            kind,
            watched: Vec::new(),
            body,
        }
    }

    /// A command that waits, or one that looks at what came with what was taken.
    pub fn waiting(&mut self, scene: Scene) -> Plan {
        let (kind, command) = match self.rng.u32(..4) {
            0 => (Kind::Plain, self.read_of(scene.witness)),
            _ => {
                let timeout = match self.rng.u32(..10) {
                    0..8 => b"0".to_vec(),
                    _ => format!("0.{:03}", self.rng.u32(1..40)).into_bytes(),
                };
                (Kind::Waiting, self.take(scene, &timeout))
            }
        };
        Plan {
            kind,
            watched: Vec::new(),
            body: Body::Single(command),
        }
    }

    /// A plain push to a queue, of one mark or some.
    pub fn push_to(&mut self, queue: Queue, count: usize) -> Command {
        let marks: Vec<Mark> = (0..count).map(|_| self.lists.mark()).collect();
        Command {
            words: shape(queue).write(self.lists.queue_name(queue), &marks),
            meaning: Meaning::Push(queue, marks),
        }
    }

    /// Reads what is left.
    pub fn rest(&self, queue: Queue) -> Command {
        Command {
            words: shape(queue).read(self.lists.queue_name(queue)),
            meaning: Meaning::Rest(queue),
        }
    }

    fn any_queue(&mut self, scene: Scene) -> Queue {
        self.rng.u32(scene.queues())
    }

    fn push(&mut self, scene: Scene) -> Command {
        let (queue, count) = (self.any_queue(scene), self.rng.usize(1..4));
        self.push_to(queue, count)
    }

    fn pushes(&mut self, scene: Scene) -> Vec<Command> {
        let some = self.rng.usize(1..5);
        let mut commands: Vec<Command> = (0..some)
            .map(|_| match self.rng.u32(..8) {
                0..5 => self.push(scene),
                5..7 => self.write_to(scene.witness),
                // in a transaction it does not wait
                _ => self.take(scene, b"0"),
            })
            .collect();
        if self.rng.bool() {
            commands.push(self.write_to(scene.witness));
        }
        commands
    }

    fn pushing_script(&mut self, scene: Scene, kind: Kind) -> Command {
        let some = self.rng.usize(1..6);
        let intents = (0..some)
            .map(|_| match self.rng.u32(..8) {
                0..5 => Intent::Push(self.any_queue(scene), self.lists.mark()),
                // who raises an error does not say what was taken
                5 if !matches!(kind, Kind::ScriptFailing | Kind::ScriptRolledBack) => {
                    Intent::Take(self.any_queue(scene))
                }
                _ => Intent::Write(scene.witness, self.lists.mark()),
            })
            .collect();
        self.script_of(intents, kind)
    }

    fn take(&mut self, scene: Scene, timeout: &[u8]) -> Command {
        let [first, second, third] = [scene.first, scene.first + 1, scene.first + 2];
        let mut lists = vec![first, second];
        self.rng.shuffle(&mut lists);
        lists.truncate(self.rng.usize(1..=2));
        let name = |queue: &Queue| self.lists.queue_name(*queue);
        let names: Vec<Vec<u8>> = lists.iter().map(name).collect();
        let number = names.len().to_string().into_bytes();
        let count = self.rng.u32(1..4);
        let count_word = count.to_string().into_bytes();
        let key_word = name(&third);
        let (form, words) = match self.rng.u32(..10) {
            0..2 => {
                let head = [b"BLPOP".to_vec()].into_iter();
                let all = head.chain(names).chain([timeout.to_vec()]);
                (Form::KeyElement, all.collect())
            }
            2..4 => {
                let head = [b"BLMPOP".to_vec(), timeout.to_vec(), number].into_iter();
                let tail = [b"LEFT".to_vec(), b"COUNT".to_vec(), count_word];
                (Form::KeyElements, head.chain(names).chain(tail).collect())
            }
            4..7 => {
                let (from, to) = (name(&first), name(&second));
                let ends = [b"LEFT".to_vec(), b"RIGHT".to_vec()];
                let head = [b"BLMOVE".to_vec(), from, to].into_iter();
                let all = head.chain(ends).chain([timeout.to_vec()]);
                (Form::Element, all.collect())
            }
            7..9 => {
                let words = words(&[b"BZPOPMIN", key_word.as_slice(), timeout]);
                (Form::KeyElement, words)
            }
            _ => {
                let one = b"1".as_slice();
                let all = [b"BZMPOP", timeout, one, &key_word, b"MIN", b"COUNT"];
                let mut words = words(&all);
                words.push(count_word);
                (Form::KeyPairs, words)
            }
        };
        let taking = Taking {
            to: (form == Form::Element).then_some(second),
            count: match form {
                Form::KeyElements | Form::KeyPairs => count,
                _ => 1,
            },
            queues: match words[0].as_slice() {
                b"BLPOP" | b"BLMPOP" => lists,
                b"BLMOVE" => vec![first],
                _ => vec![third],
            },
            form,
        };
        let names = taking
            .queues
            .iter()
            .map(|&queue| (queue, self.lists.queue_name(queue)));
        Command {
            words,
            meaning: Meaning::Take(taking.clone(), names.collect()),
        }
    }
}

/// What a script that takes one element of a queue was answered.
pub fn taken_by_script(queue: Queue, reply: &Value) -> Option<Operation> {
    let marks = marks(reply)?;
    (marks.len() <= 1).then_some(Operation::Take { queue, marks })
}

/// The command that takes one element, which is also what the operations script calls it.
pub fn take_command(queue: Queue) -> &'static str {
    match shape(queue) {
        Shape::Scored => "ZPOPMIN",
        Shape::List | Shape::Text => "LPOP",
    }
}

/// The words by which the operations script pushes one mark.
pub fn script_push(queue: Queue, mark: Mark) -> [Vec<u8>; 2] {
    [shape(queue).write_command().into(), mark_text(mark)]
}
