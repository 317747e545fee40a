//! docs/coverage.md, made from the rules.

use super::{
    Class,
    light::{LIGHT, LIGHT_CLOSES, OPENING, STANDS_IN},
    rules::{ESCAPES, Escape, REQUIRED, UPPER},
};

/// docs/coverage.md.
pub fn page() -> String {
    let mut page = String::from(
        "# Coverage\n\nMade from `bom-core/src/coverage/escapes.rs` by `cargo xtask bless`; do not edit.\n\n\
         A class is `complete` for a subject and a window only if the probes were attached before the\n\
         subject's first instruction, nothing was lost, and every row below that names the class is\n\
         closed. As long as a row is watched by nothing, its classes are `incomplete`.\n\n\
         ## Probes a class needs\n\n| class | probes |\n|---|---|\n",
    );
    for class in Class::ALL {
        let probes: Vec<&str> = REQUIRED
            .iter()
            .filter(|(classes, _)| classes.contains(&class))
            .flat_map(|(_, probes)| probes.iter().copied())
            .collect();
        page.push_str(&format!("| {} | {} |\n", class.name(), probes.join(", ")));
    }
    page.push_str(
        "\n## Known ways past them\n\n| id | what | classes | closed or watched by |\n|---|---|---|---|\n",
    );
    for escape in ESCAPES {
        page.push_str(&row(escape));
    }
    page.push_str(&format!(
        "\n## The light profile\n\nWhere `{STANDS_IN}` stands in for {}, it is taken for them. What only other system \
         call\nexits see is watched by nobody then, as the rows above say. These rows close by themselves: {}. And these \
         are added:\n\n\
         | id | what | classes | closed or watched by |\n|---|---|---|---|\n",
        OPENING.join(", "),
        LIGHT_CLOSES.join(", "),
    ));
    for escape in LIGHT {
        page.push_str(&row(escape));
    }
    page
}

/// A row of docs/coverage.md.
fn row(escape: &Escape) -> String {
    let classes: Vec<&str> = escape.classes.iter().map(|class| class.name()).collect();
    let watch = escape.watch.text();
    let above = UPPER.iter().find(|(id, _)| *id == escape.id);
    let above =
        above.map_or_else(String::new, |(_, probes)| format!("; where it runs, {}", probes.join(", ")));
    format!("| `{}` | {} | {} | {watch}{above} |\n", escape.id, escape.text, classes.join(", "))
}
