//! What holds for every command of the table, present and future.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use perilune_command::{
    Access, Arg, ArgFlags, ArgKind, BeginSearch, Entry, FindKeys, KeyFlags, Spec,
};
use perilune_command::{DataHandler, KeyShape};
use perilune_resp::split_args;

use crate::testing::{Stage, registry, steps};

/// Every command that does something itself.
fn for_each_command(mut visit: impl FnMut(&Entry<DataHandler>)) {
    registry()
        .entries()
        .iter()
        .filter(|entry| entry.handler.is_some())
        .for_each(&mut visit);
}

#[test]
fn names_are_unique_and_in_lower_case() {
    // that they are unique is asserted where the table is built
    for entry in registry().entries() {
        let is_plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        assert!(
            !entry.spec.name.is_empty() && entry.spec.name.bytes().all(is_plain),
            "{}",
            entry.full_name
        );
    }
}

/// The reference's summaries of these do not end as sentences do.
const NO_FULL_STOP: &[&str] = &[
    "hexpire",
    "hexpireat",
    "hpexpire",
    "hpexpireat",
    "hpersist",
    "srandmember",
];

#[test]
fn a_spec_says_what_there_is_to_say() {
    for_each_command(|entry| {
        let Spec { summary, since, .. } = entry.spec;
        assert!(
            summary.ends_with('.') || NO_FULL_STOP.contains(&entry.spec.name),
            "{}: the summary is a sentence",
            entry.full_name
        );
        assert!(
            since.split('.').count() == 3,
            "{}: since {since}",
            entry.full_name
        );
        assert!(
            !entry.categories.is_empty(),
            "{}: no category",
            entry.full_name
        );
    });
}

/// The least number of words that an argument takes, and whether it may take more.
fn least_words(arg: &Arg) -> (i32, bool) {
    let (inside, is_open) = match arg.kind {
        ArgKind::PureToken => (0, false),
        ArgKind::OneOf => {
            let inside: Vec<_> = arg.arguments.iter().map(least_words).collect();
            let least = inside.iter().map(|i| i.0).min().unwrap_or(0);
            (least, inside.iter().any(|i| i.1 || i.0 != least))
        }
        ArgKind::Block => arg
            .arguments
            .iter()
            .map(least_words)
            .fold((0, false), |a, b| (a.0 + b.0, a.1 || b.1)),
        _ => (1, false),
    };
    let words = inside + i32::from(arg.token.is_some());
    if arg.flags.has(ArgFlags::OPTIONAL) {
        (0, true)
    } else {
        (words, is_open || arg.flags.has(ArgFlags::MULTIPLE))
    }
}

#[test]
fn arity_agrees_with_the_grammar() {
    for_each_command(|entry| {
        let name_words = if entry.container.is_some() { 2 } else { 1 };
        let (least, is_open) = entry
            .spec
            .arguments
            .iter()
            .map(least_words)
            .fold((name_words, false), |a, b| (a.0 + b.0, a.1 || b.1));
        let arity = entry.spec.arity;
        assert_eq!(
            arity.abs(),
            least,
            "{}: least number of arguments",
            entry.full_name
        );
        assert_eq!(
            arity < 0,
            is_open,
            "{}: more arguments than the least",
            entry.full_name
        );
    });
}

/// The key specs that a grammar refers to.
fn named_key_specs(arguments: &[Arg], found: &mut BTreeSet<usize>) {
    for arg in arguments {
        found.extend(arg.key_spec);
        named_key_specs(arg.arguments, found);
    }
}

#[test]
fn key_positions_are_valid() {
    for_each_command(|entry| {
        let Spec {
            keys,
            arguments,
            arity,
            ..
        } = *entry.spec;
        let mut named = BTreeSet::new();
        named_key_specs(arguments, &mut named);
        let all = (0..keys.len()).collect::<BTreeSet<_>>();
        assert!(
            named.is_subset(&all),
            "{}: the grammar names key specs that are not there",
            entry.full_name
        );
        for spec in keys {
            if let (BeginSearch::Index(index), FindKeys::Range { step, .. }) =
                (spec.begin, spec.find)
            {
                assert!(step > 0 && index > 0, "{}", entry.full_name);
                assert!(
                    index < arity.unsigned_abs() as usize || spec.flags.has(KeyFlags::INCOMPLETE),
                    "{}: its first key may be missing",
                    entry.full_name
                );
            }
            let reads = [KeyFlags::RO].iter().any(|f| spec.flags.has(*f));
            let writes = [KeyFlags::RW, KeyFlags::OW, KeyFlags::RM]
                .iter()
                .any(|f| spec.flags.has(*f));
            assert!(
                reads != writes,
                "{}: a key is read or written",
                entry.full_name
            );
            assert!(
                !writes || entry.access() == Some(Access::Write),
                "{}: a reading command writes a key",
                entry.full_name
            );
        }
        assert_eq!(
            keys.is_empty(),
            matches!(entry.keys, KeyShape::None),
            "{}",
            entry.full_name
        );
    });
}

/// The source files of this crate.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The examples in the comments that files open with: each a transcript of its own.
fn examples() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut paths,
    );
    paths.retain(|path| path.file_stem().is_some_and(|stem| stem != "testing"));
    paths.sort();
    let mut examples = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let comment = text.lines().take_while(|line| line.starts_with("//!"));
        let comment: Vec<&str> = comment
            .map(|line| line[3..].strip_prefix(' ').unwrap_or(&line[3..]))
            .collect();
        for block in comment.join("\n").split("```").skip(1).step_by(2) {
            if let Some(transcript) = block.strip_prefix("text\n").filter(|t| t.starts_with("> ")) {
                examples.push((path.clone(), transcript.to_owned()));
            }
        }
    }
    examples
}

#[test]
fn every_command_has_an_example_that_runs_and_can_be_taken_back() {
    // a `Stage` runs every call under recording first, and takes it back
    let registry = registry();
    let mut idle: BTreeSet<String> = BTreeSet::new();
    for_each_command(|entry| {
        // a help text is an example of itself
        if !matches!(entry.handler, Some(DataHandler::Help(_))) {
            idle.insert(entry.full_name.clone());
        }
    });
    for (path, transcript) in examples() {
        let mut stage = Stage::new();
        for (call, answer) in steps(&transcript) {
            stage.play(&format!("> {call}\n{answer}"));
            if call.starts_with(':') {
                continue;
            }
            let words =
                split_args(call.as_bytes()).unwrap_or_else(|| panic!("unbalanced quotes: {call}"));
            let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
            let entry = registry
                .resolve(&words)
                .unwrap_or_else(|_| panic!("{}: {call}", path.display()));
            if entry.access() == Some(Access::Read) || stage.last().changes > 0 {
                idle.remove(&entry.full_name);
            }
        }
    }
    for_each_command(|entry| {
        let mut stage = Stage::new();
        for example in entry.spec.examples {
            assert_eq!(
                stage.call(example.call),
                example.answer,
                "\n> {}",
                example.call
            );
            if entry.access() == Some(Access::Read) || stage.last().changes > 0 {
                idle.remove(&entry.full_name);
            }
        }
    });
    assert!(idle.is_empty(), "no example shows what these do: {idle:?}");
}
