//! Is there a season, and what does it look like?

/// The classical additive decomposition (M. Kendall and A. Stuart, "The Advanced Theory of Statistics", volume 3, 1983; R's
/// `decompose`): what each step of a season adds, sums to zero; and the centred moving average, where it is whole.
pub(super) fn decompose(values: &[f64], season: usize) -> (Vec<f64>, Vec<f64>) {
    let trend = moving_average(values, season);
    let mut figure = vec![0.0; season];
    let mut counts = vec![0_u32; season];
    for (at, trend) in trend.iter().enumerate() {
        let at = at + season / 2;
        figure[at % season] += values[at] - trend;
        counts[at % season] += 1;
    }
    figure.iter_mut().zip(&counts).for_each(|(sum, count)| *sum /= f64::from((*count).max(1)));
    let mean = figure.iter().sum::<f64>() / season.max(1) as f64;
    for step in &mut figure {
        *step -= mean;
    }
    (figure, trend)
}

/// Means over one season around each step, from step `season / 2` on; the ends count half where the season is even.
fn moving_average(values: &[f64], season: usize) -> Vec<f64> {
    let wide = season + 1 - season % 2;
    let mut sum: f64 = values.iter().take(wide - 1).sum();
    let mut means = Vec::with_capacity(values.len());
    for window in values.windows(wide) {
        let (first, last) = (window[0], window[wide - 1]);
        sum += last;
        let whole = if season.is_multiple_of(2) { sum - f64::midpoint(first, last) } else { sum };
        means.push(whole / season as f64);
        sum -= first;
    }
    means
}

/// Whether the autocorrelation at one season is beyond what chance gives in nine of ten series, as in R's `thetaf` and in
/// the M competitions (V. Assimakopoulos and K. Nikolopoulos, 2000).
pub(super) fn is_seasonal(values: &[f64], season: usize) -> bool {
    if season < 2 || values.len() <= 2 * season {
        return false;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let size: f64 = centred.iter().map(|value| value * value).sum();
    let at_lag = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>() / size;
    let before: f64 = (1..season).map(|lag| at_lag(lag).powi(2)).sum();
    let limit = 1.645 * ((1.0 + 2.0 * before) / values.len() as f64).sqrt();
    at_lag(season).abs() > limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_taken_out_of_a_trend() {
        let figure = [2.0, -1.0, -1.0, 0.0];
        let values: Vec<f64> = (0..20).map(|at| 10.0 + 0.5 * at as f64 + figure[at % 4]).collect();
        let (found, trend) = decompose(&values, 4);
        assert!(found.iter().zip(figure).all(|(found, want)| (found - want).abs() < 1e-9), "{found:?}");
        assert!(
            trend.iter().zip(2..).all(|(trend, at)| (trend - 10.0 - 0.5 * f64::from(at)).abs() < 1e-9),
            "{trend:?}"
        );
        let (found, _) = decompose(&[1.0, 2.0, 6.0, 1.0, 2.0, 6.0], 3);
        assert!(found.iter().zip([-2.0, -1.0, 3.0]).all(|(found, want)| (found - want).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn noise_and_constants_have_no_season() {
        let mut state = 1_u64;
        let noise = (0..200).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24)
        });
        let noise: Vec<f64> = noise.collect();
        let waves: Vec<f64> =
            (0..).map(|at| f64::from(at % 12)).zip(&noise).map(|(wave, noise)| wave + noise).collect();
        assert!(is_seasonal(&waves, 12));
        assert!(!is_seasonal(&noise, 12));
        assert!(!is_seasonal(&[3.0; 100], 12));
        assert!(!is_seasonal(&[1.0, 2.0], 2));
    }
}
