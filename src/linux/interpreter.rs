//! What an executable names as its interpreter: the `#!` of a script, or the dynamic
//! linker of an ELF binary. For one error message, when that is what is missing.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::plan::Launch;

/// The beginning that is looked at. A script's line is cut at 256 by the kernel; a
/// linker writes the interpreter's name right behind the program headers.
const HEAD: usize = 4096;

/// The interpreter that this command names, where it can be read, when it is started as
/// `launch` says.
#[must_use]
pub fn named_by(launch: &Launch, argv: &[CString]) -> Option<String> {
    let file = find(launch, argv)?;
    let mut head = Vec::with_capacity(HEAD);
    let options = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(file);
    options
        .ok()?
        .take(HEAD as u64)
        .read_to_end(&mut head)
        .ok()?;
    let name = of_script(&head).or_else(|| of_elf(&head))?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// The file that execve found.
fn find(launch: &Launch, argv: &[CString]) -> Option<PathBuf> {
    let command = argv.first()?.as_bytes();
    let start = launch
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from("."));
    if command.contains(&b'/') {
        return Some(start.join(Path::new(std::ffi::OsStr::from_bytes(command))));
    }
    let path = launch
        .environment
        .iter()
        .find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="))?;
    path.split(|byte| *byte == b':')
        .map(|folder| {
            let folder = Path::new(std::ffi::OsStr::from_bytes(folder));
            start
                .join(folder)
                .join(Path::new(std::ffi::OsStr::from_bytes(command)))
        })
        .find(|file| file.exists())
}

fn of_script(head: &[u8]) -> Option<&[u8]> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    line.split(|byte| matches!(byte, b' ' | b'\t'))
        .find(|word| !word.is_empty())
}

/// PT_INTERP of a 64-bit little-endian ELF file.
fn of_elf(head: &[u8]) -> Option<&[u8]> {
    const PT_INTERP: u64 = 3;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, size: usize| -> Option<u64> {
        let bytes = head.get(at..at.checked_add(size)?)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    };
    let table = usize::try_from(number(32, 8)?).ok()?;
    let size = usize::try_from(number(54, 2)?).ok()?;
    for index in 0..usize::try_from(number(56, 2)?).ok()? {
        let entry = table.checked_add(index.checked_mul(size)?)?;
        if number(entry, 4)? == PT_INTERP {
            let start = usize::try_from(number(entry.checked_add(8)?, 8)?).ok()?;
            return head.get(start..)?.split(|byte| *byte == 0).next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripts_interpreter_is_the_first_word() {
        assert_eq!(of_script(b"#!/bin/sh\n"), Some(&b"/bin/sh"[..]));
        assert_eq!(
            of_script(b"#! /usr/bin/env python3\n"),
            Some(&b"/usr/bin/env"[..])
        );
        assert_eq!(of_script(b"#!"), None);
        assert_eq!(of_script(b"echo"), None);
    }

    #[test]
    fn an_elf_binarys_interpreter_is_its_dynamic_linker() {
        let mut head = Vec::new();
        let mut file = File::open("/bin/sh").unwrap();
        file.by_ref()
            .take(HEAD as u64)
            .read_to_end(&mut head)
            .unwrap();
        let interpreter = of_elf(&head).map(|name| String::from_utf8_lossy(name).into_owned());
        assert!(
            interpreter
                .as_deref()
                .is_none_or(|name| name.contains("/ld")),
            "{interpreter:?}"
        );
    }

    #[test]
    fn whatever_is_in_the_file_it_is_only_read() {
        for length in 0..200 {
            let mut head = b"\x7fELF\x02\x01".to_vec();
            head.resize(head.len() + length, 0xff);
            let _ = of_elf(&head);
        }
    }
}
