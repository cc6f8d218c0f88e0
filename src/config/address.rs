//! Where a probe asks: `host:port`, and `http://host:port/path`.
//!
//! Only the form is looked at; names are resolved by the process that asks.

use crate::plan::Address;

/// Reads `host:port`.
pub(super) fn parse_tcp(text: &str) -> Result<Address, &'static str> {
    parse_address(text, None)
}

/// Reads `http://host[:port][/path]` into where it is and what is asked for there.
pub(super) fn parse_http(text: &str) -> Result<(Address, String), &'static str> {
    let is_https = text
        .get(..8)
        .is_some_and(|t| t.eq_ignore_ascii_case("https://"));
    if is_https {
        return Err("https cannot be asked; `exec` can run a client that does");
    }
    let rest = text.get(..7).filter(|t| t.eq_ignore_ascii_case("http://"));
    let rest = rest.and_then(|start| text.get(start.len()..));
    let rest = rest.ok_or("it does not begin with http://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let is_sound = |c: char| c.is_ascii_graphic() && c != '#';
    if !target.chars().all(is_sound) {
        return Err("the path has something in it that must be percent-encoded");
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    let address = parse_address(authority, Some(80))?;
    Ok((address, format!("{slash}{target}")))
}

fn parse_address(text: &str, default_port: Option<u16>) -> Result<Address, &'static str> {
    let is_bracketed = text.starts_with('[');
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or("`[` without `]`")?;
        (host, (!port.is_empty()).then_some(port))
    } else {
        let (host, port) = text.split_at(text.rfind(':').unwrap_or(text.len()));
        (host, (!port.is_empty()).then_some(port))
    };
    let is_sound = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_of_ipv6 = |c: char| is_bracketed && (c == ':' || c == '%');
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host.contains(':') && !is_bracketed {
        return Err("an IPv6 address needs brackets, as [::1]:80");
    }
    if !host.chars().all(|c| is_sound(c) || is_of_ipv6(c)) {
        return Err("that is no host");
    }
    let port = match port {
        Some(port) => {
            let number = port.strip_prefix(':').filter(|p| !p.starts_with('+'));
            let number = number.and_then(|number| number.parse().ok());
            number
                .filter(|n| *n > 0)
                .ok_or("the port is no number from 1 to 65535")?
        }
        None => default_port.ok_or("the port is missing")?,
    };
    Ok(Address {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(host: &str, port: u16) -> Address {
        Address {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("localhost:80", "localhost", 80),
            ("127.0.0.1:65535", "127.0.0.1", 65535),
            ("[::1]:5432", "::1", 5432),
            ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
            ("my_db-1.lan:1", "my_db-1.lan", 1),
        ] {
            assert_eq!(parse_tcp(text), Ok(address(host, port)), "{text}");
        }
        for (text, host, port, target) in [
            ("http://a", "a", 80, "/"),
            ("HTTP://a:81", "a", 81, "/"),
            ("http://a/b?c=d", "a", 80, "/b?c=d"),
            ("http://a?c", "a", 80, "/?c"),
            ("http://[::1]:8080/x:y", "::1", 8080, "/x:y"),
            ("http://[::1]/", "::1", 80, "/"),
        ] {
            let expected = Ok((address(host, port), target.to_owned()));
            assert_eq!(parse_http(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("", "the host is missing"),
            (":80", "the host is missing"),
            ("[]:80", "the host is missing"),
            ("80", "the port is missing"),
            ("a", "the port is missing"),
            ("a:", "the port is no number from 1 to 65535"),
            ("a:0", "the port is no number from 1 to 65535"),
            ("a:+1", "the port is no number from 1 to 65535"),
            ("a:65536", "the port is no number from 1 to 65535"),
            ("[::1]80", "the port is no number from 1 to 65535"),
            ("::1:80", "an IPv6 address needs brackets, as [::1]:80"),
            ("[::1", "`[` without `]`"),
            ("a b:1", "that is no host"),
            ("a@b:1", "that is no host"),
        ] {
            assert_eq!(parse_tcp(text), Err(why), "{text}");
        }
        for (text, why) in [
            (
                "https://a",
                "https cannot be asked; `exec` can run a client that does",
            ),
            ("a:80/x", "it does not begin with http://"),
            ("http:///x", "the host is missing"),
            (
                "http://a/b c",
                "the path has something in it that must be percent-encoded",
            ),
            (
                "http://a/b\r\nX: y",
                "the path has something in it that must be percent-encoded",
            ),
            (
                "http://a/#b",
                "the path has something in it that must be percent-encoded",
            ),
            ("http://u@a/", "that is no host"),
        ] {
            assert_eq!(parse_http(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*|(http://)?[a:0-9/?#\\[\\]]*") {
            let _ = parse_tcp(&text);
            if let Ok((_, target)) = parse_http(&text) {
                prop_assert!(target.starts_with('/') && !target.contains([' ', '\n']));
            }
        }
    }
}
