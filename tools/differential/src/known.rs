//! Differences that are meant.

use std::fs;
use std::io::Result;
use std::path::Path;

/// Patterns of calls, in lower case, with the reason why servers may differ in them.
pub struct Known(Vec<(String, String)>);

impl Known {
    /// What stands in `known.txt`, and in another file, where a run has one.
    pub fn read(file: Option<&Path>) -> Result<Self> {
        let mut text = include_str!("../known.txt").to_owned();
        if let Some(file) = file {
            text.push_str(&fs::read_to_string(file)?);
        }
        let entries = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" | "))
            .map(|(pattern, reason)| {
                let pattern = pattern.trim().to_ascii_lowercase();
                (pattern, reason.trim().to_owned())
            });
        Ok(Self(entries.collect()))
    }

    /// The reason why servers may differ in this call, if there is one.
    pub fn reason(&self, call: &str) -> Option<&str> {
        let call = call.to_ascii_lowercase();
        let mut entries = self.0.iter();
        let found = entries.find(|(pattern, _)| matches(pattern, &call));
        found.map(|(_, reason)| reason.as_str())
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        assert!(matches("GET", "GET"));
        assert!(!matches("GET", "GET k"));
        assert!(matches("GET *", "GET k"));
        assert!(matches("EVAL *cjson*0", "EVAL \"return cjson.x\" 0"));
        assert!(!matches("EVAL *cjson*1", "EVAL \"return cjson.x\" 0"));
    }
}
