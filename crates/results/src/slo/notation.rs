//! How limits are written: durations and sizes.

/// Milliseconds of a duration written as `250ms`, `2.5s`, `1m30s`, `2h`.
#[must_use]
pub fn parse_duration_ms(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total_ms = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_length =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&length| length > 0)?;
        let value: f64 = rest[..number_length].parse().ok()?;
        rest = &rest[number_length..];
        let unit_length = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit_ms = match &rest[..unit_length] {
            "us" | "µs" => 0.001,
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total_ms += value * unit_ms;
        rest = rest[unit_length..].trim_start();
    }
    total_ms.is_finite().then_some(total_ms)
}

/// Bytes of a size written as `512`, `1KB`, `1KiB`, `2.5 MB`; a trailing `/s` is allowed.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<f64> {
    let text = text.trim();
    let text = text.strip_suffix("/s").unwrap_or(text).trim_end();
    let number_length = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let value: f64 = text[..number_length].parse().ok()?;
    let factor = match text[number_length..].trim_start() {
        "" | "B" => 1.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(value * factor).filter(|bytes| bytes.is_finite())
}
