//! The three runs over time, on the same axes.

use super::plan::Plan;
use super::report::p99;
use super::run::{Run, TICK};
use super::{CAPACITY, Runs};
use crate::load::Ending;
use crate::plot::{Area, BARE, Drawn, FONT, PROTECTED};
use plotters::prelude::*;
use std::path::Path;
use std::time::Duration;

const SIZE: (u32, u32) = (1_000, 1_100);
const BUDGET: RGBColor = RGBColor(0xE0, 0x8E, 0x0B);
const BAND: RGBColor = RGBColor(0xEE, 0xEE, 0xEE);

/// What a panel shows of a run: when, and how much.
type Points = Vec<(f64, f64)>;

pub fn draw(path: &Path, plan: &Plan, runs: &Runs) -> Result<(), String> {
    let drawn = || -> Drawn {
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let panels = root.split_evenly((4, 1));
        let title = "requests per second at the upstream (dashed: what it can answer; the brown-out is grey)";
        panel(&panels[0], plan, runs, title, Some(CAPACITY), offered)?;
        panel(&panels[1], plan, runs, "goodput: calls answered per second", Some(CAPACITY), goodput)?;
        panel(&panels[2], plan, runs, "requests at the upstream per call that began", Some(1.0), |run| {
            amplification(plan, run)
        })?;
        panel(
            &panels[3],
            plan,
            runs,
            "p99 of the calls that began, turned away ones left out, ms",
            None,
            |run| latency(plan, run),
        )?;
        root.present()?;
        Ok(())
    };
    drawn().map_err(|e| format!("--plot {}: {e}", path.display()))
}

/// Requests at the upstream in each tick: when it ended, how long it was, how many there were.
fn ticks(run: &Run) -> impl Iterator<Item = (Duration, Duration, u64)> {
    let before = std::iter::once((Duration::ZERO, 0)).chain(run.received_by.iter().copied());
    before.zip(&run.received_by).map(|((from, had), (to, has))| (*to, to.saturating_sub(from), has - had))
}

fn offered(run: &Run) -> Points {
    ticks(run).map(|(at, tick, count)| (at.as_secs_f64(), count as f64 / tick.as_secs_f64())).collect()
}

fn amplification(plan: &Plan, run: &Run) -> Points {
    let calls = plan.calls();
    let began = |from: Duration, to: Duration| calls.iter().filter(|(at, _)| (from..to).contains(at)).count();
    let share = |(at, tick, count): (Duration, Duration, u64)| {
        (at.as_secs_f64(), count as f64 / began(at.saturating_sub(tick), at).max(1) as f64)
    };
    ticks(run).map(share).collect()
}

/// The ends of the ticks of the plan.
fn marks(plan: &Plan) -> impl Iterator<Item = Duration> {
    let count = (plan.length().as_secs_f64() / TICK.as_secs_f64()) as u32;
    (1..=count).map(|number| TICK * number)
}

fn goodput(run: &Run) -> Points {
    let ended = |from: Duration, to: Duration| {
        let answered = run.calls.iter().map(|call| &call.call).filter(|call| call.ending == Ending::Answered);
        answered.filter(|call| (from..to).contains(&(call.planned + call.latency))).count()
    };
    let at = run.received_by.iter().map(|(at, _)| *at);
    let before = std::iter::once(Duration::ZERO).chain(run.received_by.iter().map(|(at, _)| *at));
    let rate = |(from, to): (Duration, Duration)| {
        (to.as_secs_f64(), ended(from, to) as f64 / to.saturating_sub(from).as_secs_f64())
    };
    before.zip(at).map(rate).collect()
}

fn latency(plan: &Plan, run: &Run) -> Points {
    let of = |to: Duration| Some((to.as_secs_f64(), p99(run, to - TICK, to)?.as_secs_f64() * 1e3));
    marks(plan).filter_map(of).collect()
}

fn panel(
    area: &Area<'_>,
    plan: &Plan,
    runs: &Runs,
    title: &str,
    line: Option<f64>,
    quantity: impl Fn(&Run) -> Points,
) -> Drawn {
    let end = plan.length().as_secs_f64();
    let [before, brown_out, _] = plan.phases.each_ref().map(|phase| phase.length.as_secs_f64());
    let all = runs.named().map(|(name, run)| (name, quantity(run)));
    let top =
        all.iter().flat_map(|(_, points)| points).map(|point| point.1).chain(line).fold(1.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 16))
        .margin(10)
        .x_label_area_size(25)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart.draw_series([Rectangle::new([(before, 0.0), (before + brown_out, top)], BAND.filled())])?;
    chart.configure_mesh().disable_x_mesh().light_line_style(WHITE.mix(0.0)).x_desc("seconds").draw()?;
    if let Some(height) = line {
        chart.draw_series(DashedLineSeries::new(
            [(0.0, height), (end, height)],
            6,
            4,
            BLACK.mix(0.5).into(),
        ))?;
    }
    for ((name, points), colour) in all.into_iter().zip([BARE, BUDGET, PROTECTED]) {
        let points = points.into_iter().map(|(at, height)| (at.min(end), height));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    let labels = &mut chart.configure_series_labels();
    // Before the brown-out all lines are low.
    labels
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}
