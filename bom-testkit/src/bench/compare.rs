//! `aibom diff` at size, beside others that compare documents.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::error::{BenchError, at};
use super::sample::Sample;
use super::section::Bench;
use super::spent::{self, Ended};
use super::stage::as_f64;

/// In each of two documents.
const COMPONENTS: u64 = 50_000;
/// One in so many has another version on the other side, and as many are on one side only.
const CHANGED: u64 = 100;
/// Nobody waits longer in CI.
const PATIENCE: Duration = Duration::from_secs(60);
const MANIFESTS: u64 = 5000;

/// Where `cargo xtask bench` installs what is compared with.
const RIVALS: &str = "target/rivals";

/// Where `cargo xtask dist` puts the command without eBPF, the one for CI.
const STATIC: &str = "target/dist/aibom";

/// How it ended: exit code, seconds, MiB.
struct Run {
    code: i32,
    seconds: f64,
    mib: f64,
}

/// `None`: it was not done in time.
fn run(command: &mut Command) -> Result<Option<Run>, BenchError> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Some(Ended { spent, peak_kib, status, .. }) = spent::run_within(command, PATIENCE)? else {
        return Ok(None);
    };
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    Ok(Some(Run { code, seconds: spent.wall.as_secs_f64(), mib: as_f64(peak_kib) / 1024.0 }))
}

pub(crate) fn documents(bench: &Bench) -> Result<String, BenchError> {
    let stage = &bench.stage;
    let (before, after) = (stage.file("before.cdx.json"), stage.file("after.cdx.json"));
    for (path, later) in [(&before, false), (&after, true)] {
        let file = File::create(path).map_err(at(path))?;
        serde_json::to_writer(std::io::BufWriter::new(file), &document(later))
            .map_err(|source| BenchError::Recording { path: path.clone(), source })?;
    }
    let rivals = bench.root.join(RIVALS);
    let out = stage.file("compared");
    let ours = |program: &Path| {
        let mut aibom = Command::new(program);
        aibom.arg("diff").arg(&before).arg(&after).arg("-o").arg(format!("json={}", out.display()));
        aibom
    };
    let mut alone = ours(&bench.root.join(STATIC));
    let mut observing = ours(&stage.beside("aibom")?);
    let mut sbomdiff = Command::new(rivals.join("venv/bin/sbomdiff"));
    sbomdiff.args(["--sbom", "cyclonedx", "--format", "json", "--output-file"]).arg(&out);
    sbomdiff.arg(&before).arg(&after);
    let mut custom = Command::new(rivals.join("venv/bin/custom-json-diff"));
    custom.arg("--input").arg(&before).arg(&after).arg("--output").arg(&out).arg("preset-diff");
    let mut tools = Command::new(rivals.join("bin/sbom-tools"));
    tools.arg("diff").arg(&before).arg(&after).args(["--output", "json", "--output-file"]).arg(&out);
    let mut text = format!(
        "## Comparing two documents of {COMPONENTS} components\n\n\
         CycloneDX 1.6 with package URLs and digests; one component in {CHANGED} has another version on the other side, and as \
         many are on one side only. Each writes its result as JSON. Nobody is waited for longer than {} s. Aim: ten times as \
         fast as each of the others.\n\n\
         | program | wall, s | ratio to the first | peak resident memory, MiB | exit code |\n|---|---|---|---|---|\n",
        PATIENCE.as_secs()
    );
    let mut base = None;
    for (name, command, times) in [
        ("`aibom diff`, the static file", &mut alone, bench.few()),
        ("`aibom diff`, the build with eBPF", &mut observing, bench.few()),
        ("`sbomdiff`", &mut sbomdiff, 1),
        ("`custom-json-diff`", &mut custom, 1),
        ("`sbom-tools diff`", &mut tools, 1),
    ] {
        row(&mut text, name, command, times, &mut base)?;
    }
    Ok(text)
}

fn row(
    text: &mut String,
    name: &str,
    command: &mut Command,
    times: usize,
    base: &mut Option<f64>,
) -> Result<(), BenchError> {
    if !Path::new(command.get_program()).exists() {
        let _ = writeln!(text, "| {name} | not installed | | | |");
        return Ok(());
    }
    let (mut seconds, mut mib, mut code) = (Sample::default(), Sample::default(), 0);
    for _ in 0..times {
        let Some(run) = run(command)? else {
            let least =
                base.map_or_else(String::new, |base| format!("> {:.0}", PATIENCE.as_secs_f64() / base));
            let _ = writeln!(text, "| {name} | > {} | {least} | | |", PATIENCE.as_secs());
            return Ok(());
        };
        seconds.push(run.seconds);
        mib.push(run.mib);
        code = run.code;
    }
    let base = *base.get_or_insert(seconds.median());
    let ratio = seconds.median() / base;
    let _ = writeln!(text, "| {name} | {} | {ratio:.1} | {} | {code} |", seconds.show(2), mib.show(0));
    Ok(())
}

