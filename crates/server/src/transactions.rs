//! MULTI: the queue of commands, and what spoils it.

use perilune_command::{KeyFlags, PlanKind};
use perilune_keyspace::LockPlan;
use smallvec::SmallVec;

use crate::call::TableEntry;
use crate::server::Server;

/// One queued command: its entry's number and its arguments.
pub struct Queued {
    /// Its number in the registry.
    pub id: usize,
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Queued {
    /// Copies a call out of the request that brought it.
    pub fn new(id: usize, arguments: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(arguments.iter().map(|a| a.len()).sum());
        let mut ends = Vec::with_capacity(arguments.len());
        for argument in arguments {
            bytes.extend_from_slice(argument);
            ends.push(bytes.len() as u32);
        }
        Self {
            id,
            bytes: bytes.into(),
            ends: ends.into(),
        }
    }

    /// Its arguments, the name first.
    pub fn arguments(&self) -> Vec<&[u8]> {
        let mut start = 0;
        self.ends
            .iter()
            .map(|&end| {
                let argument = &self.bytes[start..end as usize];
                start = end as usize;
                argument
            })
            .collect()
    }

    /// Memory that it holds.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + 4 * self.ends.len()
    }
}

/// The commands since MULTI.
#[derive(Default)]
pub struct Multi {
    /// In order.
    pub queue: Vec<Queued>,
    /// A command could not be queued: EXEC will be refused.
    pub spoiled: bool,
    /// The first command that fails ends EXEC, and nothing has happened.
    pub all_or_nothing: bool,
    /// Memory that the queue holds.
    pub memory_bytes: usize,
}

impl Multi {
    /// Notes that a command was refused. The others will not run, so they are forgotten.
    pub fn spoil(&mut self) {
        *self = Self {
            spoiled: true,
            ..Self::default()
        };
    }

    /// Adds a command.
    pub fn push(&mut self, queued: Queued) {
        self.memory_bytes += queued.memory_bytes();
        self.queue.push(queued);
    }
}

impl Server {
    /// The stripes that a call needs, from its keys. Where its arguments contradict themselves there are none: its handler
    /// will say what is wrong with them.
    pub fn plan(&self, entry: &TableEntry, arguments: &[&[u8]]) -> LockPlan {
        if entry.spec.plan == PlanKind::AllStripes {
            return LockPlan::All;
        }
        let mut stripes = SmallVec::<[_; 8]>::new();
        let found = entry.keys.for_each(arguments, &mut |key| {
            // a channel is routed like a key and is none
            if !key.flags.has(KeyFlags::NOT_KEY) {
                stripes.push(self.keyspace.stripe_of(arguments[key.index]));
            }
        });
        if found.is_err() {
            LockPlan::none()
        } else {
            LockPlan::of(stripes)
        }
    }

    /// The stripes that EXEC needs: those of the queued commands and of the watched keys. What a command's arguments
    /// do not tell is found when it runs.
    pub fn exec_plan(
        &self,
        queue: &[Queued],
        watch: Option<&perilune_keyspace::WatchSet>,
    ) -> LockPlan {
        let watched = watch
            .into_iter()
            .flat_map(|set| set.keys())
            .map(|key| self.keyspace.stripe_of(&key.key));
        let mut plan = LockPlan::of(watched);
        for queued in queue {
            let entry = &self.registry.entries()[queued.id];
            plan = match entry.spec.plan {
                // inside a transaction a walk must see all stripes at one moment
                PlanKind::Walk | PlanKind::AllStripes => LockPlan::All,
                PlanKind::Keys => plan.union(self.plan(entry, &queued.arguments())),
            };
        }
        plan
    }
}
