//! Makes calls: by the grammar, with every option in turn, and then some of them wrong.

use std::rc::Rc;

use fastrand::Rng;

use crate::Words;
use crate::domain;
use crate::grammar::{Argument, Command, Coverage, Grammar, Kind};
use crate::guard;
use crate::roster;
use crate::scripts::Library;
use crate::{collections, sorted_sets, waiting};

/// One call in so many is wrong on purpose.
const WRONG_ONE_IN: u32 = 4;
/// One call in so many is of the command whose options were sent least.
const LEAST_ONE_IN: u32 = 6;
/// After so many calls it is looked up again which command that is.
const LEAST_RENEWED_CALLS: u32 = 256;

/// The generator: everything it makes follows from the seed.
pub struct Generator {
    grammar: Grammar,
    library: Rc<Library>,
    /// What was sent so far.
    pub coverage: Coverage,
    /// The source of every choice.
    pub rng: Rng,
    weights: u32,
    least: usize,
    least_age: u32,
}

/// A call under construction, and the nodes of the grammar that it uses.
struct Draft {
    words: Words,
    nodes: Vec<usize>,
    /// Where the number of keys stands, and how many there are.
    numkeys: Option<(usize, usize)>,
}

impl Generator {
    /// A generator over this grammar.
    pub fn new(grammar: Grammar, library: Rc<Library>, seed: u64) -> Self {
        let weights = grammar.commands.iter().map(|c| c.weight).sum();
        let coverage = Coverage::new(&grammar);
        Self {
            grammar,
            library,
            coverage,
            rng: Rng::with_seed(seed),
            weights,
            least: 0,
            least_age: 0,
        }
    }

    /// The grammar it follows.
    pub fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    /// Any call: right or wrong, of any command that may come at any time.
    pub fn call(&mut self) -> Words {
        if self.rng.u32(..60) == 0 {
            let key = domain::short_key(&mut self.rng);
            return vec![b"SET".to_vec(), key, domain::short_value(&mut self.rng)];
        }
        for of_type in collections::TYPES {
            if self.rng.u32(..of_type.calls_per_filling) == 0 && self.has(of_type.filled_by) {
                return (of_type.filling)(&mut self.rng);
            }
        }
        for _ in 0..20 {
            let draft = match self.rng.u32(..8) {
                0 => self.script(),
                _ => self.command(),
            };
            let Some(mut draft) = draft else { continue };
            if self.rng.u32(..WRONG_ONE_IN) == 0 {
                draft.words = self.spoil(draft.words);
                draft.nodes.clear();
                // An error may repeat what it does not understand, and a placeholder is different on each side.
                for word in draft.words.iter_mut().filter(|w| w.starts_with(b"@")) {
                    *word = b"7".to_vec();
                }
            }
            sorted_sets::settle(&mut self.rng, &mut draft.words);
            if Self::is_sendable(&draft.words) {
                self.coverage.count(&draft.nodes);
                return draft.words;
            }
        }
        vec![b"PING".to_vec()]
    }

    /// Whether the grammar has the command: those of Redis 8.0 alone it has where that is the reference.
    pub fn has(&self, command: &str) -> bool {
        self.grammar.commands.iter().any(|c| c.name == command)
    }

    /// A call of this command by the grammar, where the grammar has it: for an episode that can deal with it.
    pub fn call_of(&mut self, name: &str) -> Option<Words> {
        let place = self.grammar.commands.iter().position(|c| c.name == name)?;
        let draft = self.draft(place);
        roster::denied(&draft.words).is_none().then(|| {
            self.coverage.count(&draft.nodes);
            draft.words
        })
    }

    fn command(&mut self) -> Option<Draft> {
        if self.weights == 0 {
            return None;
        }
        if self.least_age == 0 {
            self.least_age = LEAST_RENEWED_CALLS;
            let commands = self
                .grammar
                .commands
                .iter()
                .enumerate()
                .filter(|(_, c)| c.weight > 0);
            self.least = commands
                .min_by_key(|(_, c)| self.coverage.least_of(c))
                .map_or(0, |(place, _)| place);
        }
        self.least_age -= 1;
        if self.rng.u32(..LEAST_ONE_IN) == 0 {
            return Some(self.draft(self.least));
        }
        let mut at = self.rng.u32(..self.weights);
        let place = self.grammar.commands.iter().position(|c| {
            let here = at < c.weight;
            at = at.saturating_sub(c.weight);
            here && c.weight > 0
        })?;
        Some(self.draft(place))
    }

