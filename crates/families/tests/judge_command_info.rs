//! What COMMAND INFO and COMMAND DOCS say of our commands is what the reference server says of them.
//!
//! The references' answers stand in `judge_command_info.json`, written by `judge_command_info.py`.

use perilune_command::introspection::{command_docs, command_info};
use perilune_command::{DataHandler, Registry};
use perilune_families::FAMILIES;
use perilune_resp::client::{Value, parse_value};
use perilune_resp::{Protocol, Reply, RespWriter};
use serde_json::{Value as Json, json};

/// Where we differ: command, path inside the answer, reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

/// Containers that have more subcommands in the server, added there.
const COMPLETED_BY_THE_SERVER: &[&str] = &["memory"];

fn registry() -> Registry<DataHandler> {
    let mut registry = Registry::new();
    for family in FAMILIES {
        registry.add(family, &|handler| handler);
    }
    registry
}

fn snapshot() -> serde_json::Map<String, Json> {
    match serde_json::from_str(include_str!("judge_command_info.json")) {
        Ok(Json::Object(commands)) => commands,
        other => panic!("the snapshot is not an object: {other:?}"),
    }
}

/// An answer in RESP3.
fn answer(write: impl FnOnce(&mut dyn Reply)) -> Value {
    let mut bytes = Vec::new();
    write(&mut RespWriter::new(&mut bytes, Protocol::Resp3));
    match parse_value(&bytes) {
        Ok(Some((value, len))) if len == bytes.len() => value,
        other => panic!("not one answer: {other:?}"),
    }
}

/// An answer in the notation of the snapshot.
fn to_json(value: &Value) -> Json {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match value {
        Value::Status(status) => json!({ "status": text(status) }),
        Value::Integer(integer) => json!(integer),
        Value::Bulk(bytes) => json!(text(bytes)),
        Value::Null => Json::Null,
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Set(items) => json!({ "set": items.iter().map(to_json).collect::<Vec<_>>() }),
        Value::Map(pairs) => {
            json!({ "map": pairs.iter().map(|(key, value)| json!([to_json(key), to_json(value)])).collect::<Vec<_>>() })
        }
        other => panic!("COMMAND does not answer this: {other:?}"),
    }
}

/// Sorts the subcommands in an answer by name, and leaves out those that are not among `known`.
fn normalize(answer: &mut Json, is_known: &dyn Fn(&str) -> bool) {
    let name = |subcommand: &Json| subcommand[0].as_str().unwrap_or_default().to_owned();
    let tidy = |subcommands: &mut Vec<Json>| {
        subcommands.retain(|subcommand| is_known(&name(subcommand)));
        subcommands.sort_by_key(name);
    };
    if let Some(subcommands) = answer.get_mut(9).and_then(Json::as_array_mut) {
        tidy(subcommands);
    }
    for field in answer
        .get_mut("map")
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
    {
        if field[0] == "subcommands"
            && let Some(subcommands) = field[1]["map"].as_array_mut()
        {
            tidy(subcommands);
        }
    }
}

/// Adds the places where two answers differ.
fn differences(ours: &Json, theirs: &Json, path: &str, found: &mut Vec<(String, String)>) {
    match (ours, theirs) {
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{path}/{index}"), found);
            }
        }
        (Json::Object(a), Json::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, a) in a {
                differences(a, &b[key], &format!("{path}/{key}"), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push((path.to_owned(), format!("ours   {a}\n    theirs {b}"))),
    }
}

#[test]
fn command_info_and_docs_are_those_of_the_reference() {
    let (registry, snapshot) = (registry(), snapshot());
    let mut report = String::new();
    let mut unused: Vec<_> = DIFFERENCES.iter().collect();
    for entry in registry
        .entries()
        .iter()
        .filter(|entry| entry.container.is_none())
    {
        let name = entry.full_name.as_str();
        let Some(theirs) = snapshot.get(name) else {
            report += &format!("{name}: the reference has no such command\n");
            continue;
        };
        let key = name.as_bytes();
        let docs = match answer(|reply| command_docs(&registry, &[key], reply)) {
            Value::Map(mut pairs) if pairs.len() == 1 => pairs.remove(0).1,
            other => panic!("{name}: {other:?}"),
        };
        let info = answer(|reply| command_info(&registry, &[key], reply));
        let info = info
            .as_array()
            .map_or_else(|| panic!("{name}: {info:?}"), |items| items[0].clone());
        for (kind, ours) in [("info", info), ("docs", docs)] {
            let (mut ours, mut theirs) = (to_json(&ours), theirs[kind].clone());
            let may_lack = COMPLETED_BY_THE_SERVER.contains(&name);
            let is_known = |name: &str| !may_lack || registry.get(name.as_bytes()).is_some();
            normalize(&mut ours, &is_known);
            normalize(&mut theirs, &is_known);
            let mut found = Vec::new();
            differences(&ours, &theirs, kind, &mut found);
            for (path, what) in found {
                if DIFFERENCES
                    .iter()
                    .any(|(command, at, _)| *command == name && *at == path)
                {
                    unused.retain(|(command, at, _)| !(*command == name && *at == path));
                } else {
                    report += &format!("{name} {path}:\n    {what}\n");
                }
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
    assert!(
        unused.is_empty(),
        "differences that are none any more: {unused:?}"
    );
}
