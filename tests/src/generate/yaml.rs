//! Strings and lists as YAML that reads as it looks: quoted wherever a plain scalar could be taken for something else.

/// A string. Plain only where no reader of any YAML could take it otherwise.
pub fn scalar(text: &str) -> String {
    let plain_start = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain_rest = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-'));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    if plain_start && plain_rest && !word {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Always in double quotes. JSON's escapes are YAML's.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A list on one line.
pub fn list<S: AsRef<str>>(entries: &[S]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| scalar(entry.as_ref())).collect();
    format!("[{}]", entries.join(", "))
}

/// A condition, in one of the ways in which people write it. `indent` is that of the key.
pub fn condition(text: &str, style: usize, indent: usize) -> String {
    let plain = text.starts_with("context") && !text.contains(": ") && !text.contains('#') && !text.ends_with(':');
    match style % 4 {
        0 if plain => text.to_owned(),
        1 => format!("|-\n{}{text}", " ".repeat(indent + 2)),
        2 => format!("'{}'", text.replace('\'', "''")),
        _ => quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_reads_back_as_itself() {
        for text in [
            "a",
            "yes",
            "1",
            "1e3",
            "*",
            "*.acme",
            "a: b",
            "a #b",
            "",
            "2026-01-01",
            "0x1",
            "a\"b\\c",
            "repo:a/*",
            "~",
            "é\n",
        ] {
            let read: serde_yaml::Value =
                serde_yaml::from_str(&format!("x: {}\ny: {}", scalar(text), list(&[text]))).unwrap();
            assert_eq!(read["x"].as_str(), Some(text));
            assert_eq!(read["y"][0].as_str(), Some(text));
            for style in 0..4 {
                let text = format!("context.x == '{text}'").replace('\n', "");
                let read: serde_yaml::Value =
                    serde_yaml::from_str(&format!("a:\n  when: {}\n", condition(&text, style, 2))).unwrap();
                assert_eq!(read["a"]["when"].as_str(), Some(text.as_str()));
            }
        }
    }
}
