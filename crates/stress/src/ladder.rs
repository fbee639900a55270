//! The ordered levels of a run: `100,250,500` or `100..3000:13`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::notation::NotationError;

/// Most users of a level: what one process could hold with every limit raised (ports of
/// a hundred loopback sources). More needs several machines.
pub const MAX_USERS: u64 = 1_000_000;

/// Most levels of a ladder: a report with more rows is read by nobody.
pub const MAX_LEVELS: usize = 100;

/// Users of each level in the order in which they run; at least one level, no level of zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder(Vec<u64>);

impl Ladder {
    /// A ladder of these levels.
    ///
    /// # Errors
    /// When there is none, or more than [`MAX_LEVELS`], or one is zero or over [`MAX_USERS`].
    pub fn new(levels: Vec<u64>) -> Result<Self, NotationError> {
        match flaw(&levels) {
            Some(flaw) => Err(NotationError::new("ladder", &join(&levels), flaw)),
            None => Ok(Self(levels)),
        }
    }

    /// Users of each level, in order.
    #[must_use]
    pub fn levels(&self) -> &[u64] {
        &self.0
    }

    /// Users of the largest level.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.0.iter().copied().max().expect("a ladder has at least one level, as `new` checks")
    }
}

const EXAMPLE: &str = "write users such as 100,250,500 or 100..3000:13 (13 levels, evenly spaced)";

impl FromStr for Ladder {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let error = |reason: String| NotationError::new("ladder", text, reason);
        let number = |part: &str| -> Result<u64, NotationError> {
            let digits = part.trim().replace('_', "");
            digits.parse().map_err(|_| {
                error(format!("{:?} is not a number of users; {EXAMPLE}", part.trim()))
            })
        };
        let levels = match text.split_once("..") {
            None => text.split(',').map(number).collect::<Result<Vec<_>, _>>()?,
            Some((first, rest)) => {
                let (last, count) = rest.split_once(':').ok_or_else(|| {
                    error("a range needs its number of levels, such as 100..3000:13".to_owned())
                })?;
                range(number(first)?, number(last)?, number(count)?).map_err(error)?
            }
        };
        Self::new(levels)
    }
}

/// Why these levels make no ladder.
fn flaw(levels: &[u64]) -> Option<String> {
    if levels.is_empty() {
        return Some(format!("it has no level; {EXAMPLE}"));
    }
    if levels.len() > MAX_LEVELS {
        return Some(format!("it has more than {MAX_LEVELS} levels"));
    }
    levels.iter().find(|users| !(1..=MAX_USERS).contains(*users)).map(|users| match users {
        0 => "a level needs at least one user".to_owned(),
        users => format!("{users} users are more than {MAX_USERS}"),
    })
}

/// `count` whole numbers from `first` to `last`, both included, evenly spaced and rounded.
fn range(first: u64, last: u64, count: u64) -> Result<Vec<u64>, String> {
    if last < first {
        return Err(format!("{first}..{last} runs downwards; write the smaller number first"));
    }
    if last > MAX_USERS {
        return Err(format!("{last} users are more than {MAX_USERS}"));
    }
    if count < 2 || count > last - first + 1 {
        return Err(format!("{count} levels do not fit into {first}..{last}; two are the least"));
    }
    if count > u64::try_from(MAX_LEVELS).unwrap_or(u64::MAX) {
        return Err(format!("{count} levels are more than {MAX_LEVELS}"));
    }
    let steps = count - 1;
    Ok((0..count).map(|step| first + ((last - first) * step * 2 + steps) / (steps * 2)).collect())
}

fn join(levels: &[u64]) -> String {
    levels.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Ladder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&join(&self.0))
    }
}

impl<'de> Deserialize<'de> for Ladder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Levels(Vec<u64>),
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => text.parse().map_err(de::Error::custom),
            Written::Levels(levels) => Self::new(levels).map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[u64]) {
        assert_eq!(text.parse::<Ladder>().unwrap().levels(), expected, "{text}");
    }

    fn check_error(text: &str, part: &str) {
        let message = text.parse::<Ladder>().unwrap_err().to_string();
        assert!(message.contains(part), "{message} should say {part:?}");
    }

    #[test]
    fn a_list_is_taken_as_it_stands() {
        check("100,250,500", &[100, 250, 500]);
        check(" 1 ", &[1]);
        check("200, 2_000, 200", &[200, 2000, 200]);
    }

    #[test]
    fn a_range_is_evenly_spaced_and_holds_both_ends() {
        check("100..300:3", &[100, 200, 300]);
        check(
            "100..3000:13",
            &[100, 342, 583, 825, 1067, 1308, 1550, 1792, 2033, 2275, 2517, 2758, 3000],
        );
        check("1..2:2", &[1, 2]);
    }

    #[test]
    fn what_is_no_ladder_says_why() {
        check_error("0", "at least one user");
        check_error("100,0", "at least one user");
        check_error("abc", "\"abc\" is not a number of users");
        check_error("", "\"\" is not a number of users");
        check_error("100,", "\"\" is not a number");
        check_error("3000..100:5", "downwards");
        check_error("100..3000", "number of levels");
        check_error("100..3000:1", "two are the least");
        check_error("1..3:4", "do not fit");
        check_error("1000001", "more than 1000000");
        check_error("1..999999:101", "more than 100");
        check_error("-5", "not a number");
        check_error("1.5", "not a number");
    }

    proptest! {
        #[test]
        fn a_range_ascends_from_first_to_last(first in 1u64..1000, width in 1u64..100_000, count in 2u64..50) {
            prop_assume!(count <= width + 1);
            let ladder: Ladder = format!("{first}..{}:{count}", first + width).parse().unwrap();
            prop_assert_eq!(ladder.levels().len(), usize::try_from(count).unwrap());
            prop_assert_eq!(ladder.levels()[0], first);
            prop_assert_eq!(ladder.highest(), first + width);
            prop_assert!(ladder.levels().windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "[0-9.,:a-z ]{0,40}") {
            let _ = text.parse::<Ladder>();
        }
    }
}
