//! What the heads of answers say about the file.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::store::Sha256;

/// The digest of the whole file, as RFC 9530 writes it.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What a part of a file is: `bytes 100-199/1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte.
    pub(super) first: u64,
    /// The length of the whole file, when it is known.
    pub(super) total: Option<u64>,
}

/// The length of the body.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Which part it is (RFC 9110, section 14.4).
pub(super) fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    // The part must reach to the end: that is what we ask for.
    let reaches = total.is_none_or(|total| last.checked_add(1) == Some(total));
    (first <= last && reaches).then_some(ContentRange { first, total })
}

/// The entity tag, if it vouches for every byte. A weak one does not (RFC 9110, section 8.8.1).
pub(super) fn strong_etag(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(header::ETAG)?;
    let bytes = value.as_bytes();
    (bytes.len() >= 2 && bytes.starts_with(b"\"") && bytes.ends_with(b"\"")).then(|| value.clone())
}

/// The SHA-256 that the upstream promises, if it does.
pub(super) fn promised_sha256(headers: &HeaderMap) -> Option<Sha256> {
    use base64::Engine as _;
    let value = headers.get(REPR_DIGEST)?.to_str().ok()?;
    let written = value.split(',').find_map(|member| {
        member.trim().strip_prefix("sha-256=:").and_then(|it| it.strip_suffix(':'))
    })?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(written).ok()?;
    bytes.try_into().ok().map(Sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_content_range_must_reach_to_the_end() {
        let check = |value: &str, expected: Option<(u64, Option<u64>)>| {
            let parsed = content_range(&headers(header::CONTENT_RANGE, value));
            let expected = expected.map(|(first, total)| ContentRange { first, total });
            assert_eq!(parsed, expected, "{value}");
        };
        check("bytes 100-199/200", Some((100, Some(200))));
        check("bytes 100-199/*", Some((100, None)));
        for wrong in ["bytes 100-198/200", "bytes 5-4/5", "bytes */200", "bytes 0-1", "items 0-1/2"]
        {
            check(wrong, None);
        }
        check("bytes 0-18446744073709551615/1", None);
    }

    #[test]
    fn only_a_strong_tag_vouches_for_every_byte() {
        let tag = |value: &str| strong_etag(&headers(header::ETAG, value)).is_some();
        assert!(tag("\"abc\"") && tag("\"\""));
        assert!(!tag("W/\"abc\"") && !tag("abc") && !tag("\""));
    }

    #[test]
    fn a_promised_digest_is_found_among_others() {
        let promise = |value: &str| promised_sha256(&headers(REPR_DIGEST, value));
        let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let value = format!("md5=:AAAA:, sha-256=:{zeros}:");
        assert_eq!(promise(&value), Some(Sha256([0; 32])));
        assert_eq!(promise("sha-256=:AAAA:"), None);
        assert_eq!(promise("sha-512=:AAAA:"), None);
    }
}
