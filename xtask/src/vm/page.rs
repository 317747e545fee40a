//! docs/kernels.md: what each kernel took and what was seen on it.

use std::collections::BTreeSet;

use super::{Outcome, Tried, lines::Lines};

/// Where the page is, from the root of the checkout.
pub(super) const PLACE: &str = "docs/kernels.md";

const HEAD: &str = "\
# Kernels

Made by `cargo xtask vm`; do not edit.

Each kernel is one of Debian's packages for cloud machines: for x86-64, and for Arm where its name says so. It boots in
QEMU (software emulation, two CPUs) with an initramfs that holds `aibom` itself and a program that does one thing for each row below while aibom observes it.

*seen*: the document has the fact. *declared*: it has not, and one of its gaps, named here, says so. *impossible*: this
kernel cannot do what the row does. *failed*: the fact is neither there nor declared; the run then fails. A probe that a
kernel refuses is shown with the kernel's words: it is a gap of the classes that need it, never an error.
";

pub(super) fn page(tried: &[Tried]) -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Versions\n\n| kernel | package | running |\n|---|---|---|\n");
    for kernel in tried {
        let (package, running) = match &kernel.outcome {
            Outcome::Ran { image, lines } => {
                let note = if image.replaced { " (in place of the pinned version)" } else { "" };
                (format!("{} {}{note}", image.package, image.version), lines.detail("kernel").to_owned())
            }
            Outcome::NotRun(why) => (String::new(), format!("not run: {why}")),
        };
        page.push_str(&format!("| {} | {package} | {running} |\n", kernel.series));
    }
    for tier in tiers(tried) {
        page.push_str(&format!("\n## Tier {tier}\n\n"));
        page.push_str(&table("row", tried, &tier, false));
        page.push('\n');
        page.push_str(&table("probe", tried, &tier, true));
    }
    page
}

fn tiers(tried: &[Tried]) -> BTreeSet<String> {
    ran(tried)
        .flat_map(|(_, lines)| lines.rows.keys())
        .filter_map(|row| Some(row.split_once('/')?.0.to_owned()))
        .collect()
}

fn ran(tried: &[Tried]) -> impl Iterator<Item = (&str, &Lines)> {
    tried.iter().filter_map(|kernel| match &kernel.outcome {
        Outcome::Ran { lines, .. } => Some((kernel.series.as_str(), lines)),
        Outcome::NotRun(_) => None,
    })
}

/// One line for each row (or probe) of a tier, one column for each kernel that ran.
fn table(title: &str, tried: &[Tried], tier: &str, probes: bool) -> String {
    let kernels: Vec<(&str, &Lines)> = ran(tried).collect();
    let prefix = if probes { format!("{tier}/probe:") } else { format!("{tier}/") };
    let wanted = |row: &str| {
        let name = row.strip_prefix(&prefix)?;
        // Everything else that a machine notes has no verdict.
        (probes || !name.starts_with("probe:")).then(|| name.to_owned())
    };
    let names: BTreeSet<String> = kernels
        .iter()
        .flat_map(|(_, lines)| lines.rows.iter())
        .filter(|(_, (verdict, _))| probes || *verdict != super::lines::Verdict::Note)
        .filter_map(|(row, _)| wanted(row))
        .collect();
    let mut text = format!("| {title} |");
    let mut rule = String::from("|---|");
    for (series, _) in &kernels {
        text.push_str(&format!(" {series} |"));
        rule.push_str("---|");
    }
    text.push('\n');
    text.push_str(&rule);
    text.push('\n');
    for name in names {
        text.push_str(&format!("| {name} |"));
        for (_, lines) in &kernels {
            let cell = match lines.rows.get(&format!("{prefix}{name}")) {
                None => "–".to_owned(),
                Some((_, state)) if probes => state.clone(),
                Some((verdict, detail)) if detail.is_empty() => verdict.word().to_owned(),
                Some((verdict, detail)) => format!("{}: {detail}", verdict.word()),
            };
            text.push_str(&format!(" {} |", cell.replace('|', "\\|")));
        }
        text.push('\n');
    }
    text
}
