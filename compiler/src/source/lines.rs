//! Byte offsets to lines and columns, for what a person reads.

/// A place as editors show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// Where each line of a text starts.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    /// The offset of each line's first byte; the first is 0.
    starts: Vec<u32>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let breaks = text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n');
        Self {
            starts: std::iter::once(0).chain(breaks.map(|(_, next)| next)).collect(),
        }
    }

    /// `None` when the offset lies beyond the text or within a character.
    pub(super) fn position(&self, text: &str, offset: u32) -> Option<Position> {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.checked_sub(1)?)?;
        let before = text.get(*start as usize..offset as usize)?;
        Some(Position {
            line: u32::try_from(line).ok()?,
            column: u32::try_from(before.chars().count()).ok()?.checked_add(1)?,
        })
    }
}
