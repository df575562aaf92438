//! The longest common subsequence of two strings: what is left of both when as few bytes as possible are struck out.
//!
//! The textbook's table: the cell of two prefixes holds the length of their longest common subsequence. Where
//! there are several of them, the walk back through the table decides which one is found, and its order is the
//! reference server's (`lcsCommand` in `t_string.c`), so that clients get the same one.

use std::collections::TryReserveError;

/// A longest common subsequence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lcs {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The pieces of which it consists, the last one first.
    pub matches: Vec<LcsMatch>,
}

/// A piece that stands in both strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LcsMatch {
    /// Where it begins in the first string.
    pub a_start: usize,
    /// Where it begins in the second string.
    pub b_start: usize,
    /// Its length in bytes.
    pub len: usize,
}

/// The bytes of memory that [`Lcs::of`] takes for a while.
pub fn lcs_table_bytes(a_len: usize, b_len: usize) -> u128 {
    (a_len as u128 + 1) * (b_len as u128 + 1) * size_of::<u32>() as u128
}

impl Lcs {
    /// Finds one.
    ///
    /// # Errors
    /// If there is no memory for the table.
    pub fn of(a: &[u8], b: &[u8]) -> Result<Self, TryReserveError> {
        let table = Table::of(a, b)?;
        let mut lcs = Self::default();
        let (mut i, mut j) = (a.len(), b.len());
        // where the piece begins that is being walked through
        let mut piece: Option<LcsMatch> = None;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                lcs.bytes.push(a[i]);
                let len = piece.map_or(0, |piece| piece.len) + 1;
                piece = Some(LcsMatch {
                    a_start: i,
                    b_start: j,
                    len,
                });
            } else {
                lcs.matches.extend(piece.take());
                if table.at(i - 1, j) > table.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        lcs.matches.extend(piece);
        lcs.bytes.reverse();
        Ok(lcs)
    }
}

/// The lengths for all pairs of prefixes.
struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    fn of(a: &[u8], b: &[u8]) -> Result<Self, TryReserveError> {
        let width = b.len() + 1;
        let mut cells = Vec::new();
        cells.try_reserve_exact((a.len() + 1) * width)?;
        cells.resize((a.len() + 1) * width, 0);
        let mut rows = cells.chunks_exact_mut(width);
        let mut above = rows.next().unwrap_or_default();
        for (&byte, row) in a.iter().zip(rows) {
            let mut left = 0;
            for j in 1..width {
                left = if byte == b[j - 1] {
                    above[j - 1] + 1
                } else {
                    left.max(above[j])
                };
                row[j] = left;
            }
            above = row;
        }
        Ok(Self { cells, width })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, subsequence: &str, pieces: &[(usize, usize, usize)]) {
        let lcs = Lcs::of(a.as_bytes(), b.as_bytes()).unwrap_or_default();
        let found: Vec<_> = lcs
            .matches
            .iter()
            .map(|m| (m.a_start, m.b_start, m.len))
            .collect();
        assert_eq!(
            (
                String::from_utf8_lossy(&lcs.bytes).as_ref(),
                found.as_slice()
            ),
            (subsequence, pieces)
        );
    }

    #[test]
    fn subsequences_and_their_pieces() {
        check("ohmytext", "mynewtext", "mytext", &[(4, 5, 4), (2, 0, 2)]);
        check("", "abc", "", &[]);
        check("abc", "abc", "abc", &[(0, 0, 3)]);
        check("abc", "xyz", "", &[]);
        check("ab", "ba", "b", &[(1, 0, 1)]);
        check("xaxbx", "ab", "ab", &[(3, 1, 1), (1, 0, 1)]);
    }
}
