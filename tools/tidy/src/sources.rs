//! Rules over the text of the files. Each answers with one line per breach.

use crate::files::TextFile;

/// Where `unsafe` may be allowed; everywhere else the lint table denies it.
const UNSAFE_ROOMS: [&str; 3] = ["crates/structures/", "crates/script/", "crates/luajit-sys/"];

const LINES_MAX: usize = 1000;

/// Files over [`LINES_MAX`] lines, each with the reason why cutting it would make it harder to read.
const LONG_FOR_A_REASON: &[(&str, &str)] = &[];

/// What a reader, and a release, can rely on finding.
const DOCUMENTS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "DIFFERENCES.md",
    "CONTRIBUTING.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    ".ci/run",
];

/// Put together here, so that this file does not break its own rules.
const OPEN_ENDS: [&str; 3] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];
const MACHINE_PATHS: [&str; 3] = [
    concat!("/work", "/"),
    concat!("/root", "/"),
    concat!("/home", "/"),
];
const BARE_IGNORE: &str = concat!("#[", "ignore]");
const ALLOWS_UNSAFE: [&str; 2] = [
    concat!("allow(", "unsafe_code"),
    concat!("expect(", "unsafe_code"),
];

/// Placeholders that compile.
pub fn ends_left_open(files: &[TextFile]) -> Vec<String> {
    lines_with(files.iter().filter(|file| file.is_rust()), &OPEN_ENDS)
}

/// Paths that exist on one machine only.
pub fn machine_paths(files: &[TextFile]) -> Vec<String> {
    lines_with(files.iter(), &MACHINE_PATHS)
}

/// Tests that are switched off without `#[ignore = "reason"]`.
pub fn bare_ignores(files: &[TextFile]) -> Vec<String> {
    lines_with(files.iter().filter(|file| file.is_rust()), &[BARE_IGNORE])
}

/// `unsafe` allowed where it has no room.
pub fn unsafe_outside(files: &[TextFile]) -> Vec<String> {
    let outside = |file: &&TextFile| {
        file.is_rust() && !UNSAFE_ROOMS.iter().any(|room| file.path.starts_with(room))
    };
    lines_with(files.iter().filter(outside), &ALLOWS_UNSAFE)
}

/// Crates that do not take the workspace's lint table.
pub fn lints_of_its_own(files: &[TextFile]) -> Vec<String> {
    let is_member = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        matches!(parts[..], ["crates" | "tools", _, "Cargo.toml"])
    };
    let members = files.iter().filter(|file| is_member(&file.path));
    let breaches = members.filter(|file| !file.text.contains("[lints]\nworkspace = true\n"));
    breaches
        .map(|file| format!("{}: no [lints] workspace = true", file.path))
        .collect()
}

/// Source files without a first line that says what they are about.
pub fn unopened(files: &[TextFile]) -> Vec<String> {
    let breaches = files
        .iter()
        .filter(|file| file.is_rust() && !file.text.starts_with("//!"));
    breaches
        .map(|file| format!("{}: does not open with its idea (//! ...)", file.path))
        .collect()
}

/// Source files over [`LINES_MAX`] lines without a reason, and reasons without such a file.
pub fn overlong(files: &[TextFile]) -> Vec<String> {
    let is_long = |file: &&TextFile| file.is_rust() && file.text.lines().count() > LINES_MAX;
    let long: Vec<&TextFile> = files.iter().filter(is_long).collect();
    let excused = |path: &str| {
        LONG_FOR_A_REASON
            .iter()
            .any(|(excused, _)| *excused == path)
    };
    let unexcused = long.iter().filter(|file| !excused(&file.path));
    let unexcused =
        unexcused.map(|file| format!("{}: {} lines", file.path, file.text.lines().count()));
    let stale = LONG_FOR_A_REASON
        .iter()
        .filter(|(path, _)| !long.iter().any(|file| file.path == *path));
    unexcused
        .chain(stale.map(|(path, _)| format!("{path}: excused, but not long")))
        .collect()
}

/// Documents that are not there.
pub fn missing_documents(files: &[TextFile]) -> Vec<String> {
    let missing = DOCUMENTS
        .iter()
        .filter(|path| !files.iter().any(|file| file.path == **path));
    missing.map(|path| format!("{path}: missing")).collect()
}

fn lines_with<'a>(files: impl Iterator<Item = &'a TextFile>, needles: &[&str]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if needles.iter().any(|needle| line.contains(needle)) {
                breaches.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&[TextFile]) -> Vec<String>, path: &str, text: &str, breaches: usize) {
        let files = [TextFile {
            path: path.into(),
            text: text.into(),
        }];
        let found = rule(&files);
        assert_eq!(found.len(), breaches, "{path}: {text:?}: {found:?}");
    }

    #[test]
    fn each_rule_fires_and_only_where_it_should() {
        let rust = "crates/server/src/x.rs";
        check(
            ends_left_open,
            rust,
            &format!("fn f() {{ {}) }}", OPEN_ENDS[0]),
            1,
        );
        check(
            ends_left_open,
            "docs/x.md",
            &format!("{})", OPEN_ENDS[0]),
            0,
        );
        check(
            machine_paths,
            "docs/x.md",
            &format!("see {}x", MACHINE_PATHS[1]),
            1,
        );
        check(machine_paths, "docs/x.md", "see ./homework", 0);
        check(bare_ignores, rust, BARE_IGNORE, 1);
        check(bare_ignores, rust, "#[ignore = \"slow\"]", 0);
        check(
            unsafe_outside,
            rust,
            &format!("#![{})]", ALLOWS_UNSAFE[0]),
            1,
        );
        check(
            unsafe_outside,
            "crates/script/src/vm.rs",
            &format!("#![{})]", ALLOWS_UNSAFE[0]),
            0,
        );
        check(lints_of_its_own, "crates/x/Cargo.toml", "[package]\n", 1);
        check(
            lints_of_its_own,
            "crates/x/Cargo.toml",
            "[lints]\nworkspace = true\n",
            0,
        );
        check(lints_of_its_own, "fuzz/Cargo.toml", "[package]\n", 0);
        check(unopened, rust, "use std::io;\n", 1);
        check(unopened, rust, "//! The idea.\n", 0);
        check(overlong, rust, &"\n".repeat(LINES_MAX + 1), 1);
        check(overlong, rust, &"\n".repeat(LINES_MAX), 0);
        check(missing_documents, "README.md", "", DOCUMENTS.len() - 1);
    }
}
