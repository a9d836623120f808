//! The table's arrays as the sections of a bundle: little-endian words, one section an array.

use std::collections::BTreeMap;

use super::{Index, TableData, TableError};

/// Sections by name.
pub type Sections = BTreeMap<String, Vec<u8>>;

/// Calls a macro with every array and the number of words of its records.
macro_rules! arrays {
    ($apply:ident) => {
        $apply! {
            organization, deployments, placements, given, environments, rings, tools, actions, variants, parameters,
            classes, people, fragments, pieces, cells, entries, nodes, terms, constants, kills, approvals, requirements, rules,
        }
    };
}

/// Calls a macro with every index.
macro_rules! indexes {
    ($apply:ident) => {
        $apply! { deployment_index, environment_index, action_index, class_index, person_index }
    };
}

impl TableData {
    /// The arrays as sections. Every array has one, empty or not; programs have theirs only where there are some, so that
    /// a runtime which knows of none refuses them.
    pub fn to_sections(&self) -> Sections {
        let mut sections = Sections::new();
        sections.insert(spelled("string_text"), self.string_text.clone().into_bytes());
        sections.insert(spelled("string_offsets"), bytes(self.string_offsets.iter()));
        sections.insert(spelled("words"), bytes(self.words.iter()));
        macro_rules! put {
            ($($name:ident),* $(,)?) => {$( sections.insert(spelled(stringify!($name)), bytes(self.$name.as_flattened().iter())); )*};
        }
        arrays!(put);
        macro_rules! put_index {
            ($($name:ident),*) => {$(
                let [low, high] = super::split(self.$name.seed.cast_signed());
                sections.insert(spelled(stringify!($name)), bytes([low, high].iter().chain(&self.$name.slots)));
            )*};
        }
        indexes!(put_index);
        if !self.programs.is_empty() {
            sections.insert(spelled("programs"), bytes(self.programs.as_flattened().iter()));
            sections.insert(spelled("program_bytes"), self.program_bytes.clone());
        }
        sections
    }

    /// The arrays from sections, which must be exactly those that [`Self::to_sections`] makes.
    ///
    /// # Errors
    /// A section is missing, unknown, or not a whole number of records.
    pub fn from_sections(sections: &BTreeMap<&str, &[u8]>) -> Result<Self, TableError> {
        let broken = |section, fault| TableError::Record {
            section,
            record: 0,
            fault,
        };
        let find = |name: &'static str| {
            sections
                .get(spelled(name).as_str())
                .copied()
                .ok_or_else(|| broken(name, "the section is missing"))
        };
        let mut data = Self::default();
        let text = std::str::from_utf8(find("string_text")?).map_err(|_| broken("string_text", "it is not UTF-8"))?;
        data.string_text = text.to_owned();
        let whole = |name| move |bytes| words(bytes).ok_or_else(|| broken(name, "it is not a whole number of records"));
        data.string_offsets = find("string_offsets").and_then(whole("string_offsets"))?;
        data.words = find("words").and_then(whole("words"))?;
        let mut known = 3;
        macro_rules! take {
            ($($name:ident),* $(,)?) => {$(
                let name = stringify!($name);
                data.$name = records(find(name)?).ok_or_else(|| broken(name, "it is not a whole number of records"))?;
                known += 1;
            )*};
        }
        arrays!(take);
        macro_rules! take_index {
            ($($name:ident),*) => {$(
                let name = stringify!($name);
                let all: Vec<u32> = find(name).and_then(whole(name))?;
                let [low, high, slots @ ..] = all.as_slice() else { return Err(broken(name, "the seed is missing")) };
                data.$name = Index { seed: super::join(*low, *high).cast_unsigned(), slots: slots.to_vec() };
                known += 1;
            )*};
        }
        indexes!(take_index);
        if sections.contains_key("programs") {
            data.programs =
                records(find("programs")?).ok_or_else(|| broken("programs", "it is not a whole number of records"))?;
            data.program_bytes = find("program_bytes")?.to_vec();
            known += 2;
            if data.programs.is_empty() {
                return Err(broken("programs", "it is empty"));
            }
        }
        if sections.len() == known {
            Ok(data)
        } else {
            Err(broken("", "there is a section that no table has"))
        }
    }
}

/// An array's name as a section's.
fn spelled(name: &str) -> String {
    name.replace('_', "-")
}

fn bytes<'w>(words: impl Iterator<Item = &'w u32>) -> Vec<u8> {
    words.flat_map(|word| word.to_le_bytes()).collect()
}

fn words(bytes: &[u8]) -> Option<Vec<u32>> {
    let (words, rest) = bytes.as_chunks::<4>();
    rest.is_empty()
        .then(|| words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

/// In one pass: a bundle has millions of words.
fn records<const N: usize>(bytes: &[u8]) -> Option<Vec<[u32; N]>> {
    let (words, []) = bytes.as_chunks::<4>() else {
        return None;
    };
    let (records, []) = words.as_chunks::<N>() else {
        return None;
    };
    Some(records.iter().map(|record| record.map(u32::from_le_bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_read_back_as_the_arrays_that_were_written() {
        let data = TableData {
            string_offsets: vec![0, 3],
            string_text: "abc".into(),
            rules: vec![[1, 2, 3, 4, 5, 6, 7, 8]],
            person_index: Index {
                seed: u64::MAX - 1,
                slots: vec![0, 1],
            },
            programs: vec![[0, 0, 2, 2, 1]],
            program_bytes: vec![1, 2, 3],
            ..TableData::default()
        };
        let sections = data.to_sections();
        let none = TableData {
            programs: Vec::new(),
            program_bytes: Vec::new(),
            ..data.clone()
        };
        assert_eq!(none.to_sections().len() + 2, sections.len());
        let borrowed: BTreeMap<&str, &[u8]> = sections.iter().map(|(k, v)| (k.as_str(), v.as_slice())).collect();
        assert_eq!(TableData::from_sections(&borrowed), Ok(data));
        let mut less = borrowed.clone();
        less.remove("rules");
        assert!(TableData::from_sections(&less).is_err());
        let mut more = borrowed.clone();
        more.insert("more", &[]);
        assert!(TableData::from_sections(&more).is_err());
        let mut torn = borrowed;
        torn.insert("rules", &[1, 2, 3]);
        assert!(TableData::from_sections(&torn).is_err());
    }
}
