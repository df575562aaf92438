//! CPU time per operation under load, each server in turn on the same work.
//!
//! For every workload and round each server starts afresh, pinned to one core with one loop, is filled, warmed up
//! and measured while valkey-benchmark runs on the other core; then the next server. Ratios are taken within a
//! round, so that a slow minute of the machine hits both sides.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::args::{Contender, Options};
use crate::children;
use crate::report::{Section, median, progress, spread};
use crate::server::{Server, Setup};
use crate::workloads::{CONNECTIONS, Workload, with_prefix};

/// The warm-up takes this part of the measured operations.
const WARM_UP_SHARE: usize = 10;

/// One server in one round.
struct Sample {
    cpu_us_per_op: f64,
    ops_per_second: f64,
}

/// Measures every chosen workload.
pub fn run(options: &Options) -> Result<Section, String> {
    let mut section = Section {
        text: headline(options),
        json: json!([]),
        passed: true,
    };
    let mut rows = Vec::new();
    for workload in &options.workloads {
        let mut samples: Vec<Vec<Sample>> = options.servers.iter().map(|_| Vec::new()).collect();
        for round in 1..=options.rounds {
            for (server, samples) in options.servers.iter().zip(&mut samples) {
                progress(&format!(
                    "{} round {round}/{}: {}",
                    workload.name, options.rounds, server.name
                ));
                samples.push(measure(options, server, workload)?);
            }
        }
        rows.push(row(options, workload, &samples, &mut section));
    }
    section.json = json!(rows);
    Ok(section)
}

fn measure(
    options: &Options,
    contender: &Contender,
    workload: &Workload,
) -> Result<Sample, String> {
    let setup = Setup {
        core: Some(options.server_core),
        ..Setup::of(contender)
    };
    let server = setup.start()?;
    let command = workload.prepare(&mut server.client()?)?;
    let operations = ((workload.operations as f64 * options.scale) as usize)
        .max(CONNECTIONS * workload.pipeline);

    // Under a prefix of its own where nothing is preloaded, so that inserts stay part of the measured run.
    let warm = if matches!(workload.preload, crate::workloads::Preload::Nothing) {
        "warm"
    } else {
        "key"
    };
    load(
        options,
        &server,
        workload,
        &with_prefix(&command, warm),
        operations / WARM_UP_SHARE,
    )?;
    let before = server.cpu_time()?;
    let ops_per_second = load(
        options,
        &server,
        workload,
        &with_prefix(&command, "key"),
        operations,
    )?;
    let spent = server.cpu_time()?.saturating_sub(before);
    server.stop()?;
    Ok(Sample {
        cpu_us_per_op: spent.as_secs_f64() * 1e6 / operations as f64,
        ops_per_second,
    })
}

/// Runs the load generator; returns operations per second.
fn load(
    options: &Options,
    server: &Server,
    workload: &Workload,
    command: &[String],
    operations: usize,
) -> Result<f64, String> {
    let generator = options
        .load_generator
        .as_ref()
        .ok_or("--load-generator is missing")?;
    let mut process = Command::new("taskset");
    process
        .args(["-c", &options.load_core.to_string()])
        .arg(generator)
        .args(["-h", "127.0.0.1", "-p", &server.port().to_string(), "--csv"])
        .args([
            "-c",
            &CONNECTIONS.to_string(),
            "-n",
            &operations.to_string(),
        ])
        .args([
            "-P",
            &workload.pipeline.to_string(),
            "-r",
            &workload.range.to_string(),
        ])
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (status, output, errors) = children::spawn(&mut process)?.output()?;
    requests_per_second(&output)
        .filter(|_| status.success() && !output.contains("Error"))
        .ok_or_else(|| {
            format!(
                "the load generator failed on {}: {output}{errors}",
                workload.name
            )
        })
}

/// The last line of valkey-benchmark's CSV: the test's name (which may hold commas), then seven numbers of which
/// the first is requests per second.
fn requests_per_second(csv: &str) -> Option<f64> {
    let field = csv.trim_end().lines().last()?.rsplit(',').nth(6)?;
    field.trim_matches('"').parse().ok()
}

fn headline(options: &Options) -> String {
    let mut text = format!(
        "\nCPU time per operation, one loop each, {CONNECTIONS} connections, median of {} rounds, ratio to {}\n",
        options.rounds,
        options.reference().name
    );
    let columns = (
        "workload", "server", "us/op", "ops/s", "ratio", "spread", "at most", "stretch",
    );
    let (a, b, c, d, e, f, g, h) = columns;
    text += &format!("{a:<22}{b:<12}{c:>9}{d:>11}{e:>8}{f:>14}{g:>9}{h:>9}\n");
    text
}

fn row(
    options: &Options,
    workload: &Workload,
    samples: &[Vec<Sample>],
    section: &mut Section,
) -> serde_json::Value {
    let reference = samples.len() - 1;
    let mut servers = serde_json::Map::new();
    for (index, contender) in options.servers.iter().enumerate() {
        let cpu: Vec<f64> = samples[index].iter().map(|s| s.cpu_us_per_op).collect();
        let throughput: Vec<f64> = samples[index].iter().map(|s| s.ops_per_second).collect();
        let ratios: Vec<f64> = cpu
            .iter()
            .zip(&samples[reference])
            .map(|(c, r)| c / r.cpu_us_per_op)
            .collect();
        let (ratio, (low, high)) = (median(&ratios), spread(&ratios));
        let label = if index == 0 { workload.name } else { "" };
        let (name, us, ops) = (&contender.name, median(&cpu), median(&throughput));
        section.text += &format!("{label:<22}{name:<12}{us:>9.3}{ops:>11.0}");
        let mut entry = json!({ "cpu_us_per_op": cpu, "ops_per_second": throughput });
        if index != reference {
            let bar = &workload.bar;
            let (at_most, stretch, verdict) = (bar.at_most, bar.stretch, bar.verdict(ratio));
            let spread = format!("{low:.2}-{high:.2}");
            section.text +=
                &format!("{ratio:>8.2}{spread:>14}{at_most:>9.2}{stretch:>9.2}  {verdict}");
            entry["ratio"] = json!(ratio);
            entry["ratio_spread"] = json!([low, high]);
            entry["verdict"] = json!(verdict);
            section.passed &= bar.holds(ratio);
        }
        section.text.push('\n');
        servers.insert(contender.name.clone(), entry);
    }
    let bar = json!({ "at_most": workload.bar.at_most, "stretch": workload.bar.stretch });
    json!({ "workload": workload.name, "pipeline": workload.pipeline, "bar": bar, "servers": servers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_test_may_hold_commas_and_quotes() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"EVALSHA x 1 k [{\"a\":1,\"b\":2}]\",\"81234.50\",\"0.3\",\"0.1\",\"0.3\",\"0.4\",\"0.5\",\"1.2\"\n";
        assert_eq!(requests_per_second(csv), Some(81234.5));
        assert_eq!(requests_per_second("Could not connect"), None);
    }
}
