//! A JSON text (RFC 8259) into a value. serde_json writes ours; its reader is 20 KB of the
//! binary, and this one 2, so that it is only asked in tests, whether it agrees.

use serde_json::{Map, Number, Value};

/// How deep values may stand in each other. Ours are four deep.
const DEEPEST: u32 = 32;

/// Reads a text that is one value and nothing else.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &[u8]) -> Result<Value, &'static str> {
    let text = str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(DEEPEST)?;
    reader.skip_blanks();
    match reader.at == text.len() {
        true => Ok(value),
        false => Err("something follows the value"),
    }
}

/// The value of a number that is no whole one, to fifteen digits or so: std's reader of
/// them, exact to the last bit, is 15 KB with its tables.
fn decimal(text: &str) -> f64 {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    // An exponent of more digits than these is as good as none or all.
    let mut exponent = match exponent.parse::<i32>() {
        Ok(exponent) => exponent.clamp(-1000, 1000),
        Err(_) if exponent.starts_with('-') => -1000,
        Err(_) => 1000,
    };
    let (mut value, mut is_fraction) = (0.0, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                value = value * 10.0 + f64::from(byte - b'0');
                exponent -= i32::from(is_fraction);
            }
            b'.' => is_fraction = true,
            _ => {}
        }
    }
    while exponent != 0 && value != 0.0 {
        let step = exponent.clamp(-300, 300);
        exponent -= step;
        let mut power = 1.0;
        for _ in 0..step.abs() {
            power *= 10.0;
        }
        value = if step < 0 {
            value / power
        } else {
            value * power
        };
    }
    if digits.starts_with('-') {
        -value
    } else {
        value
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Always between two characters.
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes past this ASCII character, if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value, &'static str> {
        let depth = depth.checked_sub(1).ok_or("it is too deep")?;
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err("a value is missing"),
            None => Err("it ends too early"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, &'static str> {
        match self.rest().starts_with(word) {
            true => {
                self.at += word.len();
                Ok(value)
            }
            false => Err("a word is none of true, false and null"),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn object(&mut self, depth: u32) -> Result<Value, &'static str> {
        let mut object = Map::new();
        self.at += 1;
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Value::Object(object));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err("a name in quotes is missing");
            }
            let name = self.string()?;
            self.skip_blanks();
            if !self.take(b':') {
                return Err("a colon is missing");
            }
            let value = self.value(depth)?;
            // Which of the two was meant nobody knows.
            if object.insert(name, value).is_some() {
                return Err("a name stands there twice");
            }
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(Value::Object(object));
            }
            if !self.take(b',') {
                return Err("an object is not closed");
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<Value, &'static str> {
        let mut array = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Value::Array(array));
        }
        loop {
            array.push(self.value(depth)?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(Value::Array(array));
            }
            if !self.take(b',') {
                return Err("an array is not closed");
            }
        }
    }

    fn digits(&mut self) -> Result<(), &'static str> {
        let before = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at > before {
            true => Ok(()),
            false => Err("a digit is missing"),
        }
    }

    fn number(&mut self) -> Result<Value, &'static str> {
        let start = self.at;
        self.take(b'-');
        // Nothing follows a leading zero.
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number = if let Ok(whole) = text.parse::<u64>() {
            Some(Number::from(whole))
        } else if let Ok(whole) = text.parse::<i64>() {
            Some(Number::from(whole))
        } else {
            // What is too large for it is not finite, and no number.
            Number::from_f64(decimal(text))
        };
        number.map(Value::Number).ok_or("a number is too large")
    }

    fn string(&mut self) -> Result<String, &'static str> {
        let mut string = String::new();
        self.at += 1;
        loop {
            let rest = self.rest();
            let special = |byte: u8| byte == b'"' || byte == b'\\' || byte < b' ';
            let end = rest.bytes().position(special);
            let end = end.ok_or("a string is not closed")?;
            string.push_str(rest.get(..end).unwrap_or_default());
            self.at += end;
            if self.take(b'"') {
                return Ok(string);
            }
            if !self.take(b'\\') {
                return Err("a control character stands in a string");
            }
            string.push(self.escaped()?);
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Result<char, &'static str> {
        let byte = self.peek().ok_or("a string is not closed")?;
        let letter = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err("there is no such escape"),
        };
        self.at += 1;
        Ok(letter)
    }

    fn unicode(&mut self) -> Result<char, &'static str> {
        const WRONG: &str = "a \\u escape is no character";
        let first = self.hex().ok_or(WRONG)?;
        let code = match first {
            0xd800..0xdc00 => {
                let is_pair = self.take(b'\\') && self.take(b'u');
                let second = self.hex().filter(|_| is_pair).ok_or(WRONG)?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                0x1_0000 + ((first - 0xd800) << 10) + low.ok_or(WRONG)?
            }
            alone => alone,
        };
        char::from_u32(code).ok_or(WRONG)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