    /// A call of the EVAL family, if the grammar has it.
    fn script(&mut self) -> Option<Draft> {
        if !self
            .grammar
            .commands
            .iter()
            .any(|c| c.name.starts_with("eval"))
        {
            return None;
        }
        let mut rng = self.rng.fork();
        let mut inner = self.command().map(|draft| draft.words).unwrap_or_default();
        if !Self::is_sendable(&inner) {
            inner = vec![b"PING".to_vec()];
        }
        if rng.bool() {
            inner = waiting::with_timeout(inner, "0");
        }
        let words = self.library.call(&mut rng, |_| inner);
        let name = String::from_utf8_lossy(&words[0]).to_ascii_lowercase();
        let command = self.grammar.commands.iter().find(|c| c.name == name)?;
        let keys = std::str::from_utf8(&words[2])
            .ok()
            .and_then(|n| n.parse::<usize>().ok())
            .unwrap_or(0);
        let used = |argument: &&Argument| match argument.name.as_str() {
            "key" => keys > 0,
            "arg" => words.len() > keys.saturating_add(3),
            _ => true,
        };
        let nodes = command
            .arguments
            .iter()
            .filter(used)
            .map(|a| a.node)
            .collect();
        Some(Draft {
            words,
            nodes,
            numkeys: None,
        })
    }

    fn draft(&mut self, place: usize) -> Draft {
        let Command {
            name, arguments, ..
        } = self.grammar.commands[place].clone();
        let words = name
            .split('|')
            .map(|word| self.in_some_case(word))
            .collect();
        let mut draft = Draft {
            words,
            nodes: Vec::new(),
            numkeys: None,
        };
        match name.as_str() {
            "config|set" => {
                for _ in 0..self.rng.usize(1..3) {
                    draft.words.extend(domain::setting(&mut self.rng));
                }
                all_nodes(&arguments, &mut draft.nodes);
            }
            "command|getkeys" | "command|getkeysandflags" => {
                let place = self.rng.usize(..self.grammar.commands.len());
                let inner = self.draft(place).words;
                draft.words.extend(inner);
                all_nodes(&arguments, &mut draft.nodes);
            }
            _ => {
                for argument in self.in_some_order(arguments) {
                    self.write(&name, &argument, &mut draft);
                }
            }
        }
        draft
    }

    /// Options may stand in any order: now and then those with a token change places.
    fn in_some_order(&mut self, mut arguments: Vec<Argument>) -> Vec<Argument> {
        let first = arguments.iter().position(|a| a.optional);
        let free = |a: &Argument| a.optional && (a.token.is_some() || a.kind == Kind::OneOf);
        if let Some(first) = first
            && arguments[first..].iter().all(free)
            && self.rng.u32(..3) == 0
        {
            self.rng.shuffle(&mut arguments[first..]);
        }
        arguments
    }

    fn write(&mut self, command: &str, argument: &Argument, draft: &mut Draft) {
        // Without names these tell about hundreds of commands: seldom.
        let omitted_of_20 = if matches!(command, "command|docs" | "command|info") {
            1
        } else {
            12
        };
        if argument.optional && self.rng.u32(..20) < omitted_of_20 {
            return;
        }
        draft.nodes.push(argument.node);
        let times = match draft.numkeys {
            // a weight for each key
            Some((_, keys)) if argument.multiple && argument.name == "weight" => keys,
            _ if argument.multiple => self.rng.usize(1..4),
            _ => 1,
        };
        let kind = &argument.kind;
        // the fields behind FIELDS numfields
        let is_counted = argument.multiple && matches!(argument.name.as_str(), "field" | "data");
        if let Some((place, keys)) = &mut draft.numkeys
            && (*kind == Kind::Value("key".into()) || is_counted)
        {
            *keys = times;
            draft.words[*place] = times.to_string().into_bytes();
        }
        if matches!(argument.name.as_str(), "numkeys" | "numfields") && self.rng.u32(..20) != 0 {
            draft.numkeys = Some((draft.words.len(), 0));
        }
        for time in 0..times {
            if let Some(token) = &argument.token
                && (time == 0 || argument.multiple_token)
            {
                let token = self.in_some_case(token);
                draft.words.push(token);
            }
            match &argument.kind {
                Kind::Token => {}
                Kind::Value(kind) => {
                    draft.words.push(domain::argument(
                        &mut self.rng,
                        command,
                        &argument.name,
                        kind,
                    ));
                }
                Kind::Block => {
                    for child in &argument.children {
                        self.write(command, child, draft);
                    }
                }
                Kind::OneOf => {
                    if let Some(child) = self.choose(&argument.children) {
                        self.write(command, child, draft);
                    }
                }
            }
        }
    }

