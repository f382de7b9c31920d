//! What a plan foresees, before anything is sent: as a table, as a picture, and act by act.

use std::{
    error::Error,
    fmt::{self, Write as _},
    io,
    path::Path,
    time::Duration,
};

use chinwag_scenarios::{Act, Deed, Plan, PlannedDeed, PlannedStage};
use plotters::prelude::*;

use chinwag_bots::number;

/// Columns of the picture.
const COLUMNS: usize = 200;
/// Width and height of the picture, in pixels.
const SIZE: (u32, u32) = (900, 460);
const MESSAGES: RGBColor = RGBColor(0x1f, 0x5f, 0xbf);
const OTHERS: RGBColor = RGBColor(0xd9, 0x7b, 0x1f);
const EVENT: RGBColor = RGBColor(0xb0, 0x20, 0x20);

/// One line that says how much a plan is.
pub(crate) fn line(plan: &Plan) -> String {
    let deliveries = match plan.deliveries() {
        Some(deliveries) => format!("{} deliveries", number(deliveries)),
        None => "deliveries that depend on who is where".into(),
    };
    format!(
        "{} clients in {} rooms, {} messages, {deliveries}, {:.1} s and then at most {:.1} s",
        number(plan.clients().into()),
        number(plan.rooms().into()),
        number(plan.sends().len() as u64),
        plan.duration().as_secs_f64(),
        plan.drain().as_secs_f64(),
    )
}

/// A plan as people read it.
pub(crate) fn table(plan: &Plan) -> String {
    let mut text = String::new();
    write_table(&mut text, plan).expect("text takes what is written");
    text
}

fn write_table(out: &mut String, plan: &Plan) -> fmt::Result {
    writeln!(out, "{}  seed {}  {}", plan.scenario(), plan.seed(), line(plan))?;
    let sizes = || (0..plan.rooms()).map(|room| plan.members_of(room).len());
    writeln!(
        out,
        "rooms        {} to {} members each",
        sizes().min().unwrap_or_default(),
        number(sizes().max().unwrap_or_default() as u64)
    )?;
    let connect = plan.connect_at(plan.clients() - 1).as_secs_f64();
    writeln!(out, "connections  {}/s, {connect:.1} s before the first stage", plan.connect().rate)?;
    writeln!(
        out,
        "{:<28} {:>9} {:>9} {:>11} {:>9} {:>13}",
        "scenario: stage", "from", "to", "messages", "a second", "deliveries"
    )?;
    for (stage, number) in plan.stages().iter().zip(0..) {
        write_stage(out, plan, stage, number)?;
    }
    for (name, count) in deeds(plan) {
        writeln!(out, "and          {name} {}", number(count))?;
    }
    for event in plan.events() {
        let (at, until) = (event.at.as_secs_f64(), event.until.as_secs_f64());
        let hit = number(event.targets.len() as u64);
        writeln!(out, "event        {:?} at {at:.1} s of {hit} clients, until {until:.1} s", event.kind)?;
    }
    Ok(())
}

fn write_stage(out: &mut String, plan: &Plan, stage: &PlannedStage, number_of: u16) -> fmt::Result {
    let sends = || plan.sends().iter().filter(|send| send.stage == number_of);
    let deliveries: u64 = sends().map(|send| plan.members_of(send.room).len() as u64).sum();
    let (count, seconds) = (sends().count() as u64, (stage.end - stage.start).as_secs_f64());
    writeln!(
        out,
        "  {:<26} {:>7.1} s {:>7.1} s {:>11} {:>9.1} {:>13}",
        format!("{}: {}", stage.scenario, stage.name),
        stage.start.as_secs_f64(),
        stage.end.as_secs_f64(),
        number(count),
        count as f64 / seconds,
        number(deliveries),
    )
}

/// What is done beside speaking, and how often.
fn deeds(plan: &Plan) -> Vec<(&'static str, u64)> {
    let mut counts = Vec::new();
    for name in ["typing", "history", "leave", "join", "nonsense"] {
        let count = plan.deeds().iter().filter(|deed| name_of(deed.deed) == name).count() as u64;
        counts.extend((count > 0).then_some((name, count)));
    }
    counts
}

const fn name_of(deed: Deed) -> &'static str {
    match deed {
        Deed::Typing => "typing",
        Deed::History(_) => "history",
        Deed::Leave => "leave",
        Deed::Join => "join",
        Deed::Nonsense(_) => "nonsense",
    }
}

