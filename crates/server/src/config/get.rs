//! CONFIG GET: names and globs to values.

use perilune_value::{Case, glob_match};

use super::{Row, Settings, find, rows};

impl Settings {
    /// The settings that a list of patterns asks for, each once, with their values as text.
    ///
    /// A pattern without wildcards is a name, and is answered as it was written; an alias is a name of its own. Hidden settings
    /// answer to their name only.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, &Row)> = Vec::new();
        for pattern in patterns {
            if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
                if let Some((row, _)) = find(pattern) {
                    add(&mut found, pattern, row);
                }
                continue;
            }
            for row in rows().filter(|row| !row.hidden) {
                for name in [Some(row.name), row.alias].into_iter().flatten() {
                    if glob_match(pattern, name.as_bytes(), Case::Ignored) {
                        add(&mut found, name.as_bytes(), row);
                    }
                }
            }
        }
        found
            .into_iter()
            .map(|(name, row)| (name, row.format(&row.load(self))))
            .collect()
    }

    /// The value of one setting, by name.
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        find(name.as_bytes()).map(|(row, _)| row.format(&row.load(self)))
    }
}

fn add<'a>(found: &mut Vec<(Vec<u8>, &'a Row)>, name: &[u8], row: &'a Row) {
    if !found
        .iter()
        .any(|(other, _)| other.eq_ignore_ascii_case(name))
    {
        found.push((name.to_vec(), row));
    }
}
