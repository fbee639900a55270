//! Client keys: made here, kept as hashes, compared in constant time.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use http::{HeaderMap, header};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::state::KeyState;

/// Random bytes in a key: 256 bits, so that a plain hash of it cannot be searched.
const KEY_BYTES: usize = 32;

/// What keys begin with, so that people and scanners recognise one that has leaked.
const KEY_PREFIX: &str = "weir-";

/// The SHA-256 of a key. There is no way to compare two but in constant time.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// A new key. Whoever made it shows `key` once; the configuration keeps `hash`.
#[derive(Clone)]
pub struct NewKey {
    /// The key itself: `weir-` and 64 hexadecimal digits.
    pub key: String,
    /// What goes into the configuration as `sha256`.
    pub hash: KeyHash,
}

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// Makes a key from the operating system's random bytes.
///
/// # Errors
/// [`NoRandomness`] when there are none.
pub fn new_key() -> Result<NewKey, NoRandomness> {
    let mut bytes = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    let key = format!("{KEY_PREFIX}{}", hexadecimal(&bytes));
    let hash = KeyHash::of(&key);
    Ok(NewKey { key, hash })
}

impl KeyHash {
    /// The hash of a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
        Self(hash)
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hexadecimal(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl ConstantTimeEq for KeyHash {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyHash(..)")
    }
}

/// Finds the key that a request presents.
///
/// The time depends on the number of keys, never on which one matches or how nearly.
pub(crate) fn find(keys: &[Arc<KeyState>], headers: &HeaderMap) -> Option<Arc<KeyState>> {
    let presented = KeyHash::of(&presented(headers)?);
    let mut found = 0_u64;
    for (position, key) in (1_u64..).zip(keys) {
        found.conditional_assign(&position, key.settings.hash.ct_eq(&presented));
    }
    keys.get(usize::try_from(found).ok()?.checked_sub(1)?).cloned()
}

/// The key in `x-api-key`, or in `authorization` after `Bearer`, or as the password after
/// `Basic`, which is what a browser can send.
fn presented(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    if let Some(value) = headers.get("x-api-key") {
        return value.to_str().ok().map(Cow::Borrowed);
    }
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Cow::Borrowed(key.trim()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let user_and_password = String::from_utf8(BASE64_STANDARD.decode(key.trim()).ok()?).ok()?;
    Some(Cow::Owned(user_and_password.split_once(':')?.1.to_owned()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Key;

    fn key(name: &str, hash: KeyHash) -> Arc<KeyState> {
        let settings = Arc::new(Key {
            name: name.to_owned(),
            hash,
            models: None,
            open_streams: 1,
            requests_per_minute: None,
            tokens_per_minute: None,
            admin: false,
        });
        Arc::new(KeyState { settings, live: Arc::default() })
    }

    fn found(keys: &[Arc<KeyState>], name: &'static str, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        find(keys, &headers).map(|key| key.settings.name.clone())
    }

    #[test]
    fn a_new_key_is_found_by_its_hash_in_either_header_and_nothing_else_is() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(one.key, two.key);
        let hash = KeyHash::from_hexadecimal(&two.hash.to_string()).unwrap();
        let keys = [key("one", one.hash), key("two", hash)];
        assert_eq!(found(&keys, "x-api-key", &two.key).as_deref(), Some("two"));
        assert_eq!(
            found(&keys, "authorization", &format!("Bearer {}", one.key)).as_deref(),
            Some("one")
        );
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("any:{}", one.key)));
        assert_eq!(found(&keys, "authorization", &basic).as_deref(), Some("one"));
        assert_eq!(found(&keys, "authorization", "Basic %%%"), None);
        assert_eq!(found(&keys, "authorization", &one.key), None);
        assert_eq!(found(&keys, "x-api-key", &one.key[1..]), None);
        assert_eq!(found(&keys, "x-api-key", &one.hash.to_string()), None);
    }

    #[test]
    fn hashes_differ_by_any_byte() {
        let one = KeyHash([7; 32]);
        assert_eq!(one, KeyHash([7; 32]));
        for at in 0..32 {
            let mut other = one;
            other.0[at] ^= 1;
            assert_ne!(one, other, "byte {at}");
        }
    }

    #[test]
    fn a_hash_is_64_hexadecimal_digits() {
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
            assert!(KeyHash::from_hexadecimal(wrong).is_none(), "{wrong}");
        }
        let hash = KeyHash::of("");
        assert_eq!(
            hash.to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
