//! What is left out of the suite, and why: `skips.toml`, and the check that each of its entries still bites.
//!
//! Three kinds, from coarse to fine: a *tag* that the suite itself can deny, a *test* by name, and an *edit* of a
//! unit's text for what has no name. The format is explained at the top of `skips.toml`.

use std::path::Path;

use serde::Deserialize;

use crate::transcript::Transcript;

const BUILT_IN: &str = include_str!("../skips.toml");

/// The whole list.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Skips {
    #[serde(default, rename = "tag")]
    tags: Vec<TagSkip>,
    #[serde(default, rename = "skip")]
    tests: Vec<TestSkips>,
    #[serde(default, rename = "edit")]
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TagSkip {
    reason: String,
    tag: String,
    units: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestSkips {
    reason: String,
    unit: String,
    tests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    reason: String,
    unit: String,
    find: String,
    #[serde(default)]
    replace: String,
}

/// One entry, as it was met in a unit's run.
pub struct Applied {
    /// The entry as it stands in the list.
    pub entry: String,
    pub reason: String,
    /// How many tests, or blocks, it took out; 0 means stale.
    pub hits: usize,
}

impl Skips {
    /// Reads `path`, or the list that was built in.
    pub fn load(path: Option<&Path>) -> Result<Skips, String> {
        let text = match path {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?
            }
            None => BUILT_IN.to_owned(),
        };
        toml::from_str(&text).map_err(|e| format!("skips: {e}"))
    }

    /// The tags to deny in this unit.
    pub fn denied_tags(&self, unit: &str) -> Vec<&str> {
        self.tags_of(unit).map(|tag| tag.tag.as_str()).collect()
    }

    /// The text of a file for the suite's `--skipfile`: names, and `/` before a regular expression.
    pub fn skipfile(&self, unit: &str) -> String {
        let lines = self
            .tests_of(unit)
            .map(|(name, _)| match name.strip_suffix('*') {
                Some(prefix) => format!("/^{}\n", regex_quoted(prefix)),
                None => format!("{name}\n"),
            });
        lines.collect()
    }

    /// The unit's text with its edits; each must fit exactly once.
    pub fn edit(&self, unit: &str, original: &str) -> Result<String, String> {
        let mut text = original.to_owned();
        for edit in self.edits_of(unit) {
            if text.matches(&edit.find).count() != 1 {
                let first = headline(&edit.find);
                return Err(format!(
                    "skips: the edit of {unit} at '{first}' does not fit exactly once (stale?)"
                ));
            }
            text = text.replacen(&edit.find, &edit.replace, 1);
        }
        Ok(text)
    }

    /// Every entry for this unit with what it took out of the run.
    pub fn applied(&self, unit: &str, transcript: &Transcript) -> Vec<Applied> {
        let tags = self.tags_of(unit).map(|tag| Applied {
            entry: format!("tag {}", tag.tag),
            reason: tag.reason.clone(),
            hits: count(&transcript.ignored, |why| {
                why.ends_with(&format!("Tag: {} denied", tag.tag))
            }),
        });
        let tests = self.tests_of(unit).map(|(name, reason)| Applied {
            entry: name.to_owned(),
            reason: reason.to_owned(),
            hits: count(&transcript.skipped, |skipped| names(name, skipped)),
        });
        let edits = self.edits_of(unit).map(|edit| Applied {
            entry: format!("edit at '{}'", headline(&edit.find)),
            reason: edit.reason.clone(),
            hits: 1,
        });
        tags.chain(tests).chain(edits).collect()
    }

    fn tags_of(&self, unit: &str) -> impl Iterator<Item = &TagSkip> {
        self.tags
            .iter()
            .filter(move |tag| tag.units.iter().any(|u| u == unit))
    }

    fn tests_of(&self, unit: &str) -> impl Iterator<Item = (&str, &str)> {
        let groups = self.tests.iter().filter(move |group| group.unit == unit);
        groups.flat_map(|group| {
            group
                .tests
                .iter()
                .map(|test| (test.as_str(), group.reason.as_str()))
        })
    }

    fn edits_of(&self, unit: &str) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(move |edit| edit.unit == unit)
    }
}

fn count(lines: &[String], matches: impl Fn(&str) -> bool) -> usize {
    lines.iter().filter(|line| matches(line)).count()
}

/// Whether an entry of the list means this test.
fn names(entry: &str, test: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(prefix) => test.starts_with(prefix),
        None => test == entry,
    }
}

fn headline(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

/// In Tcl's regular expressions a backslash before anything but a letter or digit means that character.
fn regex_quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
        [[tag]]
        reason = "later"
        tag = "needs:repl"
        units = ["unit/multi"]
        [[skip]]
        reason = "later"
        unit = "unit/multi"
        tests = ["DISCARD", "SORT BY <constant> *"]
        [[edit]]
        reason = "later"
        unit = "unit/multi"
        find = "{0 1}"
        replace = "{1}"
    "#;

    fn sample() -> Skips {
        toml::from_str(SAMPLE).unwrap()
    }

    #[test]
    fn the_built_in_list_gives_every_entry_a_reason() {
        let skips = Skips::load(None).unwrap();
        let reasons = skips.tags.iter().map(|t| &t.reason);
        let reasons = reasons.chain(skips.tests.iter().map(|t| &t.reason));
        let reasons = reasons.chain(skips.edits.iter().map(|e| &e.reason));
        for reason in reasons {
            assert!(reason.contains("needs: "), "{reason}");
        }
    }

    #[test]
    fn the_built_in_list_names_no_test_twice() {
        let skips = Skips::load(None).unwrap();
        let mut seen = std::collections::HashSet::new();
        for group in &skips.tests {
            for test in &group.tests {
                assert!(seen.insert((&group.unit, test)), "{}: {test}", group.unit);
            }
        }
    }

    #[test]
    fn a_prefix_becomes_an_anchored_expression() {
        assert_eq!(
            sample().skipfile("unit/multi"),
            "DISCARD\n/^SORT\\ BY\\ \\<constant\\>\\ \n"
        );
        assert_eq!(sample().skipfile("unit/quit"), "");
    }

    #[test]
    fn an_edit_must_fit_exactly_once() {
        assert_eq!(
            sample().edit("unit/multi", "foreach x {0 1} {}").unwrap(),
            "foreach x {1} {}"
        );
        assert!(sample().edit("unit/multi", "foreach x {1} {}").is_err());
        assert!(sample().edit("unit/multi", "{0 1} {0 1}").is_err());
    }

    #[test]
    fn an_entry_without_a_match_has_no_hits() {
        let mut transcript = Transcript::default();
        transcript.line("[skip]: DISCARD");
        transcript.line("[ignore]: MULTI with REPLICAOF: Tag: needs:repl denied");
        let hits: Vec<_> = sample()
            .applied("unit/multi", &transcript)
            .iter()
            .map(|a| a.hits)
            .collect();
        assert_eq!(hits, [1, 1, 0, 1]);
    }
}
