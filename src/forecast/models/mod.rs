//! The models of the field by their names, alike behind [`Forecaster`].
//!
//! In comes a [`Series`](super::Series) that may have holes, out come expected values. What all of them need is taken care
//! of once, in [`careful`]: holes are filled by the shape of the season and never learned from as zeros, values are brought
//! to a size at which sums of squares stay finite, and no forecast is NaN, infinite, or negative where history is not.
//! A model file holds the method alone, on clean values, and names its source.
//!
//! Between two fits each model follows the series by `update`, in constant time but for `ridge`, which takes microseconds.

mod arima;
mod arma;
mod careful;
mod ets;
mod gaps;
mod holt;
mod holt_winters;
mod linear;
#[cfg(feature = "lstm")]
mod lstm;
mod minimize;
mod mstl;
mod naive;
#[cfg(feature = "prophet")]
mod prophet;
mod ridge;
mod seasonal;
mod smooth;
#[cfg(test)]
mod tests;
mod theta;

use super::Forecaster;
use careful::Careful;

/// All models of this build, by name, the simplest first.
pub const NAMES: &[&str] = &[
    "naive",
    "seasonal_naive",
    "drift",
    "holt",
    "holt_winters",
    "theta",
    "arima",
    "ets",
    "mstl",
    "ridge",
    #[cfg(feature = "prophet")]
    "prophet",
    #[cfg(feature = "lstm")]
    "lstm",
];

/// A model by its name, not fitted yet; `None` where there is no such model in this build.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Forecaster>> {
    Some(match name {
        "naive" => Box::new(Careful::<naive::Naive>::default()),
        "seasonal_naive" => Box::new(Careful::<naive::SeasonalNaive>::default()),
        "drift" => Box::new(Careful::<naive::Drift>::default()),
        "holt" => Box::new(Careful::<holt::Holt>::default()),
        "holt_winters" => Box::new(Careful::<holt_winters::HoltWinters>::default()),
        "theta" => Box::new(Careful::<theta::Theta>::default()),
        "arima" => Box::new(Careful::<arima::Arima>::default()),
        "ets" => Box::new(Careful::<ets::Ets>::default()),
        "mstl" => Box::new(Careful::<mstl::Mstl>::default()),
        "ridge" => Box::new(Careful::<ridge::Ridge>::default()),
        #[cfg(feature = "prophet")]
        "prophet" => Box::new(Careful::<prophet::Prophet>::default()),
        #[cfg(feature = "lstm")]
        "lstm" => Box::new(Careful::<lstm::Lstm>::default()),
        _ => return None,
    })
}
