//! How a distribution is written in TOML: a plain value, or a table with its name.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::distribution::Distribution;
use super::quantity::Quantity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Constant,
    Uniform,
    Normal,
    Lognormal,
    Gamma,
    Weibull,
    Empirical,
}

#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "Q: Serialize", deserialize = "Q: Deserialize<'de>")
)]
struct Table<Q> {
    distribution: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deviation: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    median: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sigma: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cv: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<Q>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shape: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Q>>,
}

impl<Q> Table<Q> {
    fn named(distribution: Name) -> Self {
        Self {
            distribution,
            value: None,
            min: None,
            max: None,
            mean: None,
            deviation: None,
            median: None,
            sigma: None,
            cv: None,
            scale: None,
            shape: None,
            values: None,
        }
    }

    /// Takes the parameters that the name calls for.
    fn take(&mut self) -> Result<Distribution<Q>, String> {
        let missing = |parameter: &str| format!("this distribution needs `{parameter}`");
        Ok(match self.distribution {
            Name::Constant => {
                Distribution::Constant(self.value.take().ok_or_else(|| missing("value"))?)
            }
            Name::Uniform => Distribution::Uniform {
                min: self.min.take().ok_or_else(|| missing("min"))?,
                max: self.max.take().ok_or_else(|| missing("max"))?,
            },
            Name::Normal => Distribution::Normal {
                mean: self.mean.take().ok_or_else(|| missing("mean"))?,
                deviation: self.deviation.take().ok_or_else(|| missing("deviation"))?,
            },
            Name::Lognormal => Distribution::Lognormal {
                median: self.median.take().ok_or_else(|| missing("median"))?,
                sigma: self.sigma.take().ok_or_else(|| missing("sigma"))?,
            },
            Name::Gamma => Distribution::Gamma {
                mean: self.mean.take().ok_or_else(|| missing("mean"))?,
                cv: self.cv.take().ok_or_else(|| missing("cv"))?,
            },
            Name::Weibull => Distribution::Weibull {
                scale: self.scale.take().ok_or_else(|| missing("scale"))?,
                shape: self.shape.take().ok_or_else(|| missing("shape"))?,
            },
            Name::Empirical => Distribution::Empirical {
                values: self.values.take().ok_or_else(|| missing("values"))?,
            },
        })
    }

    /// A parameter that is still there after [`Self::take`] belongs to another distribution.
    fn left_over(&self) -> Option<&'static str> {
        [
            ("value", self.value.is_some()),
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("mean", self.mean.is_some()),
            ("deviation", self.deviation.is_some()),
            ("median", self.median.is_some()),
            ("sigma", self.sigma.is_some()),
            ("cv", self.cv.is_some()),
            ("scale", self.scale.is_some()),
            ("shape", self.shape.is_some()),
            ("values", self.values.is_some()),
        ]
        .into_iter()
        .find_map(|(name, present)| present.then_some(name))
    }
}

impl<Q: Quantity> TryFrom<Table<Q>> for Distribution<Q> {
    type Error = String;

    fn try_from(mut table: Table<Q>) -> Result<Self, String> {
        let distribution = table.take()?;
        match table.left_over() {
            Some(parameter) => Err(format!("`{parameter}` does not belong to this distribution")),
            None => distribution.check(),
        }
    }
}

impl<Q: Quantity> Serialize for Distribution<Q> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let table = match self.clone() {
            Self::Constant(value) => return value.serialize(to),
            Self::Uniform { min, max } => {
                Table { min: Some(min), max: Some(max), ..Table::named(Name::Uniform) }
            }
            Self::Normal { mean, deviation } => {
                Table { mean: Some(mean), deviation: Some(deviation), ..Table::named(Name::Normal) }
            }
            Self::Lognormal { median, sigma } => {
                Table { median: Some(median), sigma: Some(sigma), ..Table::named(Name::Lognormal) }
            }
            Self::Gamma { mean, cv } => {
                Table { mean: Some(mean), cv: Some(cv), ..Table::named(Name::Gamma) }
            }
            Self::Weibull { scale, shape } => {
                Table { scale: Some(scale), shape: Some(shape), ..Table::named(Name::Weibull) }
            }
            Self::Empirical { values } => {
                Table { values: Some(values), ..Table::named(Name::Empirical) }
            }
        };
        table.serialize(to)
    }
}

impl<'de, Q: Quantity> Deserialize<'de> for Distribution<Q> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Form(PhantomData))
    }
}

/// Reads either form where it stands, so that an error's line and column are the value's own.
struct Form<Q>(PhantomData<Q>);

impl<'de, Q: Quantity> Visitor<'de> for Form<Q> {
    type Value = Distribution<Q>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(Q::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Q::deserialize(text.into_deserializer()).map(Distribution::Constant)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Q::deserialize(number.into_deserializer()).map(Distribution::Constant)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Q::deserialize(number.into_deserializer()).map(Distribution::Constant)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Table::<Q>::deserialize(MapAccessDeserializer::new(map))?
            .try_into()
            .map_err(A::Error::custom)
    }
}