/// Libraries of one application. A number decides everything, so that it is the same each time.
fn document(later: bool) -> Value {
    let mut components = Vec::new();
    for number in 0..COMPONENTS {
        let only_here = number % CHANGED == 1;
        let changed = later && number % CHANGED == 2;
        let side = if only_here && later { "new" } else { "part" };
        let version = if changed { "2.0.1" } else { "2.0.0" };
        let name = format!("{side}-{number:05}");
        let (kind, space) = if number % 2 == 0 { ("pypi", "") } else { ("npm", "%40scope/") };
        components.push(json!({
            "type": "library",
            "bom-ref": format!("ref-{number}"),
            "name": name,
            "version": version,
            "purl": format!("pkg:{kind}/{space}{name}@{version}"),
            "hashes": [{"alg": "SHA-256", "content": format!("{:064x}", number * 2 + u64::from(changed))}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }));
    }
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": if later { "urn:uuid:00000000-0000-4000-8000-000000000002" } else { "urn:uuid:00000000-0000-4000-8000-000000000001" },
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "app", "name": "app", "version": "1"}},
        "components": components,
        "dependencies": [{"ref": "app", "dependsOn": (0..COMPONENTS).map(|number| format!("ref-{number}")).collect::<Vec<_>>()}],
    })
}

/// The demo, as in testdata/recordings.
const DEMO: &str = "testdata/recordings/demo.cdx.json";

pub(crate) fn manifests(bench: &Bench) -> Result<String, BenchError> {
    let stage = &bench.stage;
    let demo = bench.root.join(DEMO);
    let (one, many) = (stage.file("one"), stage.file("manifests"));
    deployments(&one, 1)?;
    deployments(&many, MANIFESTS)?;
    let mut text = String::from(
        "## Manifests against a document\n\n\
         `aibom diff` of a folder of Deployments (image, arguments, five variables, a volume each) and the document of the demo \
         agent; every run is a process of its own. Aim: 20 ms for one, 1 s for 5,000.\n\n\
         | manifests | wall, ms | peak resident memory, MiB | exit code |\n|---|---|---|---|\n",
    );
    for (count, folder, times) in [(1, &one, 11), (MANIFESTS, &many, bench.few())] {
        let (mut wall, mut mib, mut code) = (Sample::default(), Sample::default(), 0);
        for _ in 0..times {
            let mut aibom = Command::new(stage.beside("aibom")?);
            aibom.arg("diff").arg(folder).arg(&demo);
            if count > 1 {
                // No name agrees with that of a session; one is said to be it.
                aibom.args(["--workload", "agent-00007"]);
            }
            let Some(run) = run(&mut aibom)? else { return Err(BenchError::Missing("end of aibom diff")) };
            wall.push(run.seconds * 1e3);
            mib.push(run.mib);
            code = run.code;
        }
        let _ = writeln!(text, "| {count} | {} | {} | {code} |", wall.show(1), mib.show(0));
    }
    Ok(text)
}

fn deployments(folder: &PathBuf, count: u64) -> Result<(), BenchError> {
    fs::create_dir(folder).map_err(at(folder))?;
    for number in 0..count {
        let name = if count == 1 { "demo".to_owned() } else { format!("agent-{number:05}") };
        let path = folder.join(format!("{name}.yaml"));
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: team-{}\n  labels:\n    app: {name}\n\
             spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n\
             \x20   spec:\n      containers:\n        - name: agent\n          image: registry.example/agents/{name}:1.{number}\n\
             \x20         command: [python, agent.py]\n          args: [--model, /models/model-{number}.gguf, --port, \"8080\"]\n\
             \x20         env:\n            - name: OPENAI_BASE_URL\n              value: https://llm-{number}.example.com/v1\n\
             \x20           - name: OPENAI_API_KEY\n              valueFrom:\n                secretKeyRef: {{name: keys, key: openai}}\n\
             \x20           - name: HF_MODEL_ID\n              value: org/model-{number}\n            - name: LOG_LEVEL\n              value: info\n\
             \x20           - name: QDRANT_URL\n              value: http://qdrant.team:6333\n\
             \x20         volumeMounts:\n            - name: models\n              mountPath: /models\n\
             \x20     volumes:\n        - name: models\n          persistentVolumeClaim:\n            claimName: models\n",
            number % 50
        );
        fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}
