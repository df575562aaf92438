//! Differences that are meant.

const KNOWN: &str = include_str!("../known.txt");

/// The reason why servers may differ in this call, if there is one.
pub fn reason(call: &str) -> Option<&'static str> {
    let entries = KNOWN
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" | "));
    entries
        .into_iter()
        .find(|(pattern, _)| {
            matches(
                &pattern.trim().to_ascii_lowercase(),
                &call.to_ascii_lowercase(),
            )
        })
        .map(|(_, reason)| reason.trim())
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