    /// One of the alternatives; every other time the one that was sent least.
    fn choose<'a>(&mut self, alternatives: &'a [Argument]) -> Option<&'a Argument> {
        if self.rng.bool() {
            alternatives.iter().min_by_key(|a| self.coverage.least(a))
        } else {
            self.rng.choice(alternatives)
        }
    }

    fn in_some_case(&mut self, word: &str) -> Vec<u8> {
        match self.rng.u32(..10) {
            0 => word.to_ascii_lowercase().into_bytes(),
            1 => word
                .bytes()
                .map(|b| {
                    if self.rng.bool() {
                        b.to_ascii_uppercase()
                    } else {
                        b.to_ascii_lowercase()
                    }
                })
                .collect(),
            _ => word.to_ascii_uppercase().into_bytes(),
        }
    }

    /// Makes a call wrong in one of the ways in which users get it wrong (or right after all).
    fn spoil(&mut self, mut words: Words) -> Words {
        let rng = &mut self.rng;
        let place = rng.usize(..words.len());
        let argument = rng
            .usize(words.len().min(1)..words.len().max(2))
            .min(words.len() - 1);
        match rng.u32(..14) {
            0 | 1 => {
                words.pop();
            }
            2 => {
                words.remove(place);
            }
            3 => words.push(domain::value(rng)),
            4 => words.insert(argument.max(1).min(words.len()), domain::integer(rng)),
            5 => {
                let again = words[argument].clone();
                words.insert(argument, again);
            }
            6 | 7 => words[argument] = domain::odd_number(rng),
            8 => words[argument] = domain::integer(rng),
            9 => words[argument] = domain::float(rng),
            10 => words[argument].clear(),
            11 => words.swap(argument, place),
            12 => words.truncate(1),
            _ => {
                // The tail of another call of the same command: options that contradict each other.
                let name: Vec<Vec<u8>> = words
                    .iter()
                    .take(2)
                    .map(|w| w.to_ascii_lowercase())
                    .collect();
                let of = |c: &Command| {
                    c.name.as_bytes() == name[0] || c.name.as_bytes() == name.join(&b'|')
                };
                if let Some(place) = self.grammar.commands.iter().position(of) {
                    let other = self.draft(place).words;
                    let keep = self.rng.usize(..other.len());
                    words.extend_from_slice(&other[keep..]);
                }
            }
        }
        if words.is_empty() {
            vec![b"NOSUCH".to_vec()]
        } else {
            words
        }
    }

    /// Whether the call may go out now: see [`roster`] and [`guard`]. A script's ARGV is looked at as well.
    fn is_sendable(words: &[Vec<u8>]) -> bool {
        let Some(name) = words.first() else {
            return false;
        };
        let is = |names: &[&str]| {
            names
                .iter()
                .any(|n| name.eq_ignore_ascii_case(n.as_bytes()))
        };
        if is(&["quit"])
            || (is(&["client"])
                && words
                    .get(1)
                    .is_some_and(|w| w.eq_ignore_ascii_case(b"reply")))
        {
            return false;
        }
        let inner = if is(&[
            "eval",
            "evalsha",
            "eval_ro",
            "evalsha_ro",
            "fcall",
            "fcall_ro",
        ]) {
            words.get(3..).unwrap_or_default()
        } else {
            &[]
        };
        let is_fit = |words: &[Vec<u8>]| !guard::is_race(words) && !roster::strangers().has(words);
        let is_fit_in_script =
            |words: &[Vec<u8>]| is_fit(words) && roster::denied_to_scripts(words).is_none();
        roster::denied(words).is_none()
            && is_fit(words)
            && (0..inner.len()).all(|at| is_fit_in_script(&inner[at..]))
    }
}

fn all_nodes(arguments: &[Argument], nodes: &mut Vec<usize>) {
    for argument in arguments {
        nodes.push(argument.node);
        all_nodes(&argument.children, nodes);
    }
}
