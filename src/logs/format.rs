//! What a line looks like where it goes (LOG-2).
//!
//! Both formats make a line of their own of every part, so that whatever is put between
//! two of them, no two programs share a line. All lines of one read have the same time,
//! and the part of an object in front of the message is made once for all of them.

use super::frame::{Ending, Part, Parts, goes_on};
use super::message::Channel;
use super::object;
use super::output::Output;

/// Who writes, as JSON tells it.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The program's name.
    pub program: &'a str,
    /// The leader's pid.
    pub pid: u32,
    /// To which descriptor.
    pub channel: Channel,
    /// When it was read, in microseconds since 1970.
    pub micros: u64,
}

/// What is in front of the lines of a program; in a colour of its name where it goes to a
/// terminal.
#[must_use]
pub fn prefix_of(program: &str, in_colour: bool) -> String {
    if !in_colour {
        return [program, " | "].concat();
    }
    // FNV-1a, for that it is short: a name has the same colour in every life.
    let hash = program.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    // Red to cyan.
    let colour = ["31", "32", "33", "34", "35", "36"]
        .get(hash as usize % 6)
        .unwrap_or(&"36");
    ["\x1b[", colour, "m", program, " |\x1b[0m "].concat()
}

/// Appends lines with this in front, until `out` has `most` bytes or there are no more
/// lines.
pub fn prefixed(out: &mut Output, parts: &mut Parts<'_>, prefix: &[u8], most: usize) {
    while out.len() < most {
        let Some(part) = parts.next() else {
            break;
        };
        out.add(prefix);
        out.add(part.whole);
        if part.ending != Ending::Newline {
            out.push(b'\n');
        }
    }
}

/// Of how many parts of a long line one was told.
///
/// The parts have the fields that Docker's log drivers give them, and with which Fluent
/// Bit and others put them together again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Split {
    /// How many long lines there were.
    lines: u64,
    /// How many parts of the one that goes on were told.
    parts: u32,
}

impl Split {
    /// Appends what is to be said of this part.
    fn describe(&mut self, out: &mut Output, writer: &Writer<'_>, ending: Ending) {
        let goes_on = ending == Ending::Cut;
        if self.parts == 0 {
            self.lines += 1;
        }
        self.parts += 1;
        let (pid, channel, line) = (writer.pid, writer.channel.name(), self.lines);
        object::text(out, "partial_message", b"true");
        object::text(
            out,
            "partial_id",
            format!("{pid}-{channel}-{line}").as_bytes(),
        );
        object::text(out, "partial_ordinal", self.parts.to_string().as_bytes());
        let is_last: &[u8] = if goes_on { b"false" } else { b"true" };
        object::text(out, "partial_last", is_last);
        if !goes_on {
            self.parts = 0;
        }
    }
}

