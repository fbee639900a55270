//! How predicates and their worst values are shown.

use results::SloResult;

use crate::number::Kind;

/// The kind of a verdict's worst value.
#[must_use]
pub fn unit_kind(slo: &SloResult) -> Kind {
    kind_of_unit(&slo.unit)
}

/// The kind of a quantity that a predicate is about, by its unit's name in `run.json`.
#[must_use]
pub fn kind_of_unit(unit: &str) -> Kind {
    match unit {
        "ms" => Kind::Latency,
        "%" => Kind::Percent,
        "ratio" => Kind::Ratio,
        "bytes/s" => Kind::ByteRate,
        "1/s" => Kind::Rate,
        "us" => Kind::CpuMicros,
        "bytes" => Kind::Bytes,
        _ => Kind::Count,
    }
}
