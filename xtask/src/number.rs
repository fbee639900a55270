//! Numbers as people read them in a table.

/// Three significant digits, a count as it is, or a dash where nothing is known.
pub(crate) fn three_digits(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match value.abs() {
        size if size < 0.0005 => "0".to_owned(),
        size if size >= 100.0 || size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The middle of the known values, of an even number the mean of both; NaN without any.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    match (known.get(known.len().saturating_sub(1) / 2), known.get(known.len() / 2)) {
        (Some(&below), Some(&above)) => f64::midpoint(below, above),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_unknown_ones_a_dash() {
        let shown = [1141.6, 123.4, 32.0, 12.34, 9.876, 0.12345, 0.0001, -12.34].map(three_digits);
        assert_eq!(shown, ["1142", "123", "32", "12.3", "9.88", "0.123", "0", "-12.3"]);
        assert_eq!(three_digits(f64::NAN), "–");
    }

    #[test]
    fn the_median_leaves_out_what_is_not_known() {
        assert_eq!(median([9.0, f64::NAN, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
        assert!(median([].into_iter()).is_nan());
    }
}
