//! Text and an automaton come in, whether the one is taken by the other goes out: regular expressions, made when the
//! bundle was compiled.
//!
//! An automaton is a sequence of words that begins with [`AUTOMATON`], where a pattern would begin with a character. It
//! reads a text byte by byte and never goes back, so an answer takes time in proportion to the text.

/// What a pattern begins with that is an automaton.
pub const AUTOMATON: u32 = u32::MAX - 2;
/// Words that hold the class of each byte, four to a word.
const MAP: usize = 64;

/// An automaton in its words: `[AUTOMATON, length of the text, the text, classes, states, map, transitions, accepting]`,
/// where transitions are a row of classes for each state, the first state is where reading begins, and the last part has
/// a bit for each state.
#[derive(Debug, Clone, Copy)]
pub struct Automaton<'w> {
    text: &'w [u32],
    classes: usize,
    states: usize,
    map: &'w [u32],
    transitions: &'w [u32],
    accepting: &'w [u32],
}

impl<'w> Automaton<'w> {
    /// Tells its parts apart. `None` of what is no automaton, or not of its length.
    #[must_use]
    pub fn new(words: &'w [u32]) -> Option<Self> {
        let (length, rest) = match words {
            [AUTOMATON, length, rest @ ..] => (*length as usize, rest),
            _ => return None,
        };
        let (text, rest) = rest.split_at_checked(length)?;
        let [classes, states, rest @ ..] = rest else {
            return None;
        };
        let (classes, states) = (*classes as usize, *states as usize);
        let (map, rest) = rest.split_at_checked(MAP)?;
        let (transitions, accepting) = rest.split_at_checked(classes.checked_mul(states)?)?;
        (states > 0 && accepting.len() == states.div_ceil(32)).then_some(Self {
            text,
            classes,
            states,
            map,
            transitions,
            accepting,
        })
    }

    /// Whether every class and every state that it names is there: to be asked once, before it reads anything.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let classes = self.map.iter().flat_map(|word| word.to_le_bytes());
        let mut states = self.transitions.iter();
        classes.into_iter().all(|class| usize::from(class) < self.classes)
            && states.all(|state| (*state as usize) < self.states)
            && self.text.iter().all(|letter| char::from_u32(*letter).is_some())
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.iter().filter_map(|letter| char::from_u32(*letter)).collect()
    }

    /// How many states it has. They are numbered from 0 on, where reading begins.
    #[must_use]
    pub fn states(&self) -> u32 {
        u32::try_from(self.states).unwrap_or(u32::MAX)
    }

    /// Where it is after one more byte. `None` only of an automaton that is not sound.
    #[inline]
    #[must_use]
    pub fn step(&self, state: u32, byte: u8) -> Option<u32> {
        let word = self.map.get(usize::from(byte >> 2))?;
        let class = word >> (8 * u32::from(byte & 3)) & 0xff;
        self.transitions
            .get(state as usize * self.classes + class as usize)
            .copied()
    }

    /// Whether a text that ends here is taken.
    #[inline]
    #[must_use]
    pub fn accepts(&self, state: u32) -> bool {
        let word = self.accepting.get(state as usize / 32).copied().unwrap_or(0);
        word >> (state % 32) & 1 == 1
    }

    /// Whether it takes a text. `None` only of an automaton that is not sound.
    #[must_use]
    pub fn takes(&self, text: &str) -> Option<bool> {
        let end = text.bytes().try_fold(0, |state, byte| self.step(state, byte))?;
        Some(self.accepts(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a text with an `a` in it.
    fn words() -> Vec<u32> {
        let mut map = [0u8; 256];
        map[usize::from(b'a')] = 1;
        let map = map
            .chunks(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        let mut words = vec![AUTOMATON, 1, u32::from('a'), 2, 2];
        words.extend(map);
        words.extend([0, 1, 1, 1, 0b10]);
        words
    }

    #[test]
    fn it_reads_a_text_to_its_end() {
        let words = words();
        let automaton = Automaton::new(&words).unwrap();
        assert!(automaton.is_sound());
        assert_eq!(automaton.text(), "a");
        for (text, takes) in [("", false), ("a", true), ("bab", true), ("bb", false), ("é", false)] {
            assert_eq!(automaton.takes(text), Some(takes), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_or_names_what_is_not_there_is_told() {
        let whole = words();
        for end in 0..whole.len() {
            assert!(Automaton::new(&whole[..end]).is_none(), "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(Automaton::new(&longer).is_none());
        let sound = |at: usize, word: u32| {
            let mut words = whole.clone();
            words[at] = word;
            Automaton::new(&words).is_some_and(|automaton| automaton.is_sound())
        };
        // A state, a class and a letter that there are none of.
        assert!(!sound(whole.len() - 2, 2));
        assert!(!sound(5, 2));
        assert!(!sound(2, 0xd800));
        assert!(sound(whole.len() - 2, 0));
    }
}
