//! Numbers in sixteen bits (IEEE 754 binary16): three digits are enough for a five-minute mean of weeks ago.

/// Larger numbers can't be told.
pub(super) const MAX: f32 = 65_504.0;

/// The nearest half to `value`; beyond [`MAX`] the largest one.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn from_f32(value: f32) -> u16 {
    if value.is_nan() {
        return 0x7e00;
    }
    let sign = ((value.to_bits() >> 16) & 0x8000) as u16;
    let size = value.abs().min(MAX);
    // Multiplying by 2⁻¹¹² lines the exponents up; what falls below the smallest normal number becomes a subnormal one.
    let bits = (size * f32::from_bits(0x0780_0000)).to_bits();
    // To nearest, ties to even, of the thirteen bits that are dropped.
    let rounded = bits + 0x0fff + ((bits >> 13) & 1);
    sign | ((rounded >> 13) as u16).min(0x7bff)
}

/// The number that a half stands for.
pub(super) fn to_f32(half: u16) -> f32 {
    if half & 0x7c00 == 0x7c00 {
        return f32::NAN;
    }
    let size = f32::from_bits(u32::from(half & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
    if half & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_within_a_two_thousandth() {
        for value in [0.0, 1.0, -1.0, 0.1, 3.75, 1234.5, -60_000.0, 1e-4, 7e4] {
            let kept = to_f32(from_f32(value));
            let wanted = value.clamp(-MAX, MAX);
            assert!((kept - wanted).abs() <= wanted.abs() / 2_000.0, "{value} came back as {kept}");
        }
        assert!(to_f32(from_f32(f32::NAN)).is_nan());
        assert!((to_f32(from_f32(1e-6)) - 1e-6).abs() < 6e-8, "what is tiny is kept to a fixed grain");
        assert_eq!(to_f32(from_f32(1e-30)), 0.0);
    }
}
