//! The profiles that come with the program.

use std::collections::BTreeMap;

use super::Profile;

const FILE: &str = include_str!("built_in.toml");

/// All built-in profiles by name.
pub(super) fn all() -> BTreeMap<String, Profile> {
    toml::from_str(FILE).expect("a test reads the file that is compiled in")
}
