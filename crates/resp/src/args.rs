//! The arguments of a request, where they lie: slices of the bytes that were read, and nothing copied.

use std::ops::Index;

/// Where an argument lies, relative to the start of its request's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The arguments of one request, the name of the command first. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    pub(crate) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Args { bytes, spans }
    }

    /// How many there are; a request has at least one.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True only for what [`Args::from`] cut away.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans
            .get(index)
            .map(|span| &self.bytes[span.start..span.end])
    }

    /// The arguments from `first` on; none where `first` lies past the end.
    pub fn from(&self, first: usize) -> Args<'a> {
        let spans = self.spans.get(first..).unwrap_or(&[]);
        Args {
            bytes: self.bytes,
            spans,
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter {
            bytes: self.bytes,
            spans: self.spans.iter(),
        }
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.end]
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

/// Iterator over [`Args`].
#[derive(Debug, Clone)]
pub struct ArgsIter<'a> {
    bytes: &'a [u8],
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.spans
            .next()
            .map(|span| &self.bytes[span.start..span.end])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}

impl<'a> DoubleEndedIterator for ArgsIter<'a> {
    fn next_back(&mut self) -> Option<&'a [u8]> {
        self.spans
            .next_back()
            .map(|span| &self.bytes[span.start..span.end])
    }
}
