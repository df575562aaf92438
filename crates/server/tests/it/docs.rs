//! What the documentation shows is run: every example of a page, in order, on one server.
//!
//! A page holds scripts in fences of `lua` and transcripts in fences of `redis`, where `$script` stands for the last script. A line
//! of a transcript is one of:
//!
//! ```text
//!   a> CALL => answer      a call of connection `a`, and its answer (`*` stands for any text)
//!   a~ CALL => answer      the same, asked again until the answer comes
//!   a< CALL                a call whose answer is not waited for
//!   a> => answer           what comes next on connection `a`
//! ```

use std::collections::HashMap;

use crate::harness::{Server, alone, eventually, matches, show};

#[test]
fn the_examples_of_the_page_on_scripting_are_true() {
    // a script that runs for ever takes a core for a moment
    let _alone = alone();
    run(include_str!("../../../../docs/scripting.md"));
}

#[test]
fn the_examples_of_the_page_on_transactions_are_true() {
    let _alone = alone();
    run(include_str!("../../../../docs/transactions.md"));
}

fn run(page: &str) {
    // a script of the page holds one of them while the other one is asked for
    let server = Server::start_with_apart(&["counter", "elsewhere"], &[]);
    let mut clients = HashMap::new();
    let (mut script, mut examples) = (String::new(), 0);
    for (language, text) in fences(page) {
        match language {
            "lua" => script = quoted(text),
            "redis" => {
                for line in text.lines() {
                    let line = line.replace("$script", &script);
                    let (who, step) = line.split_at(1);
                    let client = clients
                        .entry(who.to_owned())
                        .or_insert_with(|| server.connect());
                    let (kind, step) = step.split_at(1);
                    if kind == "<" {
                        client.send(step.trim());
                        continue;
                    }
                    let (call, expected) = step
                        .rsplit_once("=> ")
                        .unwrap_or_else(|| panic!("no answer: {line}"));
                    let mut ask = || match call.trim() {
                        "" => show(&client.receive().expect("an answer")),
                        call => client.ask(call),
                    };
                    if kind == "~" {
                        eventually(&line, || matches(expected, &ask()));
                    } else {
                        let answer = ask();
                        assert!(matches(expected, &answer), "{line}\n     got {answer}");
                    }
                    examples += 1;
                }
            }
            other => panic!("a fence of {other:?}"),
        }
    }
    assert!(examples > 20, "{examples} examples");
}

/// The fenced parts of a page: the language of each, and its text.
fn fences(page: &str) -> Vec<(&str, &str)> {
    page.split("\n```")
        .skip(1)
        .step_by(2)
        .map(|fence| fence.split_once('\n').expect("a fence has lines"))
        .collect()
}

/// An argument as one types it at a prompt.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}
