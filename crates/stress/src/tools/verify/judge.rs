//! What became of a call whose answer was a success, by the file that it should have left.

use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

use results::CallOutcome;

use super::{CLOCK_MARGIN, Contents, Look};
use crate::client::Detail;
use crate::tools::mix::Expectation;

/// What a successful call says it left, and what was found.
#[derive(Debug)]
pub struct Claim {
    /// Calls of the same kind leave the same bytes: those of one tool whose arguments differ in
    /// nothing but the file's name.
    pub kind: Option<usize>,
    /// What is known about the file beforehand.
    pub expected: Expectation,
    /// The call started then; a file that last changed before is not its work.
    pub started_at: SystemTime,
    /// The file right after the answer; `None` where nobody looked (files behind a URL).
    pub look: Option<io::Result<Look>>,
    /// What was read back later; the error where nothing could be.
    pub found: Result<Contents, Detail>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The outcome.
    pub outcome: CallOutcome,
    /// What is wrong, where something is.
    pub detail: Detail,
    /// Its bytes were proved to be the expected ones.
    pub proved: bool,
}

/// Fewest files of a kind among which most can outvote one.
const MIN_VOTES: usize = 3;

/// Judges the claims of a level, in their order.
///
/// Where nothing is known about a file beforehand, it is compared with the others of its kind: when
/// more than half are the same, those that are not are wrong.
#[must_use]
pub fn judge(claims: &[Claim]) -> Vec<Checked> {
    let common = common_digests(claims);
    claims
        .iter()
        .map(|claim| {
            let majority = claim.kind.and_then(|kind| common.get(&kind)).copied();
            check(claim, majority)
        })
        .collect()
}

fn check(claim: &Claim, majority: Option<&str>) -> Checked {
    let checked = |outcome, detail: Detail| Checked { outcome, detail, proved: false };
    let missing = |detail: &'static str| checked(CallOutcome::MissingFile, detail.into());
    let contents = match (&claim.look, &claim.found) {
        (Some(Err(_)), Ok(_)) => {
            return missing("no file when the call was answered; it came later");
        }
        (_, Err(detail)) => return checked(CallOutcome::MissingFile, detail.clone()),
        (_, Ok(contents)) => contents,
    };
    if let Some(Ok(look)) = &claim.look {
        if look.changed_at + CLOCK_MARGIN < claim.started_at {
            return missing("the file is older than the call: another one left it");
        }
        if look.bytes != contents.bytes {
            let detail = "the file still grew or shrank after the call was answered";
            return checked(CallOutcome::WrongBytes, detail.into());
        }
    }
    let expected = &claim.expected;
    if let Some(bytes) = expected.bytes
        && bytes != contents.bytes
    {
        let detail = format!("{} bytes instead of {bytes}", contents.bytes);
        return checked(CallOutcome::WrongBytes, detail.into());
    }
    if let Some(digest) = &expected.sha256 {
        if *digest != contents.sha256 {
            let detail = "the size is right, but the SHA-256 is not the expected one";
            let detail =
                if expected.bytes.is_some() { detail } else { "another SHA-256 than expected" };
            return checked(CallOutcome::WrongBytes, detail.into());
        }
    } else if let Some(majority) = majority
        && majority != contents.sha256
    {
        let detail = "other bytes than most files of the same call";
        return checked(CallOutcome::WrongBytes, detail.into());
    }
    Checked { outcome: CallOutcome::Ok, detail: Detail::default(), proved: !expected.is_empty() }
}

/// The digest that more than half of a kind's files have, by kind.
fn common_digests(claims: &[Claim]) -> HashMap<usize, &str> {
    let mut votes: HashMap<usize, HashMap<&str, usize>> = HashMap::new();
    for claim in claims {
        if let (Some(kind), Ok(contents)) = (claim.kind, &claim.found) {
            *votes.entry(kind).or_default().entry(contents.sha256.as_str()).or_default() += 1;
        }
    }
    votes
        .into_iter()
        .filter_map(|(kind, digests)| {
            let all: usize = digests.values().sum();
            let (digest, most) = digests.into_iter().max_by_key(|(_, count)| *count)?;
            (all >= MIN_VOTES && most * 2 > all).then_some((kind, digest))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn contents(bytes: u64, digest: &str) -> Contents {
        Contents { bytes, md5: String::new(), sha256: digest.to_owned() }
    }

    fn claim(digest: &str) -> Claim {
        let now = SystemTime::now();
        Claim {
            kind: Some(0),
            expected: Expectation::default(),
            started_at: now,
            look: Some(Ok(Look { bytes: 5, changed_at: now })),
            found: Ok(contents(5, digest)),
        }
    }

    fn check_one(claim: Claim, outcome: CallOutcome, part: &str) {
        let checked = &judge(&[claim])[0];
        assert_eq!(checked.outcome, outcome, "{checked:?}");
        assert!(checked.detail.contains(part), "{checked:?}");
    }

    #[test]
    fn a_file_that_is_as_expected_is_proved() {
        let expected = Expectation { bytes: Some(5), sha256: Some("a".to_owned()) };
        let checked = &judge(&[Claim { expected, ..claim("a") }])[0];
        assert_eq!((checked.outcome, checked.proved), (CallOutcome::Ok, true));
        assert!(!judge(&[claim("a")])[0].proved);
    }

    #[test]
    fn each_way_of_being_wrong_has_its_own_words() {
        let expected =
            |bytes, digest: Option<&str>| Expectation { bytes, sha256: digest.map(str::to_owned) };
        let wrong = CallOutcome::WrongBytes;
        check_one(
            Claim { expected: expected(Some(6), None), ..claim("a") },
            wrong,
            "5 bytes instead of 6",
        );
        check_one(
            Claim { expected: expected(Some(5), Some("b")), ..claim("a") },
            wrong,
            "size is right",
        );
        check_one(
            Claim { expected: expected(None, Some("b")), ..claim("a") },
            wrong,
            "another SHA-256",
        );
        check_one(
            Claim { found: Ok(contents(4, "a")), ..claim("a") },
            wrong,
            "still grew or shrank",
        );
        let missing = CallOutcome::MissingFile;
        let gone = || Some(Err(io::ErrorKind::NotFound.into()));
        check_one(Claim { look: gone(), ..claim("a") }, missing, "it came later");
        check_one(
            Claim { look: gone(), found: Err("no such file".into()), ..claim("a") },
            missing,
            "no such file",
        );
        let later = SystemTime::now() + Duration::from_secs(5);
        check_one(Claim { started_at: later, ..claim("a") }, missing, "older than the call");
    }

    #[test]
    fn one_among_many_is_outvoted_and_one_among_two_is_not() {
        let outcomes = |digests: &[&str]| -> Vec<CallOutcome> {
            let claims: Vec<Claim> = digests.iter().map(|digest| claim(digest)).collect();
            judge(&claims).into_iter().map(|checked| checked.outcome).collect()
        };
        use CallOutcome::{Ok, WrongBytes};
        assert_eq!(outcomes(&["a", "a", "b"]), [Ok, Ok, WrongBytes]);
        assert_eq!(outcomes(&["a", "b"]), [Ok, Ok]);
        assert_eq!(outcomes(&["a", "a", "b", "b"]), [Ok, Ok, Ok, Ok]);
        let other_kind = Claim { kind: Some(1), ..claim("b") };
        let lone = Claim { kind: None, ..claim("c") };
        let judged = judge(&[claim("a"), claim("a"), claim("a"), other_kind, lone]);
        assert!(judged.iter().all(|checked| checked.outcome == Ok));
    }
}
