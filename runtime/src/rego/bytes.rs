//! The form of a serialised program, as far as it must be known before the engine decodes it: its version, and that
//! its constants are not nested so deeply that decoding them would take all the stack.
//!
//! The layout is that of `regorus::rvm::Program::serialize_binary` in version 6: magic, version, four lengths, a flag,
//! then four sections, of which the third (constants) and the fourth (the tree of rules) hold nested values in
//! postcard's encoding.

use super::{MAX_NESTING, ProgramFault};

/// The version that is read.
pub(super) const VERSION: u32 = regorus::rvm::Program::SERIALIZATION_VERSION;

/// What stands before the four sections.
const HEADER: usize = 25;

/// Checks the header, and the nesting of every constant.
pub(super) fn check(code: &[u8]) -> Result<(), ProgramFault> {
    let broken = |why: &str| ProgramFault::Broken(why.to_owned());
    if !code.starts_with(&regorus::rvm::Program::MAGIC) {
        return Err(broken("it does not begin as a program does"));
    }
    let word = |at: usize| {
        code.get(at..)?
            .first_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes))
    };
    let found = word(4).ok_or_else(|| broken("it is cut off"))?;
    if found != VERSION {
        return Err(ProgramFault::Version { found, known: VERSION });
    }
    let lengths = [8, 12, 16, 20].map(|at| word(at).map(|length| length as usize));
    let mut rest = code.get(HEADER..).ok_or_else(|| broken("it is cut off"))?;
    let mut sections = Vec::new();
    for length in lengths {
        let split = length.and_then(|length| rest.split_at_checked(length));
        let (section, after) = split.ok_or_else(|| broken("it is cut off"))?;
        sections.push(section);
        rest = after;
    }
    let sound = match *sections.as_slice() {
        [_, _, constants, tree] => {
            let mut reader = Reader(constants);
            let many = reader.number();
            many.is_some_and(|many| reader.values(many)) && Reader(tree).values(1)
        }
        _ => false,
    };
    if sound {
        Ok(())
    } else {
        Err(broken("a constant is cut off, or nested too deeply"))
    }
}

/// Walks values without making them.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    /// So many values, and what they hold.
    fn values(&mut self, many: u64) -> bool {
        // Of each level, how many values are still to come.
        let mut open = vec![many];
        while let Some(left) = open.last_mut() {
            let Some(less) = left.checked_sub(1) else {
                open.pop();
                continue;
            };
            *left = less;
            match self.value() {
                Some(0) => {}
                Some(children) if open.len() < MAX_NESTING => open.push(children),
                _ => return false,
            }
        }
        true
    }

    /// One value without what it holds; gives how many values that are.
    fn value(&mut self) -> Option<u64> {
        match self.number()? {
            // Null, undefined.
            0 | 7 => Some(0),
            1 => self.skip(1),
            // Numbers as text, strings.
            2 | 3 => {
                let length = self.number()?;
                self.skip(length)
            }
            // Arrays, sets.
            4 | 5 => self.number(),
            // Objects: a key and a value each.
            6 => self.number()?.checked_mul(2),
            // 64-bit integers.
            8 | 9 => self.number().map(|_| 0),
            10 => self.skip(8),
            _ => None,
        }
    }

    fn skip(&mut self, bytes: u64) -> Option<u64> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(0)
    }

    /// A number of seven bits a byte, lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
