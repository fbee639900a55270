//! How numbers are written: every number of every report goes through this file and no other.
//!
//! Three significant digits for what was measured, all digits for what was counted, one unit for
//! a column, thin spaces between thousands, a dash where there is nothing to show, and shares
//! that never round up to all or down to none.

/// What a number is, and so how it is written. The comment names the unit of the raw value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A latency in milliseconds; written in ms below one second, in s from there on.
    Latency,
    /// A wall-clock length in seconds; written in ms, s or min.
    Span,
    /// CPU time in seconds.
    CpuSeconds,
    /// CPU time of one event or call in microseconds; written in µs below one millisecond, in ms
    /// from there on.
    CpuMicros,
    /// CPU time of one call in milliseconds.
    CpuMillis,
    /// A count of things, exact: all its digits are shown.
    Count,
    /// A mean or percentile of counts.
    Quantity,
    /// Things per second.
    Rate,
    /// A ratio, written with a multiplication sign.
    Ratio,
    /// An index between 0 and 1 without a unit; written like a share, never rounded up to 1.
    Index,
    /// A share of answers in percent, 0 to 100: two decimals, all and none only when exact.
    Percent,
    /// Any other part of a whole in percent: three digits, all only when exact.
    Portion,
    /// A change in percent of a base, with its sign; any size.
    Change,
    /// A size in bytes.
    Bytes,
    /// Bytes per second.
    ByteRate,
    /// Processor cores kept busy.
    Cores,
    /// Milliseconds of latency that each further user adds.
    MillisPerUser,
    /// Money of a currency that the run does not name.
    Money,
}

/// Stands where there is no number: nothing measured, or too few samples.
pub const NOTHING: &str = "–";

/// Between groups of three digits: a narrow space that does not break (U+202F).
pub const THIN_SPACE: char = '\u{202f}';

/// Between a number and its unit: a space that does not break (U+00A0).
pub const UNIT_SPACE: char = '\u{a0}';

/// Below this, in the unit shown, a measured number is only said to be smaller.
const SMALLEST: f64 = 0.001;

/// A median below this, in the unit of the largest number, asks for a smaller unit.
const SMALL_FRACTION: f64 = 0.1;

/// A unit: its factor to the raw value, and its sign.
type Unit = (f64, &'static str);

const LATENCY_UNITS: [Unit; 2] = [(1.0, "ms"), (1_000.0, "s")];
const SPAN_UNITS: [Unit; 3] = [(0.001, "ms"), (1.0, "s"), (60.0, "min")];
const BYTE_UNITS: [Unit; 4] =
    [(1.0, "B"), (1_024.0, "KiB"), (1_048_576.0, "MiB"), (1_073_741_824.0, "GiB")];
const BYTE_RATE_UNITS: [Unit; 4] =
    [(1.0, "B/s"), (1_024.0, "KiB/s"), (1_048_576.0, "MiB/s"), (1_073_741_824.0, "GiB/s")];

impl Kind {
    fn units(self) -> &'static [Unit] {
        match self {
            Self::Latency => &LATENCY_UNITS,
            Self::Span => &SPAN_UNITS,
            Self::CpuSeconds => &[(1.0, "s")],
            Self::CpuMicros => &[(1.0, "µs"), (1_000.0, "ms")],
            Self::CpuMillis => &[(1.0, "ms")],
            Self::Count | Self::Quantity | Self::Index | Self::Money => &[(1.0, "")],
            Self::Rate => &[(1.0, "/s")],
            Self::Ratio => &[(1.0, "×")],
            Self::Percent | Self::Portion | Self::Change => &[(1.0, "%")],
            Self::Bytes => &BYTE_UNITS,
            Self::ByteRate => &BYTE_RATE_UNITS,
            Self::Cores => &[(1.0, "cores")],
            Self::MillisPerUser => &[(1.0, "ms/user")],
        }
    }
}

/// One kind and one unit, chosen for all the numbers of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    kind: Kind,
    unit: Unit,
}

impl Scale {
    /// The scale that suits these raw values: the unit of the largest, or the next smaller one
    /// where that would write most of them as small fractions.
    #[must_use]
    pub fn of(kind: Kind, values: impl IntoIterator<Item = f64>) -> Self {
        let mut sizes: Vec<f64> = values
            .into_iter()
            .map(f64::abs)
            .filter(|value| value.is_finite() && *value > 0.0)
            .collect();
        sizes.sort_by(f64::total_cmp);
        let largest = sizes.last().copied().unwrap_or(0.0);
        let scale = Self::of_largest(kind, largest);
        match sizes.get(sizes.len() / 2) {
            Some(median) if scale.convert(*median) < SMALL_FRACTION => {
                Self::of_largest(kind, *median)
            }
            _ => scale,
        }
    }

    fn of_largest(kind: Kind, largest: f64) -> Self {
        let units = kind.units();
        let smallest = units[0];
        let unit = units
            .iter()
            .copied()
            .rfind(|(factor, _)| largest >= *factor)
            .filter(|_| largest > 0.0)
            .unwrap_or(smallest);
        // A length in minutes is worth it only from two minutes on: "90.0 s" reads better.
        let unit = if unit.1 == "min" && largest < 120.0 { SPAN_UNITS[1] } else { unit };
        Self { kind, unit }
    }

