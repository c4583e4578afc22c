//! Kubernetes quantities: `0.5`, `500m`, `1Gi`, `2e3`.

use super::reader::Reader;
use super::scalar::Read;
use super::tree::{Kind, Node};

/// An amount of something, exact to a thousandth, as Kubernetes writes it (`k8s.io/apimachinery/pkg/api/resource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    thousandths: u64,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error(
        "\"{0}\" is no quantity; write a number and, where needed, m, k, M, G, T, Ki, Mi, Gi or Ti, as in 500m or 1Gi"
    )]
    Malformed(String),
    #[error("\"{0}\" is finer than a thousandth, the smallest amount of a resource")]
    TooFine(String),
    #[error("\"{0}\" is too much; the most is 16P")]
    TooMuch(String),
}

/// The suffixes: powers of ten, then powers of 1024.
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// Reads a quantity that is not negative.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::Malformed(text.to_owned());
        let too_much = || QuantityError::TooMuch(text.to_owned());
        let number = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(number);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && part.is_empty()) || part.contains('.') {
            return Err(malformed());
        }
        let (ten, two) = scale(suffix).ok_or_else(malformed)?;
        let part = part.trim_end_matches('0');
        let digits: u128 = match format!("{whole}{part}").trim_start_matches('0') {
            "" => return Ok(Self { thousandths: 0 }),
            digits => digits.parse().map_err(|_| too_much())?,
        };
        // In thousandths: digits * 2^two * 10^(ten + 3 - digits after the point).
        let ten = ten.saturating_add(3).saturating_sub(i32::try_from(part.len()).map_err(|_| malformed())?);
        let amount = digits.checked_mul(1 << two).ok_or_else(too_much)?;
        let thousandths = if ten >= 0 {
            10_u128.checked_pow(ten.unsigned_abs()).and_then(|power| amount.checked_mul(power)).ok_or_else(too_much)?
        } else {
            let power = 10_u128.checked_pow(ten.unsigned_abs()).filter(|power| amount.is_multiple_of(*power));
            amount / power.ok_or_else(|| QuantityError::TooFine(text.to_owned()))?
        };
        u64::try_from(thousandths).map(|thousandths| Self { thousandths }).map_err(|_| too_much())
    }

    /// In thousandths, as CPU is counted.
    #[must_use]
    pub fn thousandths(self) -> u64 {
        self.thousandths
    }

    /// In whole units, rounded up, as memory is counted.
    #[must_use]
    pub fn units(self) -> u64 {
        self.thousandths.div_ceil(1000)
    }
}

/// The powers of ten and of two that a suffix stands for.
fn scale(suffix: &str) -> Option<(i32, u32)> {
    if let Some((_, ten)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*ten, 0));
    }
    if let Some((_, two)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((0, *two));
    }
    suffix.strip_prefix(['e', 'E'])?.parse().ok().map(|ten| (ten, 0))
}

impl Read for Quantity {
    fn read(reader: &Reader<'_>, node: &Node) -> Option<Self> {
        let (Kind::Text(text) | Kind::Number(text)) = &node.kind else {
            reader.expected(node, "a quantity as in 0.5, 500m or 1Gi");
            return None;
        };
        Self::parse(text).map_err(|error| reader.report(node.span, error.to_string())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, thousandths: u64, units: u64) {
        let quantity = Quantity::parse(text).unwrap();
        assert_eq!((quantity.thousandths(), quantity.units()), (thousandths, units));
    }

    #[test]
    fn quantities_are_read_exactly() {
        check("0", 0, 0);
        check("1", 1_000, 1);
        check("0.5", 500, 1);
        check(".5", 500, 1);
        check("1.", 1_000, 1);
        check("500m", 500, 1);
        check("0.1", 100, 1);
        check("2000000n", 2, 1);
        check("3000u", 3, 1);
    }

    #[test]
    fn suffixes_are_powers_of_ten_or_of_1024() {
        check("2k", 2_000_000, 2_000);
        check("2e3", 2_000_000, 2_000);
        check("5E-1", 500, 1);
        check("1M", 1_000_000_000, 1_000_000);
        check("1Ki", 1_024_000, 1_024);
        check("1.5Gi", 1_610_612_736_000, 1_610_612_736);
        check("800Gi", 858_993_459_200_000, 858_993_459_200);
        check("8Pi", 9_007_199_254_740_992_000, 9_007_199_254_740_992);
        check("129M", 129_000_000_000, 129_000_000);
        check("128974848000m", 128_974_848_000, 128_974_848);
        check("0.0E", 0, 0);
        check("000000000000000000000000000000000000000000000000001", 1_000, 1);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in
            ["", ".", "m", "-1", "+1", "1.2.3", "1 Gi", "1gi", "1KiB", "1e", "e3", "1e3.5", "0x10", "1_000", "½"]
        {
            assert!(matches!(Quantity::parse(text), Err(QuantityError::Malformed(_))), "{text}");
        }
        for text in ["0.5m", "0.0001", "1n", "1e-99", "1e-2147483648", "0.0001Ki"] {
            assert!(matches!(Quantity::parse(text), Err(QuantityError::TooFine(_))), "{text}");
        }
        for text in ["20P", "16Ei", "1e30", "1e2147483647", "99999999999999999999999999999999999999999999"] {
            assert!(matches!(Quantity::parse(text), Err(QuantityError::TooMuch(_))), "{text}");
        }
    }
}
