//! Goodput and p99 of each level as bars.

use super::Runs;
use super::plan::MIX;
use super::report::p99;
use super::run::Run;
use crate::load::Ending;
use crate::plot::{Area, BARE, Drawn, FONT, PROTECTED};
use fusewire::Priority;
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (1_000, 700);
const CALM: RGBColor = RGBColor(0x9A, 0x9A, 0x9A);
const WIDTH: f64 = 0.26;
/// Room beside the bars.
const LEGEND: f64 = 0.7;

pub fn draw(path: &Path, runs: &Runs) -> Result<(), String> {
    let drawn = || -> Drawn {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let panels = root.split_evenly((2, 1));
        panel(&panels[0], runs, "goodput: answers in time, % of the calls of the level", |run, level| {
            let answered = run.of(level).filter(|call| call.call.ending == Ending::Answered).count();
            Some(answered as f64 / run.of(level).count().max(1) as f64 * 100.0)
        })?;
        panel(&panels[1], runs, "p99 of the calls that were made, ms", |run, level| {
            Some(p99(run.of(level))?.as_secs_f64() * 1e3)
        })?;
        root.present()?;
        Ok(())
    };
    drawn().map_err(|e| format!("--plot {}: {e}", path.display()))
}

/// Three bars for each level.
fn panel(
    area: &Area<'_>,
    runs: &Runs,
    title: &str,
    quantity: impl Fn(&Run, Priority) -> Option<f64>,
) -> Drawn {
    let bars = [
        ("unloaded", &runs.unloaded, CALM),
        ("as it comes", &runs.bare, BARE),
        ("admitted", &runs.admitted, PROTECTED),
    ];
    let all = bars.iter().flat_map(|(_, run, _)| MIX.iter().filter_map(|(level, _)| quantity(run, *level)));
    let top = all.fold(1.0, f64::max) * 1.25;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(10)
        .x_label_area_size(25)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..MIX.len() as f64 + LEGEND, 0.0..top)?;
    chart.configure_mesh().disable_x_mesh().disable_x_axis().light_line_style(WHITE.mix(0.0)).draw()?;
    for (place, (label, run, colour)) in bars.into_iter().enumerate() {
        let bar = |(at, (level, _)): (usize, &(Priority, u64))| {
            let left = at as f64 + 0.1 + place as f64 * WIDTH;
            let height = quantity(run, *level)?;
            Some(Rectangle::new([(left, 0.0), (left + WIDTH, height)], colour.filled()))
        };
        chart
            .draw_series(MIX.iter().enumerate().filter_map(bar))?
            .label(label)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 20, y + 5)], colour.filled()));
    }
    for (at, (level, share)) in MIX.iter().enumerate() {
        let text = format!("{} ({share} % of the calls)", level.name());
        chart.draw_series([Text::new(text, (at as f64 + 0.1, top * 0.99), (FONT, 14))])?;
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}
