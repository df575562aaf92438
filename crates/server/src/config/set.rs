//! CONFIG SET: several settings at once, all or none.
//!
//! First every name is found and every permission checked, then every value is parsed, then all are stored, and last the
//! changed ones are pushed to whoever owns what they speak of. If pushing fails (a port that cannot be bound), the old
//! values are stored and pushed again. The order, and so which error wins, is the reference's.

use std::fmt;
use std::sync::PoisonError;

use super::cell::Value;
use super::parse::Refusal;
use super::row::{Kind, Row};
use super::{Settings, find};

/// Why CONFIG SET failed. `Display` is the reference's text, behind the code `ERR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// There is no such setting.
    Unknown(Vec<u8>),
    /// This argument was refused, for this reason.
    Refused {
        /// The argument as the reference names it.
        argument: Vec<u8>,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::Unknown(name) => write!(
                f,
                "Unknown option or number of arguments for CONFIG SET - '{}'",
                String::from_utf8_lossy(name)
            ),
            SetError::Refused { argument, reason } => write!(
                f,
                "CONFIG SET failed (possibly related to argument '{}') - {reason}",
                String::from_utf8_lossy(argument)
            ),
        }
    }
}

impl std::error::Error for SetError {}

fn refused(argument: &[u8], reason: impl Into<String>) -> SetError {
    SetError::Refused {
        argument: argument.to_vec(),
        reason: reason.into(),
    }
}

/// A setting found, and what is to become of it.
struct Wanted<'a> {
    row: &'static Row,
    name: &'static str,
    text: &'a [u8],
}

impl Settings {
    /// Sets all pairs of name and value, or none.
    ///
    /// `may_change_protected` is what `enable-protected-configs` says about the caller. `apply` is called once for each setting
    /// whose value is a new one, after all are stored; if it fails for one, with a reason for the client, everything is taken
    /// back and `apply` is called again for those it had been called for.
    pub fn set(
        &self,
        pairs: &[(&[u8], &[u8])],
        may_change_protected: bool,
        mut apply: impl FnMut(&'static Row) -> Result<(), String>,
    ) -> Result<(), SetError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = permitted(pairs, may_change_protected)?;
        let mut changes = Vec::with_capacity(wanted.len());
        for Wanted { row, name, text } in wanted {
            let old = row.load(self);
            let new = row
                .parse_for_set(text, &old)
                .map_err(|reason| refused(name.as_bytes(), reason))?;
            changes.push(Change {
                row,
                name,
                old,
                new,
            });
        }
        // a setting may come twice, by its name and by its alias: the last one holds
        let rows: Vec<&str> = changes.iter().map(|change| change.row.name).collect();
        let mut place = 0;
        changes.retain(|change| {
            place += 1;
            change.is_one() && !rows[place..].contains(&change.row.name)
        });
        for Change { row, new, .. } in &changes {
            row.store(self, new);
        }
        for (applied, change) in changes.iter().enumerate() {
            if let Err(reason) = apply(change.row) {
                for Change { row, old, .. } in &changes {
                    row.store(self, old);
                }
                for change in &changes[..=applied] {
                    // It held before, so it is expected to hold again; the first failure is the one to report.
                    let _ = apply(change.row);
                }
                return Err(refused(change.name.as_bytes(), reason));
            }
        }
        Ok(())
    }
}

/// A setting on its way from one value to another.
struct Change {
    row: &'static Row,
    name: &'static str,
    old: Value,
    new: Value,
}

impl Change {
    /// Whether anything is to be done. Files may have new contents under an old name.
    fn is_one(&self) -> bool {
        self.old != self.new
            || (self.row.name.starts_with("tls-") && self.row.name.ends_with("-file"))
    }
}

fn permitted<'a>(
    pairs: &[(&'a [u8], &'a [u8])],
    may_change_protected: bool,
) -> Result<Vec<Wanted<'a>>, SetError> {
    let mut wanted: Vec<Wanted<'a>> = Vec::with_capacity(pairs.len());
    for &(argument, text) in pairs {
        let (row, name) = find(argument).ok_or_else(|| SetError::Unknown(argument.to_vec()))?;
        if row.immutable {
            return Err(refused(argument, "can't set immutable config"));
        }
        if row.protected && !may_change_protected {
            return Err(refused(argument, "can't set protected config"));
        }
        if wanted.iter().any(|other| other.name == name) {
            return Err(refused(argument, "duplicate parameter"));
        }
        wanted.push(Wanted { row, name, text });
    }
    Ok(wanted)
}

impl Row {
    /// Parses the value of CONFIG SET: one argument, which for some settings is a list.
    fn parse_for_set(&self, text: &[u8], old: &Value) -> Result<Value, Refusal> {
        if !self.kind.takes_several() {
            return self.parse(&[text], old);
        }
        let words: Vec<&[u8]> = match text {
            b"" => Vec::new(),
            text => text.split(|&byte| byte == b' ').collect(),
        };
        match self.kind {
            // In a file the lines add up; here the new points replace the old.
            Kind::SavePoints => self.parse(&words, &Value::text("")),
            _ => self.parse(&words, old),
        }
    }
}
