//! Text that stays text in Markdown, inside a table too.

/// Text without any meaning for Markdown; stays on its line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '&' | '~' | '#' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // A mention would call somebody: broken by a space without width.
            '@' => out.push_str("@\u{200b}"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Something typed. The fence is longer than any in the text; a table's bar is escaped.
pub(super) fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    let text = text.replace('|', "\\|").replace(['\n', '\r'], " ");
    format!("{fence}{room}{text}{room}{fence}")
}

/// A block of something typed.
pub(super) fn fenced(text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}sh\n{}\n{fence}\n", text.replace(['\n', '\r'], " "))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_text_means_anything() {
        assert_eq!(escape("a|b *c* <d> @me\n# e"), "a\\|b \\*c\\* \\<d> @\u{200b}me \\# e");
    }

    #[test]
    fn fences_are_longer_than_those_inside() {
        assert_eq!(code("a >= b"), "`a >= b`");
        assert_eq!(code("`x``y|"), "``` `x``y\\| ```");
        assert_eq!(fenced("```"), "````sh\n```\n````\n");
    }
}
