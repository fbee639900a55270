//! Words into lines of a terminal.

/// Columns that a text takes; control sequences take none, wide characters two.
pub(super) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// The text in lines of at most `limit` columns: the first begins after `first` spaces, the
/// others after `indent`. Breaks at plain spaces only, so that numbers keep their units; a word
/// longer than a line is cut. Ends with a newline.
pub(super) fn hanging(text: &str, first: usize, indent: usize, limit: usize) -> String {
    let mut out = String::new();
    for (index, line) in lines(text, limit.saturating_sub(indent.max(first))).iter().enumerate() {
        let margin = if index == 0 { first } else { indent };
        out.push_str(&" ".repeat(margin));
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The text in lines of at most `limit` columns, at least one.
pub(super) fn lines(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in pieces(word, limit) {
            let last = lines.last_mut().expect("there is always a line to write to");
            let room = if last.is_empty() { 0 } else { width(last) + 1 };
            if room + width(&piece) > limit && !last.is_empty() {
                lines.push(piece);
            } else {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(&piece);
            }
        }
    }
    lines
}

/// A word in pieces of at most `limit` columns.
fn pieces(word: &str, limit: usize) -> Vec<String> {
    if width(word) <= limit {
        return vec![word.to_owned()];
    }
    let mut pieces = vec![String::new()];
    for letter in word.chars() {
        let last = pieces.last_mut().expect("there is always a piece to write to");
        let taken = width(last) + width(letter.encode_utf8(&mut [0; 4]));
        if taken > limit && !last.is_empty() {
            pieces.push(letter.to_string());
        } else {
            last.push(letter);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_fit() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("", 7), [""]);
    }

    #[test]
    fn a_number_keeps_its_unit() {
        assert_eq!(lines("takes 1.12\u{a0}s here", 9), ["takes", "1.12\u{a0}s", "here"]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut() {
        assert_eq!(lines("ab abcdefgh", 4), ["ab", "abcd", "efgh"]);
    }

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(width("流れ"), 4);
        assert_eq!(lines("流れ流れ", 4), ["流れ", "流れ"]);
    }
}
