//! The scene as a timeline: a strip for the breaker and one for each feature.

use super::log::What;
use super::run::Run;
use super::{DOWN, NAMES};
use crate::plot::{Drawn, FONT};
use fusewire::{FeatureState, State};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (1_000, 420);
const GOOD: RGBColor = RGBColor(0x58, 0xB3, 0x68);
const TRIED: RGBColor = RGBColor(0xF0, 0xAD, 0x4E);
const BAD: RGBColor = RGBColor(0xD9, 0x53, 0x4F);
/// Strips, the breaker's among them.
const STRIPS: usize = NAMES.len() + 1;
/// Room above the strips, for what the upstream was told.
const ABOVE: f64 = 0.8;

/// A stretch of one colour.
type Stretch = (f64, f64, RGBColor);

pub fn draw(path: &Path, run: &Run) -> Result<(), String> {
    let drawn = || -> Drawn {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let end = run.lasted.as_secs_f64();
        let top = STRIPS as f64 + ABOVE;
        let mut chart = ChartBuilder::on(&root)
            .caption("closed, enabled: green; half-open, testing: amber; open, disabled: red", (FONT, 16))
            .margin(10)
            .x_label_area_size(35)
            .build_cartesian_2d(-0.14 * end..end, 0.0..top)?;
        chart.configure_mesh().disable_mesh().disable_y_axis().x_desc("seconds").draw()?;
        for (row, name) in std::iter::once("breaker").chain(NAMES).enumerate() {
            let bottom = (STRIPS - 1 - row) as f64;
            chart.draw_series([Text::new(name, (-0.14 * end, bottom + 0.6), (FONT, 14))])?;
            let strips = strip(run, name).into_iter();
            chart.draw_series(strips.map(|(from, to, colour)| {
                Rectangle::new([(from, bottom + 0.15), (to, bottom + 0.85)], colour.filled())
            }))?;
        }
        // At two heights, so that neighbours do not hide each other.
        for (place, (at, text)) in told(run).into_iter().enumerate() {
            chart.draw_series([PathElement::new([(at, 0.0), (at, top)], BLACK.mix(0.6))])?;
            let height = top - 0.05 - 0.35 * (place % 2) as f64;
            chart.draw_series([Text::new(text, (at + 0.005 * end, height), (FONT, 13))])?;
        }
        root.present()?;
        Ok(())
    };
    drawn().map_err(|e| format!("--plot {}: {e}", path.display()))
}

/// What the upstream was told, and when.
fn told(run: &Run) -> Vec<(f64, String)> {
    let told = run.entries.iter().filter_map(|entry| match entry.what {
        What::Upstream { phase, feature } => {
            let verb = if phase == DOWN { "fails" } else { "works" };
            Some((entry.at.as_secs_f64(), format!("{} {verb}", feature.unwrap_or("upstream"))))
        }
        _ => None,
    });
    told.collect()
}

/// The states of the breaker, or of a feature, as stretches.
fn strip(run: &Run, name: &str) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let (mut from, mut colour) = (0.0, GOOD);
    let end = run.lasted.as_secs_f64();
    let changes =
        run.entries.iter().filter_map(|entry| Some((entry.at.as_secs_f64(), entered(&entry.what, name)?)));
    for (at, next) in changes.chain([(end, GOOD)]) {
        // A probe that fails at once is wide enough to be seen all the same.
        stretches.push((from, at.max(from + end / 400.0), colour));
        (from, colour) = (at, next);
    }
    stretches.sort_by_key(|(.., colour)| *colour == TRIED);
    stretches
}

/// The colour of the state that it enters; `None`: it is another's.
fn entered(what: &What, who: &str) -> Option<RGBColor> {
    match what {
        What::Breaker { to, .. } if who == "breaker" => Some(match to {
            State::Closed => GOOD,
            State::HalfOpen => TRIED,
            State::Open => BAD,
        }),
        What::Feature { name, to, .. } if who == name => Some(match to {
            FeatureState::Enabled => GOOD,
            FeatureState::Testing => TRIED,
            FeatureState::Disabled => BAD,
        }),
        _ => None,
    }
}
