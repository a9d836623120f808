//! The text of a `.rego` file as it decides. What decides nothing is blanked out, so that every place stays what it was: a byte-order mark, and what is printed.
//!
//! A statement `print(...)` is what OPA erases where printing is not asked for: it never fails, nor does anything that
//! stands in it. Erased before any name is looked up, it reads no argument, and so none makes the rule err.

use regorus::unstable::{Expr, Literal};

use super::module::{self, Index};
use super::parse::parse;
use super::visit;
use crate::ast::Text;
use crate::parse::MARK;
use crate::source::{FileId, Span};

/// What stands in the place of a statement, which may be the only one of its body.
const HOLDS: &[u8] = b"true";

/// The whole of a file.
pub(crate) fn of(file: FileId, text: &str) -> Text {
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let whole = Span { file, start: 0, end };
    let text = match text.strip_prefix(MARK) {
        Some(rest) => " ".repeat(MARK.len_utf8()) + rest,
        None => text.to_owned(),
    };
    let text = Text::new(text, whole);
    match silent(&text) {
        Some(silent) => Text::new(silent, whole),
        None => text,
    }
}

/// A text without what it prints; nothing where it prints nothing, or cannot be read.
fn silent(text: &Text) -> Option<String> {
    if !text.value.contains("print") {
        return None;
    }
    let module = parse(text).ok()?;
    let index = Index::new(&module);
    if index.groups.contains_key("print") || index.imports.contains_key("print") {
        return None;
    }
    let mut places = Vec::new();
    visit::queries(&module, &mut |query| {
        let statements = query.stmts.iter().filter(|stmt| stmt.with_mods.is_empty());
        for stmt in statements {
            if let Literal::Expr { expr, .. } = &stmt.literal
                && let Expr::Call { fcn, .. } = expr.as_ref()
                && module::path(fcn).is_some_and(|path| path == ["print"])
            {
                places.push(stmt.span.start as usize..stmt.span.end as usize);
            }
        }
    });
    let mut bytes = text.value.clone().into_bytes();
    for place in places {
        let said = bytes.get_mut(place)?;
        if !(said.starts_with(b"print") && said.ends_with(b")")) {
            continue;
        }
        let holds = HOLDS.iter().copied().chain(std::iter::repeat(b' '));
        for (byte, holds) in said.iter_mut().zip(holds) {
            *byte = if *byte == b'\n' { b'\n' } else { holds };
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str) -> String {
        of(FileId(0), text).value
    }

    #[test]
    fn statements_that_print_are_blanked_in_place() {
        let text =
            "package polity.p\ndeny if {\n\tprint(\"é\", [x | x := 1; print(x)],\n\t\tinput.y) # why\n\tinput.x\n}\n";
        let silent = blanked(text);
        assert_eq!(silent.len(), text.len());
        let lines: Vec<&str> = silent.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            ["package polity.p", "deny if {", "true", "# why", "input.x", "}"]
        );
        assert_eq!(
            blanked("package polity.p\ndeny if print()\nf(x) if { y := [1 | print(x)]; every z in y { print(z) } }\n"),
            "package polity.p\ndeny if true   \nf(x) if { y := [1 | true    ]; every z in y { true     } }\n"
        );
    }

    #[test]
    fn a_byte_order_mark_is_blank() {
        assert_eq!(blanked("\u{feff}package polity.p\n"), "   package polity.p\n");
        assert_eq!(blanked("package polity.p\n\u{feff}\n"), "package polity.p\n\u{feff}\n");
    }

    #[test]
    fn what_is_no_statement_or_no_builtin_stays() {
        for text in [
            "package polity.p\ndeny if x := print(1)\n",
            "package polity.p\ndeny if not print(1)\n",
            "package polity.p\ndeny if print(1) == true\n",
            "package polity.p\ndeny if print(1)\nprint(x) if x == 1\n",
            "package polity.p\nimport data.lib.print\ndeny if print(1)\n",
            "package polity.p\ndeny if \"print(1)\" == input.x # print(1)\n",
            "package polity.p\ndeny if print(\n",
        ] {
            assert_eq!(blanked(text), text);
        }
    }
}