/// Appends an object for each line, until `out` has `most` bytes or there are no more lines.
/// Without `split` a part of a long line only says that it goes on (`"partial":true`): who
/// asks for what is kept may begin in the middle of it.
pub fn objects(
    out: &mut Output,
    parts: &mut Parts<'_>,
    writer: &Writer<'_>,
    mut split: Option<&mut Split>,
    most: usize,
) {
    let mut front = Output::new();
    let (program, stream) = (writer.program, writer.channel.name());
    object::begin(&mut front, writer.micros, program, writer.pid, stream);
    let plain_front = front.len();
    object::open(&mut front, "message");
    let front = front.bytes();
    let is_for_client = split.is_none();
    while out.len() < most {
        let Some(Part { bytes, ending, .. }) = parts.next() else {
            break;
        };
        let split = split.as_deref_mut();
        match split.filter(|split| split.parts > 0 || ending == Ending::Cut) {
            None if is_for_client && goes_on(bytes, ending) => {
                out.add(front.get(..plain_front).unwrap_or_default());
                out.add(b",\"partial\":true");
                object::open(out, "message");
            }
            None => out.add(front),
            Some(split) => {
                out.add(front.get(..plain_front).unwrap_or_default());
                split.describe(out, writer, ending);
                object::open(out, "message");
            }
        }
        // "\r\n" is one end of a line, as containerd takes it, and no text.
        let message = match ending {
            Ending::Newline => bytes.strip_suffix(b"\r").unwrap_or(bytes),
            Ending::Cut | Ending::Nothing => bytes,
        };
        object::escape(out, message);
        out.add(b"\"}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::MOST;
    use super::*;
    use serde_json::Value;

    const WEB: Writer<'_> = Writer {
        program: "web",
        pid: 7,
        channel: Channel::Stderr,
        micros: 0,
    };

    /// All lines of a stream as objects, formatted in pieces.
    fn told(stream: &[u8], is_end: bool, split: &mut Split) -> Vec<Value> {
        let mut lines = Vec::new();
        let mut parts = Parts::new(stream, is_end);
        while !parts.rest().is_empty() {
            let mut out = Output::new();
            objects(&mut out, &mut parts, &WEB, Some(split), 4096);
            assert!(out.len() < 4096 + MOST + 200, "{}", out.len());
            lines.extend(
                out.bytes()
                    .split_inclusive(|byte| *byte == b'\n')
                    .map(<[u8]>::to_vec),
            );
        }
        let objects = lines
            .iter()
            .map(|line: &Vec<u8>| serde_json::from_slice(line).unwrap());
        objects.collect()
    }

    #[test]
    fn log_2_every_line_has_the_name_in_front_and_a_last_one_gets_its_newline() {
        let mut out = Output::new();
        let prefix = prefix_of("web", false);
        let mut parts = Parts::new(b"one\n\n\xfftwo\r\nlast", true);
        prefixed(&mut out, &mut parts, prefix.as_bytes(), usize::MAX);
        assert_eq!(
            out.bytes(),
            b"web | one\nweb | \nweb | \xfftwo\r\nweb | last\n"
        );
    }

    #[test]
    fn log_2_a_name_has_one_colour_of_six() {
        let mut colours = Vec::new();
        for name in ["web", "worker", "cron", "db", "cache", "mail", "queue", "a"] {
            let text = prefix_of(name, true);
            assert_eq!(text, prefix_of(name, true));
            assert!(text.ends_with(&format!("m{name} |\x1b[0m ")), "{text:?}");
            colours.push(text[..5].to_string());
        }
        colours.sort();
        colours.dedup();
        assert!(colours.len() > 2, "{colours:?}");
    }

    #[test]
    fn log_2_an_object_a_line_in_the_order_of_the_fields() {
        let mut out = Output::new();
        let mut parts = Parts::new(b"a \"b\"\r\n\xff\n", false);
        let split = &mut Split::default();
        objects(&mut out, &mut parts, &WEB, Some(split), usize::MAX);
        let front = r#"{"time":"1970-01-01T00:00:00.000000Z","program":"web","pid":7,"stream":"stderr","message":"#;
        let expected = format!("{front}\"a \\\"b\\\"\"}}\n{front}\"\u{fffd}\"}}\n");
        assert_eq!(String::from_utf8(out.bytes().to_vec()).unwrap(), expected);
    }

    #[test]
    fn log_3_the_parts_of_a_long_line_say_that_they_are_and_which() {
        let mut split = Split::default();
        let part = vec![b'x'; MOST];
        // As two reads bring it.
        let mut lines = told(&part, false, &mut split);
        lines.extend(told(&part, false, &mut split));
        lines.extend(told(b"x\nshort\n", false, &mut split));
        assert_eq!(lines.len(), 4);
        for (index, last) in [(0, "false"), (1, "false"), (2, "true")] {
            let line = &lines[index];
            assert_eq!(line["partial_message"], "true");
            assert_eq!(line["partial_id"], "7-stderr-1");
            assert_eq!(line["partial_ordinal"], (index + 1).to_string());
            assert_eq!(line["partial_last"], last);
        }
        assert_eq!(lines[3].get("partial_message"), None);
        assert_eq!(lines[3]["message"], "short");
        // The end of the stream is the end of the line.
        let lines = told(&[b'y'; MOST + 1], true, &mut split);
        assert_eq!(lines[1]["partial_id"], "7-stderr-2");
        assert_eq!(lines[1]["partial_last"], "true");
    }

    #[test]
    fn what_is_formatted_at_once_is_bounded_and_nothing_is_left_out() {
        let stream = vec![b'\n'; 64 * 1024];
        let lines = told(&stream, false, &mut Split::default());
        assert_eq!(lines.len(), stream.len());
    }
}
