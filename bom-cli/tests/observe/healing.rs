//! What was lost on the way and is still there is found by a sweep; that something was lost stays said.

use std::{fs, process::Command};

use bom_testkit::{
    synth,
    trial::{Failed, trial},
};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    document::Document,
    stage::{PROGRAM, Scratch},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("observe::a_sweep_heals_a_loss", OBSERVE, a_sweep_heals_a_loss),
        trial("observe::what_a_command_inherits_is_a_fact", OBSERVE, what_a_command_inherits_is_a_fact),
    ]
}

/// A ring that holds a dozen opens, and thousands of them around the one that counts, which is kept open.
fn a_sweep_heals_a_loss() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let many = scratch.join("many");
    fs::create_dir(&many)?;
    for number in 0..3000 {
        fs::write(many.join(number.to_string()), "x")?;
    }
    let model = scratch.model("kept");
    let script =
        format!("cat {0}/1* >/dev/null; exec 9<{model}; cat {0}/* >/dev/null; sleep 4", many.display());
    let bom = scratch.join("bom.json");
    let ran = Command::new(PROGRAM)
        .args(["run", "-q", "--ring-bytes", "4096", "--exit=aibom", "-o"])
        .arg(&bom)
        .args(["--", "sh", "-c", &script])
        .output()?;
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(3), "something was lost: {errors}");
    let document = Document::parse(&fs::read(&bom)?);
    let gaps = document.gaps("sh", "models");
    assert!(gaps.contains("lost:opens-lost"), "{gaps:?}");
    assert_eq!(document.model_names("sh"), ["kept".to_owned()].into());
    Ok(())
}

fn what_a_command_inherits_is_a_fact() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let model = scratch.join("given");
    fs::write(&model, synth::safetensors().build())?;
    let bom = scratch.join("bom.json");
    // It is over at once, and opens nothing itself.
    let ran = Command::new(PROGRAM)
        .args(["run", "-q", "-o"])
        .arg(&bom)
        .args(["--", "/bin/true"])
        .stdin(fs::File::open(&model)?)
        .output()?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let document = Document::parse(&fs::read(&bom)?);
    assert_eq!(document.model_names("true"), ["given".to_owned()].into());
    assert_eq!(document.executions("true"), 1);
    Ok(())
}
