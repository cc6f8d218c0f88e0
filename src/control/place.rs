//! Where the socket is: the same order for who serves and for who asks.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The directory that lastout makes for it.
pub const OWN_DIRECTORY: &str = "/run/lastout";

/// The variable that names a place.
pub const VARIABLE: &str = "LASTOUT_SOCKET";

/// A path, or `@` and an abstract name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place(Vec<u8>);

/// Where to look, one after the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Places {
    /// In order.
    pub places: Vec<Place>,
    /// Whether somebody named the only one.
    pub is_named: bool,
}

impl Place {
    /// The place of this name.
    #[must_use]
    pub fn named(name: &OsStr) -> Place {
        Place(name.as_bytes().to_vec())
    }

    /// As LASTOUT_SOCKET has it.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is no path.
    #[must_use]
    pub fn is_abstract(&self) -> bool {
        self.0.starts_with(b"@")
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// Where to look, by an environment and what the configuration or the command line names.
/// `uid` is lastout's own.
#[must_use]
pub fn places(
    variable: impl Fn(&str) -> Option<OsString>,
    named: Option<&OsStr>,
    uid: u32,
) -> Places {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let named = variable(VARIABLE).or_else(|| named.map(OsStr::to_owned));
    if let Some(named) = named {
        return Places {
            places: vec![Place(named.into_vec())],
            is_named: true,
        };
    }
    let mut places = vec![Place(format!("{OWN_DIRECTORY}/control.sock").into_bytes())];
    if let Some(directory) = variable("XDG_RUNTIME_DIR") {
        let mut path = directory.into_vec();
        path.extend_from_slice(b"/lastout.sock");
        places.push(Place(path));
    }
    places.push(Place(format!("@lastout-{uid}").into_bytes()));
    Places {
        places,
        is_named: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(environment: &[(&str, &str)], named: Option<&str>) -> Vec<String> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let places = places(variable, named.map(OsStr::new), 7);
        places.places.iter().map(Place::shown).collect()
    }

    #[test]
    fn a_place_that_was_named_is_the_only_one() {
        let environment = [("LASTOUT_SOCKET", "@x"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        assert_eq!(names(&environment, Some("/a")), ["@x"]);
        assert_eq!(names(&[("LASTOUT_SOCKET", "")], Some("/a")), ["/a"]);
    }

    #[test]
    fn without_a_name_there_is_an_order() {
        let own = "/run/lastout/control.sock";
        assert_eq!(names(&[], None), [own, "@lastout-7"]);
        assert_eq!(
            names(&[("XDG_RUNTIME_DIR", "/run/user/7")], None),
            [own, "/run/user/7/lastout.sock", "@lastout-7"]
        );
    }
}
