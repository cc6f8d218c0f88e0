//! A command in one string, split into words as a POSIX shell splits them.
//!
//! Quotes and backslashes, nothing more: no variables, no globs, no comments. A
//! `${…}` is left whole, blanks and quotes in it included, for [`super::expand`],
//! which comes after this, so that a value with blanks stays one word.

/// Why a text cannot be split.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unsplittable {
    /// The quote that begins at this byte has no end.
    Quote(usize),
    /// The backslash at the end has nothing to escape.
    Backslash(usize),
}

/// The words of a text, each with whether any of it was quoted.
pub(super) fn split(text: &str) -> Result<Vec<(String, bool)>, Unsplittable> {
    let mut splitter = Splitter {
        rest: text.char_indices().peekable(),
        words: Vec::new(),
        word: None,
    };
    splitter.run()?;
    Ok(splitter.words)
}

struct Splitter<'a> {
    rest: std::iter::Peekable<std::str::CharIndices<'a>>,
    words: Vec<(String, bool)>,
    /// The word that is being read, if one has begun.
    word: Option<(String, bool)>,
}

impl Splitter<'_> {
    fn run(&mut self) -> Result<(), Unsplittable> {
        while let Some((at, c)) = self.rest.next() {
            match c {
                ' ' | '\t' | '\n' | '\r' => self.words.extend(self.word.take()),
                '\'' => self.single_quoted(at)?,
                '"' => self.double_quoted(at)?,
                '\\' => match self.rest.next() {
                    // A line that goes on on the next one.
                    Some((_, '\n')) => {}
                    Some((_, escaped)) => self.push(escaped, true),
                    None => return Err(Unsplittable::Backslash(at)),
                },
                '$' => self.dollar(false),
                c => self.push(c, false),
            }
        }
        self.words.extend(self.word.take());
        Ok(())
    }

    fn push(&mut self, c: char, is_quoted: bool) {
        let word = self.word.get_or_insert_default();
        word.0.push(c);
        word.1 |= is_quoted;
    }

    /// Begins a word even if nothing follows: `""` is one.
    fn begin(&mut self) {
        self.word.get_or_insert_default().1 = true;
    }

    fn single_quoted(&mut self, start: usize) -> Result<(), Unsplittable> {
        self.begin();
        loop {
            match self.rest.next() {
                Some((_, '\'')) => return Ok(()),
                Some((_, c)) => self.push(c, true),
                None => return Err(Unsplittable::Quote(start)),
            }
        }
    }

    fn double_quoted(&mut self, start: usize) -> Result<(), Unsplittable> {
        self.begin();
        loop {
            match self.rest.next() {
                Some((_, '"')) => return Ok(()),
                Some((_, '$')) => self.dollar(true),
                Some((_, '\\')) => match self.rest.next() {
                    Some((_, '\n')) => {}
                    Some((_, c @ ('"' | '\\' | '$' | '`'))) => self.push(c, true),
                    Some((_, c)) => {
                        self.push('\\', true);
                        self.push(c, true);
                    }
                    None => return Err(Unsplittable::Quote(start)),
                },
                Some((_, c)) => self.push(c, true),
                None => return Err(Unsplittable::Quote(start)),
            }
        }
    }

    /// Takes a `${…}` as it is; `$$` is no beginning of one.
    fn dollar(&mut self, is_quoted: bool) {
        self.push('$', is_quoted);
        match self.rest.peek() {
            Some((_, '$')) => {
                self.rest.next();
                self.push('$', is_quoted);
            }
            Some((_, '{')) => {
                while let Some((_, c)) = self.rest.next() {
                    self.push(c, is_quoted);
                    if c == '}' {
                        break;
                    }
                }
            }
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let words = split(text).unwrap();
        words.into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            (" \t\n", &[]),
            ("a  b\tc\nd", &["a", "b", "c", "d"]),
            ("'a b' \"c d\"", &["a b", "c d"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("'' \"\"", &["", ""]),
            (r"a\ b \\ \'", &["a b", r"\", "'"]),
            (r#""\" \\ \$ \n""#, &[r#"" \ $ \n"#]),
            (r"'\n'", &[r"\n"]),
            ("a\\\nb", &["ab"]),
            ("a # b", &["a", "#", "b"]),
            ("\"a\\\nb\"", &["ab"]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_variable_stays_whole() {
        assert_eq!(words("${A:-b c} d"), ["${A:-b c}", "d"]);
        assert_eq!(words("\"${A:-\"b\"}\" d"), ["${A:-\"b\"}", "d"]);
        assert_eq!(words("$${A b}"), ["$${A", "b}"]);
        assert_eq!(words("$A '$ {'"), ["$A", "$ {"]);
        assert_eq!(words("${A b"), ["${A b"]);
    }

    #[test]
    fn what_has_no_end_is_refused_where_it_begins() {
        assert_eq!(split("é 'b"), Err(Unsplittable::Quote(3)));
        assert_eq!(split("a \"b\\"), Err(Unsplittable::Quote(2)));
        assert_eq!(split("a \\"), Err(Unsplittable::Backslash(2)));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text: String) {
            let _ = split(&text);
        }

        #[test]
        fn single_quotes_keep_everything(word in "[^']*") {
            prop_assert_eq!(words(&format!("'{word}'")), [word]);
        }
    }
}
