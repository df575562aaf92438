//! The answers of the COMMAND family in a form that can be compared: sets sorted, commands outside the roster left out.

use perilune_harness::Value;

use crate::roster::is_in_roster;

/// COMMAND LIST: names.
pub fn names(value: &Value) -> Value {
    let names = value
        .as_array()
        .unwrap_or_default()
        .iter()
        .filter(|name| is_listed(name));
    Value::Array(sorted(names.cloned().collect()))
}

/// COMMAND INFO and COMMAND: a list for each command, null for an unknown one.
pub fn infos(value: &Value) -> Value {
    let infos = value.as_array().unwrap_or_default().iter();
    let listed = infos.filter(|info| {
        info.as_array()
            .and_then(<[Value]>::first)
            .is_none_or(is_listed)
    });
    Value::Array(sorted(listed.map(info).collect()))
}

/// Name, arity, flags, first and last key, step, categories, tips, key specifications, subcommands.
fn info(value: &Value) -> Value {
    const SUBCOMMANDS: usize = 9;
    let Some(parts) = value.as_array() else {
        return value.clone();
    };
    let part = |(place, part): (usize, &Value)| match part.as_array() {
        Some(_) if place == SUBCOMMANDS => infos(part),
        Some(set) => with_elements(part, sorted(set.to_vec())),
        None => part.clone(),
    };
    Value::Array(parts.iter().enumerate().map(part).collect())
}

/// FUNCTION LIST: a list of maps, each with a list of functions.
pub fn libraries(value: &Value) -> Value {
    let library = |value: &Value| {
        let field = |(name, field): (&Value, &Value)| match field.as_array() {
            Some(functions) => {
                Value::Array(vec![name.clone(), Value::Array(sorted(functions.to_vec()))])
            }
            None => Value::Array(vec![name.clone(), field.clone()]),
        };
        Value::Array(pairs(value).into_iter().map(field).collect())
    };
    let libraries = value.as_array().unwrap_or_default();
    Value::Array(sorted(libraries.iter().map(library).collect()))
}

/// FUNCTION DUMP: libraries one behind the other, and a checksum of that.
pub fn dump(value: &Value) -> Value {
    const CHECKSUM_LEN: usize = 8;
    let mut bytes = value.as_bytes().unwrap_or_default().to_vec();
    bytes.truncate(bytes.len().saturating_sub(CHECKSUM_LEN));
    bytes.sort_unstable();
    Value::Bulk(bytes)
}

/// COMMAND DOCS: a map of maps; RESP2 sends both flat.
pub fn docs(value: &Value) -> Value {
    let doc = |(name, doc): (&Value, &Value)| {
        let field = |(name, field): (&Value, &Value)| {
            let is_map = name.as_bytes() == Some(b"subcommands");
            Value::Array(vec![
                name.clone(),
                if is_map { docs(field) } else { field.clone() },
            ])
        };
        Value::Array(vec![
            name.clone(),
            Value::Array(sorted(pairs(doc).into_iter().map(field).collect())),
        ])
    };
    Value::Array(sorted(
        pairs(value)
            .into_iter()
            .filter(|(name, _)| is_listed(name))
            .map(doc)
            .collect(),
    ))
}

/// COMMAND GETKEYSANDFLAGS: keys in order, each with a set of flags.
pub fn keys_and_flags(value: &Value) -> Value {
    let entry = |entry: &Value| match entry.as_array() {
        Some([key, flags]) => {
            let set = flags.as_array().unwrap_or_default().to_vec();
            Value::Array(vec![key.clone(), with_elements(flags, sorted(set))])
        }
        _ => entry.clone(),
    };
    Value::Array(
        value
            .as_array()
            .unwrap_or_default()
            .iter()
            .map(entry)
            .collect(),
    )
}

/// HELP of a container: its lines without those on subcommands outside the roster, which begin with the name and go on
/// indented.
fn help(container: &'static str) -> impl Fn(&Value) -> Value {
    move |value| {
        let lines = value.as_array().unwrap_or_default();
        let mut kept = Vec::new();
        let mut is_kept = true;
        for (number, line) in lines.iter().enumerate() {
            let text = String::from_utf8_lossy(line.as_bytes().unwrap_or_default());
            if number > 0 && !text.starts_with(' ') {
                let name = text.split(' ').next().unwrap_or_default();
                is_kept = is_in_roster(&format!("{container}|{name}"));
            }
            if is_kept {
                kept.push(line.clone());
            }
        }
        Value::Array(kept)
    }
}

/// HELP of CLIENT.
pub fn client_help(value: &Value) -> Value {
    help("client")(value)
}

/// HELP of SCRIPT.
pub fn script_help(value: &Value) -> Value {
    help("script")(value)
}

/// The values in an order that depends on nothing but themselves.
pub fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_cached_key(|value| {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        bytes
    });
    values
}

/// An aggregate of the same kind with other elements.
pub fn with_elements(like: &Value, elements: Vec<Value>) -> Value {
    match like {
        Value::Set(_) => Value::Set(elements),
        Value::Push(_) => Value::Push(elements),
        _ => Value::Array(elements),
    }
}

/// The entries of a map, or of the flat array that RESP2 has for it.
pub fn pairs(value: &Value) -> Vec<(&Value, &Value)> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (name, value)).collect(),
        Value::Array(flat) => flat
            .chunks_exact(2)
            .map(|pair| (&pair[0], &pair[1]))
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether its entries are compared. Not those that may have an argument more here: `SCRIPT KILL sha1`, `MULTI ATOMIC`.
fn is_listed(name: &Value) -> bool {
    if matches!(name.as_bytes(), Some(b"script|kill" | b"multi")) {
        return false;
    }
    is_in_roster(&String::from_utf8_lossy(
        name.as_bytes().unwrap_or_default(),
    ))
}