/// Writes every act as CSV, by time.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write_each(plan: &Plan, out: impl io::Write) -> Result<(), csv::Error> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(["at_us", "client", "user", "room", "what", "bytes", "stage"])?;
    for (at, act) in plan.acts() {
        let (client, room, what, bytes, stage) = match act {
            Act::Send(send) => {
                let send = plan.sends()[send as usize];
                let stage = &plan.stages()[usize::from(send.stage)];
                let stage = format!("{}: {}", stage.scenario, stage.name);
                (send.client, send.room, "say", send.size.to_string(), stage)
            }
            Act::Deed(deed) => {
                let PlannedDeed { client, room, deed, .. } = plan.deeds()[deed as usize];
                let bytes = match deed {
                    Deed::Nonsense(size) => size.to_string(),
                    _ => String::new(),
                };
                (client, room, name_of(deed), bytes, String::new())
            }
            // What befalls is nobody's act; the table tells it.
            Act::Event(_) => continue,
        };
        let numbers = [at.as_micros().to_string(), client.to_string()];
        let [at, client_number] = &numbers;
        let (user, room) = (plan.user_name(client), plan.room_name(room));
        out.write_record([at, client_number, &user, &room, what, &bytes, &stage])?;
    }
    Ok(out.flush()?)
}

/// Draws how much is done when, as an SVG file.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn draw(plan: &Plan, path: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let length = plan.duration();
    let messages = rates(plan.sends().iter().map(|send| send.at), length);
    let others = rates(plan.deeds().iter().map(|deed| deed.at), length);
    let highest = messages.iter().chain(&others).map(|point| point.1).fold(1.0, f64::max);
    let seconds = length.as_secs_f64();
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(text)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(format!("{}: {}", plan.scenario(), line(plan)), ("sans-serif", 14))
        .margin(14)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(0f64..seconds, 0f64..highest * 1.05)
        .map_err(text)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("seconds after the first stage's start")
        .y_desc("a second")
        .draw()
        .map_err(text)?;
    for (name, points, colour) in [("messages", messages, MESSAGES), ("other acts", others, OTHERS)] {
        if points.iter().all(|(_, rate)| *rate == 0.0) {
            continue;
        }
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))
            .map_err(text)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    for event in plan.events() {
        let at = event.at.as_secs_f64();
        chart
            .draw_series(LineSeries::new([(at, 0.0), (at, highest * 1.05)], EVENT.stroke_width(1)))
            .map_err(text)?;
    }
    chart.configure_series_labels().background_style(WHITE).draw().map_err(text)?;
    root.present().map_err(text)
}

/// (seconds, how many a second), column by column.
fn rates(instants: impl Iterator<Item = Duration>, length: Duration) -> Vec<(f64, f64)> {
    let column = length.as_secs_f64() / COLUMNS as f64;
    let mut counts = [0u32; COLUMNS];
    for at in instants {
        let place = (at.as_secs_f64() / column) as usize;
        counts[place.min(COLUMNS - 1)] += 1;
    }
    let point = |(place, &count): (usize, &u32)| ((place as f64 + 0.5) * column, f64::from(count) / column);
    counts.iter().enumerate().map(point).collect()
}

/// Drawing errors borrow the drawing area; what they say does not.
fn text(error: impl Error) -> Box<dyn Error + Send + Sync> {
    error.to_string().into()
}

#[cfg(test)]
mod tests {
    use chinwag_scenarios::{Overrides, Scenario};

    use super::*;

    fn plan() -> Plan {
        let scenario = Scenario::parse(
            "x.toml",
            r#"
            run = { name = "x", seed = 1, clients = 6 }
            rooms = { size = 3 }
            scenario = [{ name = "a", executor = "shared-iterations", iterations = 8, duration = "4s", flow = ["typing", "say"] }]
            event = [{ at = "1s", kind = "reset", fraction = 0.5, down_for = "1s" }]
            "#,
        );
        Plan::new(&scenario.unwrap(), Overrides::default()).unwrap()
    }

    #[test]
    fn the_table_says_what_will_be_sent() {
        let table = table(&plan());
        for part in [
            "6 clients in 2 rooms, 8 messages, 24 deliveries, 4.0 s",
            "  a: a                           0.0 s     4.0 s           8       2.0            24",
            "typing 8",
            "Reset at 1.0 s of 2 clients, until 2.0 s",
        ] {
            assert!(table.contains(part), "{part} in {table}");
        }
    }

    #[test]
    fn every_act_is_a_line() {
        let mut csv = Vec::new();
        write_each(&plan(), &mut csv).unwrap();
        let text = String::from_utf8(csv).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!((text.lines().count(), count(",typing,"), count(",say,100,a: a")), (17, 8, 8), "{text}");
    }

    #[test]
    fn rates_add_up_to_what_there_is() {
        let instants = [0, 10, 10, 999, 1_000].map(Duration::from_millis);
        let points = rates(instants.into_iter(), Duration::from_secs(1));
        let sum: f64 = points.iter().map(|(_, rate)| rate * 0.005).sum();
        assert!((sum - 5.0).abs() < 1e-6, "{sum}");
        assert!((points[2].1 - 400.0).abs() < 1e-6, "{:?}", points[2]);
    }
}
