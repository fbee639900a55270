//! Values that must not be shown: keys, and headers that hold them.

use std::fmt;

use serde::Deserialize;

/// What stands in place of a secret, wherever one would be shown.
pub const REDACTED: &str = "[redacted]";

/// A text that `Debug` does not show, and that no log and no file of ours holds.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself, to be sent or compared and nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("sk-123")), "[redacted]");
    }
}