    /// The unit's sign, empty where there is none.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.unit.1
    }

    /// A raw value expressed in this scale's unit, as an axis needs it.
    #[must_use]
    pub fn convert(&self, value: f64) -> f64 {
        value / self.unit.0
    }

    /// The number alone, for a column whose head names the unit.
    #[must_use]
    pub fn bare(&self, value: f64) -> String {
        if !value.is_finite() {
            return NOTHING.to_owned();
        }
        let shown = value / self.unit.0;
        match self.kind {
            Kind::Count => grouped(&format!("{:.0}", shown.abs()), shown < 0.0),
            Kind::Percent => share(shown, 100.0, 2),
            Kind::Portion if shown < 100.0 && three_digits(shown) >= 100.0 => "99.9".to_owned(),
            Kind::Portion if shown == 100.0 => "100".to_owned(),
            Kind::Index => share(shown, 1.0, 4),
            Kind::Change if shown > 0.0 => format!("+{}", significant(shown)),
            Kind::Change if shown < 0.0 && shown > -SMALLEST => "0".to_owned(),
            Kind::Bytes if self.unit.1 == "B" => {
                grouped(&format!("{:.0}", shown.abs()), shown < 0.0)
            }
            _ => significant(shown),
        }
    }

    /// The number with its unit, for a sentence.
    #[must_use]
    pub fn full(&self, value: f64) -> String {
        let bare = self.bare(value);
        match self.unit.1 {
            "" => bare,
            _ if bare == NOTHING => bare,
            "×" => format!("{bare}×"),
            "/s" => format!("{bare}/s"),
            unit => format!("{bare}{UNIT_SPACE}{unit}"),
        }
    }
}

/// One number with its unit, or a dash.
#[must_use]
pub fn show(kind: Kind, value: Option<f64>) -> String {
    value.map_or_else(
        || NOTHING.to_owned(),
        |value| {
            let scale = Scale::of(kind, [value]);
            // 999.7 ms would be written "1 000 ms": rounding may lift a value into the next unit.
            let lifted = Scale::of(kind, [three_digits(value / scale.unit.0) * scale.unit.0]);
            lifted.full(value)
        },
    )
}

/// A count with all its digits.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string(), false)
}

/// A raw value for machines: the shortest decimal text that reads back as the same number.
#[must_use]
pub fn raw(value: f64) -> String {
    if value.is_finite() { format!("{value}") } else { String::new() }
}

/// A coordinate in a drawing: at most one decimal, without a superfluous zero.
#[must_use]
pub fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A tick of an axis: as few digits as it needs (at most six decimals), thousands grouped.
#[must_use]
pub fn tick(value: f64) -> String {
    let text = format!("{:.6}", value.abs());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    grouped(text, value < 0.0)
}

/// A limit that stands in the code as a share, 0 to 1, as a percentage: not measured, so without
/// digits that look as if it were.
#[must_use]
pub fn limit_percent(share: f64) -> String {
    format!("{}{UNIT_SPACE}%", tick(share * 100.0))
}

/// Three significant digits, with thousands grouped.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() < SMALLEST {
        return format!("<{THIN_SPACE}{SMALLEST}");
    }
    let (digits, exponent) = digits_and_exponent(value.abs());
    let text = match usize::try_from(exponent) {
        Ok(places) if places >= 2 => format!("{digits}{}", "0".repeat(places - 2)),
        Ok(places) => format!("{}.{}", &digits[..=places], &digits[places + 1..]),
        Err(_) => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            format!("0.{}{digits}", "0".repeat(zeros))
        }
    };
    grouped(&text, value < 0.0)
}

/// The three leading digits of a positive number, rounded, and its power of ten.
fn digits_and_exponent(value: f64) -> (String, i32) {
    let scientific = format!("{value:.2e}");
    let (mantissa, exponent) =
        scientific.split_once('e').expect("the format always writes an exponent");
    (mantissa.replace('.', ""), exponent.parse().expect("an exponent is a whole number"))
}

/// A number rounded to the three digits that are shown of it.
pub(crate) fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("what was just written as a number reads as one")
}

/// A share of `all` with a fixed number of decimals; only all is written as all, only none as none.
fn share(value: f64, all: f64, decimals: usize) -> String {
    let exact = |whole: f64| format!("{whole:.0}");
    if value == 0.0 || value == all {
        return exact(value);
    }
    let text = format!("{value:.decimals$}");
    let shown: f64 = text.parse().expect("what was just written as a number reads as one");
    let step = 0.1_f64.powi(i32::try_from(decimals).unwrap_or(0));
    if shown == 0.0 && value > 0.0 {
        format!("<{THIN_SPACE}{step:.decimals$}")
    } else if value < all && shown >= all {
        format!("{:.decimals$}", all - step)
    } else if value > all && shown <= all {
        format!("{:.decimals$}", all + step)
    } else {
        grouped(text.trim_start_matches('-'), value < 0.0)
    }
}

/// Thin spaces between the thousands of an unsigned decimal text, and its sign.
fn grouped(text: &str, negative: bool) -> String {
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut shown = String::with_capacity(text.len() + 8);
    if negative && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        shown.push('−');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            shown.push(THIN_SPACE);
        }
        shown.push(digit);
    }
    shown.push_str(fraction);
    shown
}

#[cfg(test)]
mod tests;
