//! The timeline as a drawing: both runs on the same axes, the breaker's states above them.

use crate::ledger::Spell;
use crate::run::Run;
use crate::setting::Setting;
use crate::timeline::Sample;
use fusewire::State;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (1_000, 900);
const STATES_HEIGHT: u32 = 110;
pub const FONT: &str = "sans-serif";
pub const BARE: RGBColor = RGBColor(0xC0, 0x39, 0x2B);
pub const PROTECTED: RGBColor = RGBColor(0x1F, 0x6F, 0xB4);
const BAND: RGBColor = RGBColor(0xEE, 0xEE, 0xEE);

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = Result<(), Box<dyn Error>>;

pub fn draw(
    path: &Path,
    setting: &Setting,
    bare: &Run,
    protected: &Run,
    spells: &[Spell],
) -> Result<(), String> {
    let drawn = || -> Drawn {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (top, rest) = root.split_vertically(STATES_HEIGHT);
        states(&top, setting, spells)?;
        let panels = rest.split_evenly((3, 1));
        let runs = (bare.samples.as_slice(), protected.samples.as_slice());
        panel(&panels[0], setting, runs, "calls per second that reached the upstream", |s| Some(s.reached))?;
        panel(
            &panels[1],
            setting,
            runs,
            "of these in vain, each a failure that its user had to wait for",
            |s| Some(s.wasted),
        )?;
        let p99 = |s: &Sample| s.p99.map(|latency| latency.as_secs_f64() * 1e3);
        panel(&panels[2], setting, runs, "p99 latency that users saw, ms", p99)?;
        root.present()?;
        Ok(())
    };
    drawn().map_err(|e| format!("--plot {}: {e}", path.display()))
}

/// The breaker's states as a strip, with the phases' names above.
fn states(area: &Area<'_>, setting: &Setting, spells: &[Spell]) -> Drawn {
    let end = setting.script.duration().as_secs_f64();
    let mut chart = ChartBuilder::on(area)
        .caption("state of the breaker: closed green, open red, half-open amber", (FONT, 16))
        .margin(10)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..end, 0.0..2.0)?;
    // Probes that fail at once make a spell of a few milliseconds: it is drawn last, and wide enough to be seen.
    let mut strips: Vec<(State, f64, f64)> = Vec::new();
    for (index, spell) in spells.iter().enumerate() {
        let from = spell.began.as_secs_f64().min(end);
        let to = spells.get(index + 1).map_or(end, |next| next.began.as_secs_f64().min(end));
        strips.push((spell.state, from, to.max(from + end / 400.0)));
    }
    strips.sort_by_key(|(state, ..)| *state == State::HalfOpen);
    for (state, from, to) in strips {
        let colour = match state {
            State::Closed => RGBColor(0x58, 0xB3, 0x68),
            State::Open => RGBColor(0xD9, 0x53, 0x4F),
            State::HalfOpen => RGBColor(0xF0, 0xAD, 0x4E),
        };
        chart.draw_series([Rectangle::new([(from, 0.0), (to, 1.0)], colour.filled())])?;
    }
    let mut from = 0.0;
    for phase in setting.script.phases() {
        chart.draw_series([Text::new(phase.name.clone(), (from, 1.8), (FONT, 15))])?;
        from += phase.seconds;
    }
    Ok(())
}

/// One quantity of both runs over time, every other phase on a grey band.
fn panel(
    area: &Area<'_>,
    setting: &Setting,
    (bare, protected): (&[Sample], &[Sample]),
    title: &str,
    quantity: impl Fn(&Sample) -> Option<f64>,
) -> Drawn {
    let end = setting.script.duration().as_secs_f64();
    let top = bare.iter().chain(protected).filter_map(&quantity).fold(1.0, f64::max) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(10)
        .x_label_area_size(25)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    let mut from = 0.0;
    for (index, phase) in setting.script.phases().iter().enumerate() {
        let to = from + phase.seconds;
        if index % 2 == 1 {
            chart.draw_series([Rectangle::new([(from, 0.0), (to, top)], BAND.filled())])?;
        }
        from = to;
    }
    chart.configure_mesh().disable_x_mesh().light_line_style(WHITE.mix(0.0)).x_desc("seconds").draw()?;
    for (label, samples, colour) in [("unprotected", bare, BARE), ("protected", protected, PROTECTED)] {
        let points = samples.iter().filter_map(|s| Some((s.at.as_secs_f64().min(end), quantity(s)?)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}
