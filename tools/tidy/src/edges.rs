//! The walls between the rooms: which crate may name which.
//!
//! ARCHITECTURE.md says what a room must not know; a Cargo edge is the one thing that cannot leak it by accident, so
//! the edges are listed here and held against `cargo metadata`. A crate that is not in the table has no place yet.

use serde_json::Value;

const PREFIX: &str = "perilune-";

/// From bottom to top: each crate with the crates it may depend on directly.
const ALLOWED: &[(&str, &[&str])] = &[
    ("digits", &[]),
    ("resp", &["digits"]),
    ("structures", &["digits"]),
    ("luajit-sys", &[]),
    ("value", &["digits", "structures"]),
    ("keyspace", &["structures", "value"]),
    ("command", &["keyspace", "value", "resp"]),
    ("families", &["command", "keyspace", "value", "resp"]),
    ("script", &["digits", "luajit-sys", "resp"]),
    ("net", &[]),
    // What the tools and the server's tests share: ports, starting servers, speaking to them.
    ("harness", &["resp"]),
    (
        "server",
        &[
            "resp",
            "structures",
            "value",
            "keyspace",
            "command",
            "families",
            "script",
            "net",
        ],
    ),
    ("bench", &["resp", "harness"]),
    ("differential", &["resp", "harness"]),
    ("isolation", &["resp", "harness"]),
    ("suite", &["resp", "harness"]),
    ("tidy", &[]),
];

/// Tools talk to a server through its port; only their tests may start one in the process.
const TOOLS: [&str; 6] = [
    "harness",
    "bench",
    "differential",
    "isolation",
    "suite",
    "tidy",
];

/// The edges in `metadata` (of `cargo metadata --no-deps`) that the table does not have.
///
/// Tests may use more than the code they test, but only downwards: a dev-dependency must stand below its user in the
/// table. The exception is the tools, whose tests may use the server.
pub fn forbidden_edges(metadata: &Value) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in array(&metadata["packages"]) {
        let Some(user) = ours(&package["name"]) else {
            continue;
        };
        let Some(place) = place_of(user) else {
            breaches.push(format!(
                "{user}: not in the table of tools/tidy/src/edges.rs: where does it stand?"
            ));
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let Some(used) = ours(&dependency["name"]) else {
                continue;
            };
            let for_tests = dependency["kind"] == "dev";
            let allowed = if for_tests {
                place_of(used).is_some_and(|p| p < place)
                    || TOOLS.contains(&user) && used == "server"
            } else {
                ALLOWED[place].1.contains(&used)
            };
            if !allowed {
                let kind = if for_tests { " for its tests" } else { "" };
                breaches.push(format!("{user} must not know {used}{kind}"));
            }
        }
    }
    breaches
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn ours(name: &Value) -> Option<&str> {
    name.as_str()?.strip_prefix(PREFIX)
}

fn place_of(name: &str) -> Option<usize> {
    ALLOWED
        .iter()
        .position(|(crate_name, _)| *crate_name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn breaches(user: &str, used: &str, kind: Value) -> usize {
        let dependency = json!({ "name": format!("perilune-{used}"), "kind": kind });
        let package = json!({ "name": format!("perilune-{user}"), "dependencies": [dependency] });
        forbidden_edges(&json!({ "packages": [package] })).len()
    }

    #[test]
    fn every_crate_stands_above_what_it_may_use() {
        for (place, (user, used)) in ALLOWED.iter().enumerate() {
            for used in *used {
                assert!(
                    place_of(used).is_some_and(|p| p < place),
                    "{user} -> {used}"
                );
            }
        }
    }

    #[test]
    fn an_edge_upwards_is_a_breach_and_one_from_the_table_is_not() {
        assert_eq!(breaches("families", "keyspace", Value::Null), 0);
        assert_eq!(breaches("keyspace", "families", Value::Null), 1);
        assert_eq!(breaches("script", "keyspace", Value::Null), 1);
        assert_eq!(breaches("nobody", "resp", Value::Null), 1);
    }

    #[test]
    fn tests_may_look_down_and_tools_may_start_a_server() {
        assert_eq!(breaches("script", "keyspace", json!("dev")), 0);
        assert_eq!(breaches("keyspace", "families", json!("dev")), 1);
        assert_eq!(breaches("isolation", "server", json!("dev")), 0);
        assert_eq!(breaches("isolation", "server", Value::Null), 1);
    }
}
