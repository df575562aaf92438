//! `LOLWUT [VERSION version]` answers a drawing and the version: here, an orbit around the moon.

use perilune_command::{Arg, Command, Flags, Group, Outcome, Spec, integer, is_token};
use perilune_resp::Reply;

use crate::call::Call;
use crate::table::{Handler, ServerCommand};

/// LOLWUT.
pub const LOLWUT: ServerCommand = Command::new(
    Spec {
        name: "lolwut",
        summary: "Displays computer art and the server version",
        group: Group::Server,
        since: "5.0.0",
        complexity: "",
        arity: -1,
        flags: Flags::READONLY.with(Flags::FAST),
        arguments: &[Arg::integer("version").after("VERSION").optional()],
        ..Spec::DEFAULT
    },
    Handler::Server(lolwut),
);

/// The orbit, its columns and lines.
const WIDTH: usize = 44;
const HEIGHT: usize = 15;

fn lolwut(_call: &mut Call<'_>, arguments: &[&[u8]], reply: &mut dyn Reply) -> Outcome {
    if let [_, option, version, ..] = arguments
        && is_token(option, "version")
    {
        // the drawings of versions 5 and 6 take their measures from more arguments; what we draw has its own
        let measures = match integer(version)? {
            5 => 3,
            6 => 2,
            _ => 0,
        };
        for measure in arguments[3..].iter().take(measures) {
            integer(measure)?;
        }
    }
    let mut drawing = orbit();
    drawing.push_str(&format!(
        "\nRedis ver. {} ({} {})\n",
        crate::REDIS_VERSION,
        crate::NAME,
        crate::VERSION
    ));
    reply.verbatim(b"txt", drawing.as_bytes());
    Ok(())
}

/// An ellipse with the moon in one of its focuses: perilune is where they are closest.
fn orbit() -> String {
    let mut canvas = vec![vec![b' '; WIDTH]; HEIGHT];
    let (half_width, half_height) = (WIDTH as f64 / 2.0 - 1.0, HEIGHT as f64 / 2.0 - 1.0);
    for step in 0..720 {
        let angle = f64::from(step).to_radians() / 2.0;
        let x = half_width * angle.cos() + WIDTH as f64 / 2.0;
        let y = half_height * angle.sin() + HEIGHT as f64 / 2.0;
        canvas[y as usize][x as usize] = b'.';
    }
    canvas[HEIGHT / 2][WIDTH - 9] = b'O';
    canvas[HEIGHT / 2][WIDTH - 2] = b'*';
    canvas
        .iter()
        .map(|line| String::from_utf8_lossy(line).trim_end().to_owned() + "\n")
        .collect()
}
