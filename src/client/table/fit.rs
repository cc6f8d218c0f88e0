//! Texts in the room that there is for them on a terminal.

/// How many columns of a terminal a text takes.
pub(super) fn columns(text: &str) -> usize {
    // Nearly all texts are of ASCII.
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().map(columns_of).sum(),
    }
}

/// How many a character takes: two those of East Asia and pictures, none those that stand
/// above or below others (the large blocks of wcwidth(3)).
fn columns_of(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// A text as far as there is room for it, with `…` where it is cut.
pub(super) fn push_cut(line: &mut String, text: &str, room: usize) {
    if columns(text) <= room {
        line.push_str(text);
    } else {
        push_start(line, text, room.saturating_sub(1));
        line.push('…');
    }
}

/// As many characters of the start of a text as there is room for.
fn push_start(line: &mut String, text: &str, mut room: usize) {
    for c in text.chars() {
        let Some(left) = room.checked_sub(columns_of(c)) else {
            return;
        };
        line.push(c);
        room = left;
    }
}

/// A name without its middle: what tells several apart is often at the end.
pub(super) fn push_shortened(line: &mut String, name: &str, room: usize) {
    let end = room / 2;
    push_start(line, name, room - end - 1);
    line.push('…');
    let mut skip = columns(name).saturating_sub(end);
    for c in name.chars() {
        match skip {
            0 => line.push(c),
            _ => skip = skip.saturating_sub(columns_of(c)),
        }
    }
}

/// A text, broken at blanks so that it fits; what follows stands further in. A word that
/// is too long for a line is left to the terminal, for whoever copies it.
pub(in super::super) fn push_broken(lines: &mut String, text: &str, room: usize) {
    if columns(text) <= room {
        lines.push_str(text);
        return;
    }
    let inward = text.len() - text.trim_start().len() + 4;
    let mut column = 0;
    for word in text.split_inclusive(' ') {
        let width = columns(word.trim_end());
        if column + width > room && column > inward {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            (0..inward).for_each(|_| lines.push(' '));
            column = inward;
        }
        lines.push_str(word);
        column += columns(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(push: fn(&mut String, &str, usize), text: &str, room: usize) -> String {
        let mut line = String::new();
        push(&mut line, text, room);
        line
    }

    #[test]
    fn characters_are_as_wide_as_a_terminal_shows_them() {
        for (text, expected) in [
            ("web", 3),
            ("größer", 6),
            ("日本語", 6),
            ("e\u{301}", 1),
            ("…→", 2),
        ] {
            assert_eq!(columns(text), expected, "{text}");
        }
        assert_eq!(of(push_cut, "日本語", 5), "日本…");
        assert_eq!(of(push_cut, "日本語", 4), "日…");
        assert_eq!(of(push_cut, "日本語", 6), "日本語");
    }

    #[test]
    fn a_name_keeps_its_start_and_its_end() {
        assert_eq!(
            of(push_shortened, "a-name-of-some-length:12", 12),
            "a-nam…gth:12"
        );
        for room in 1..24 {
            let short = of(push_shortened, "a-name-of-some-length:12", room);
            assert_eq!(columns(&short), room, "{short}");
        }
    }

    #[test]
    fn a_text_is_broken_between_its_words() {
        assert_eq!(of(push_broken, "  one two three", 80), "  one two three");
        assert_eq!(
            of(push_broken, "  one two three", 12),
            "  one two\n      three"
        );
        assert_eq!(of(push_broken, "a averylongword", 8), "a averylongword");
        assert_eq!(
            of(push_broken, "some averylongword b", 9),
            "some\n    averylongword\n    b"
        );
    }
}
