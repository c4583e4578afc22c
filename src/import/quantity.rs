//! Kubernetes quantities: `500m`, `2Gi`, `1e3`.
//!
//! See <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

/// The suffixes and what they stand for; the longer of two that end alike first.
const SUFFIXES: [(&str, f64); 16] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

/// Reads a quantity; `None` where it is none, or not finite.
pub(super) fn parse(text: &str) -> Option<f64> {
    let (number, factor) = SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number = text.strip_suffix(suffix)?;
        number.ends_with(|last: char| last.is_ascii_digit() || last == '.').then_some((number, *factor))
    })?;
    // Rust's floats may also be called "inf" and "nan", which end in no digit.
    let number: f64 = number.parse().ok()?;
    // A division by a whole number is exact where a product with a fraction is not: 700m is 0.7.
    let value = if factor < 1.0 { number / (1.0 / factor).round() } else { number * factor };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quantities_read_as_in_kubernetes() {
        #[track_caller]
        fn check(text: &str, want: Option<f64>) {
            assert_eq!(parse(text), want, "{text}");
        }
        check("700m", Some(0.7));
        check("100", Some(100.0));
        check("0.5", Some(0.5));
        check("2Gi", Some(2_147_483_648.0));
        check("3k", Some(3000.0));
        check("1e3", Some(1000.0));
        check("250u", Some(0.000_25));
        for broken in ["", "m", "Gi", "1x", "nan", "inf", "1e999", "--1", "1 m"] {
            check(broken, None);
        }
    }
}
