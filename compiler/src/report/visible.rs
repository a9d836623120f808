//! Text that somebody else wrote, made fit to be shown: nothing in it can move the cursor, hide or reorder letters.
//!
//! In: any string. Out: one line in which every character that would not be seen stands as an escape.

use std::fmt::Write as _;

/// As much of one message or label as anybody reads; picked by gut feeling. JSON carries the whole.
const LONGEST: usize = 600;

/// One line for a terminal: control, bidirectional and other invisible characters escaped, what is too long cut.
pub(crate) fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        push(&mut shown, character);
    }
    shown
}

/// Several lines for a terminal: as [`line`], but line breaks stay.
pub(crate) fn lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// One character, escaped where it would not be seen.
pub(crate) fn push(shown: &mut String, character: char) {
    match character {
        '\t' => shown.push_str("\\t"),
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        _ if is_hidden(character) => {
            // Writing to a `String` cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        }
        _ => shown.push(character),
    }
}

/// JSON, whose text `serde_json` made, with every character escaped that a terminal would not show. Such a
/// character can only stand within a string, so the meaning stays.
pub(crate) fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n' || !is_hidden(character) {
            shown.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

/// Controls, format characters (bidirectional ones among them), fillers, tags, variation selectors, and every
/// space but the plain one. After Unicode's `Default_Ignorable_Code_Point`, `Bidi_Control` and `White_Space`.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_rewrite_the_terminal_is_escaped() {
        assert_eq!(line("a\u{1b}[2Jb\rc\nd\te"), r"a\u{1b}[2Jb\rc\nd\te");
        assert_eq!(
            line("\u{202e}drawkcab\u{2069}\u{200b}\u{feff}\u{a0}\u{e0041}\u{9b}"),
            r"\u{202e}drawkcab\u{2069}\u{200b}\u{feff}\u{a0}\u{e0041}\u{9b}"
        );
    }

    #[test]
    fn letters_of_any_script_stay() {
        for text in ["größer", "политика", "政策", "سياسة", "😀"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let shown = line(&"é".repeat(LONGEST + 1));
        assert_eq!(shown.chars().count(), LONGEST + 1);
        assert!(shown.ends_with("é…"));
    }

    proptest! {
        #[test]
        fn json_means_the_same_and_shows_everything(text in any::<String>()) {
            let made = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!made.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&made).unwrap(), text);
        }

        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(is_hidden));
        }
    }
}
