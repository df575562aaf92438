//! What the reference server says about its commands: COMMAND DOCS as a tree of arguments.
//!
//! Every node of the trees has a number. Generated calls count the nodes they use, so that the end of a run can
//! say which options were sent how often, and generation can turn to those that were not.

use std::collections::HashMap;
use std::io::{Error, Result};

use perilune_harness::{Connection, Value};

use crate::roster::{DENIED_OPTIONS, ONLY_REDIS, ROSTER};

/// What stands at an argument's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but the token.
    Token,
    /// One of the children.
    OneOf,
    /// All of the children.
    Block,
    /// A value: COMMAND DOCS' word for it (`key`, `string`, `integer`, `double`, `pattern`, `unix-time`).
    Value(String),
}

/// A node of a command's tree.
#[derive(Debug, Clone)]
pub struct Argument {
    /// Its number among all nodes of all commands.
    pub node: usize,
    /// Its name, such as `seconds`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The word in front of it.
    pub token: Option<String>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// And then the token with it.
    pub multiple_token: bool,
    /// What it consists of.
    pub children: Vec<Argument>,
}

/// A command or subcommand.
#[derive(Debug, Clone)]
pub struct Command {
    /// In lower case, container and subcommand joined by `|`, as the server writes it.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// How often it is chosen, against the others.
    pub weight: u32,
}

/// The commands under test.
#[derive(Debug)]
pub struct Grammar {
    /// In the roster's order.
    pub commands: Vec<Command>,
    /// For each node its command and the path of names to it.
    pub nodes: Vec<String>,
}

impl Grammar {
    /// Asks the server. With `only`, just the commands whose name begins with one of the words.
    pub fn ask(connection: &mut Connection, only: &[String]) -> Result<Self> {
        let mut grammar = Self {
            commands: Vec::new(),
            nodes: Vec::new(),
        };
        for &(name, weight) in ROSTER {
            if !only.is_empty()
                && !only
                    .iter()
                    .any(|o| name.starts_with(&o.to_ascii_lowercase()))
            {
                continue;
            }
            let docs = connection.call(&["COMMAND", "DOCS", name])?;
            let docs = docs.as_array().and_then(|pair| pair.get(1)).map(fields);
            if docs.is_none() && ONLY_REDIS.contains(&name) {
                continue;
            }
            let docs = docs.ok_or_else(|| {
                Error::other(format!("the reference has no COMMAND DOCS of {name}"))
            })?;
            let arguments = docs
                .get("arguments")
                .map(|list| grammar.arguments(name, list))
                .unwrap_or_default();
            grammar.commands.push(Command {
                name: name.into(),
                arguments,
                weight,
            });
        }
        if grammar.commands.is_empty() {
            return Err(Error::other(
                "no command of the roster begins with a word of --only",
            ));
        }
        Ok(grammar)
    }

    fn arguments(&mut self, path: &str, list: &Value) -> Vec<Argument> {
        let list = list.as_array().unwrap_or_default();
        list.iter()
            .map(|item| self.argument(path, &fields(item)))
            .collect()
    }

    fn argument(&mut self, path: &str, fields: &HashMap<String, &Value>) -> Argument {
        let text = |name: &str| fields.get(name).map(|v| text(v));
        let name = text("name").unwrap_or_default();
        let path = format!("{path} {name}");
        let node = self.nodes.len();
        self.nodes.push(path.clone());
        let children: Vec<Argument> = fields
            .get("arguments")
            .map(|l| self.arguments(&path, l))
            .unwrap_or_default();
        // An option that may not be sent is not part of the grammar: see the deny list for the reasons.
        let children = children
            .into_iter()
            .filter(|c| !is_denied_option(&self.nodes[c.node]))
            .collect();
        let kind = match text("type").as_deref() {
            Some("pure-token") => Kind::Token,
            Some("oneof") => Kind::OneOf,
            Some("block") => Kind::Block,
            other => Kind::Value(other.unwrap_or("string").into()),
        };
        let flags: Vec<String> = fields
            .get("flags")
            .and_then(|flags| flags.as_array())
            .map(|flags| flags.iter().map(self::text).collect())
            .unwrap_or_default();
        let has = |flag: &str| flags.iter().any(|f| f == flag);
        Argument {
            node,
            name,
            kind,
            token: text("token"),
            optional: has("optional"),
            multiple: has("multiple"),
            multiple_token: has("multiple_token"),
            children,
        }
    }
}

/// Whether the deny list names the option at this path.
pub fn is_denied_option(path: &str) -> bool {
    DENIED_OPTIONS
        .iter()
        .any(|(denied, _)| path.starts_with(denied))
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned()
}

/// The names and values of a map as RESP2 sends it.
fn fields(value: &Value) -> HashMap<String, &Value> {
    let list = value.as_array().unwrap_or_default();
    list.chunks_exact(2)
        .map(|pair| (text(&pair[0]), &pair[1]))
        .collect()
}

/// How often each node was sent in a call that follows the grammar.
#[derive(Debug)]
pub struct Coverage {
    counts: Vec<u64>,
}

impl Coverage {
    /// Nothing sent yet.
    pub fn new(grammar: &Grammar) -> Self {
        Self {
            counts: vec![0; grammar.nodes.len()],
        }
    }

    /// One more call that used these nodes.
    pub fn count(&mut self, nodes: &[usize]) {
        for &node in nodes {
            self.counts[node] += 1;
        }
    }

    /// The count of the least used node of a tree, its root included.
    pub fn least(&self, argument: &Argument) -> u64 {
        let below = argument
            .children
            .iter()
            .map(|child| self.least(child))
            .min();
        below.unwrap_or(u64::MAX).min(self.counts[argument.node])
    }

    /// The count of the least used node of a command.
    pub fn least_of(&self, command: &Command) -> u64 {
        command
            .arguments
            .iter()
            .map(|a| self.least(a))
            .min()
            .unwrap_or(u64::MAX)
    }

    /// All nodes with their counts, the least used first; denied options are left out.
    pub fn table<'a>(&self, grammar: &'a Grammar) -> Vec<(&'a str, u64)> {
        let mut table: Vec<(&str, u64)> = grammar
            .nodes
            .iter()
            .zip(&self.counts)
            .filter(|(path, _)| !is_denied_option(path))
            .map(|(path, &count)| (path.as_str(), count))
            .collect();
        table.sort_by_key(|&(_, count)| count);
        table
    }
}
