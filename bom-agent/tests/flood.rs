//! One subject floods while another does one thing: that thing is there, and every record of the flood is accounted
//! for. The programs that flood say themselves how much they did (`bom_testkit::flood`).

mod flood_session;

use std::{env, fs, process::ExitCode};

use bom_agent::probes::Settings;
use bom_core::{coverage::Class, key::Object};
use bom_testkit::{
    flood::{self, Role, Town},
    synth,
    trial::{self, Failed, Need, trial},
};

use flood_session::{Flooded, Scratch, observe, times};

const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];

fn main() -> ExitCode {
    if let Some(code) = flood::as_asked() {
        return code;
    }
    trial::run(vec![
        trial("flood::of_opens_hides_nothing", OBSERVE, || repeated(of_opens)),
        trial("flood::of_connects_hides_nothing", OBSERVE, || repeated(of_connects)),
        trial("flood::of_forks_hides_nothing", OBSERVE, || repeated(of_forks)),
        trial("flood::of_names_hides_nothing", OBSERVE, || repeated(of_names)),
        trial("flood::in_small_rings_is_never_silent", OBSERVE, || repeated(in_small_rings)),
        trial("flood::of_one_alone_may_fill_the_ring", OBSERVE, of_one_alone),
    ])
}

/// Once, or as often as a long show asks for.
fn repeated(show: fn() -> Result<(), Failed>) -> Result<(), Failed> {
    let times = env::var("AIBOM_TEST_REPEAT").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (0..times).try_for_each(|_: u32| show())
}

fn of_opens() -> Result<(), Failed> {
    let scratch = Scratch::new()?;
    let role = Role::Opens(times(50_000, 2_000_000), scratch.path().to_owned());
    let flooded = hidden(&role, &Settings::default(), &scratch)?;
    opens_are_conserved(&flooded)
}

fn of_connects() -> Result<(), Failed> {
    let town = Town::open()?;
    let scratch = Scratch::new()?;
    let flooded =
        hidden_in(&town, &Role::Connects(times(5000, 200_000), town.port), &Settings::default(), &scratch)?;
    rare_records_are_conserved(&flooded, 3 * flooded.done.connects)
}

fn of_forks() -> Result<(), Failed> {
    let scratch = Scratch::new()?;
    let flooded = hidden(&Role::Forks(times(2500, 50_000)), &Settings::default(), &scratch)?;
    rare_records_are_conserved(&flooded, 2 * flooded.done.forks)
}

fn of_names() -> Result<(), Failed> {
    let town = Town::open()?;
    let scratch = Scratch::new()?;
    let flooded =
        hidden_in(&town, &Role::Names(times(5000, 100_000), town.names), &Settings::default(), &scratch)?;
    // The socket and its peer are told of as well: once.
    rare_records_are_conserved(&flooded, flooded.done.names + 1)
}

/// The quiet one may be incomplete here, but what is not told is declared.
fn in_small_rings() -> Result<(), Failed> {
    let scratch = Scratch::new()?;
    let settings = Settings { common_ring_bytes: 64 << 10, rare_ring_bytes: 64 << 10, ..Settings::default() };
    let role = Role::Opens(times(50_000, 1_000_000), scratch.path().to_owned());
    let town = Town::open()?;
    let Role::Secret(file, mut peer) = secret(&scratch)? else { return Err("a secret".into()) };
    peer.set_port(town.port);
    let flooded = observe(Some(&role), &Role::Secret(file, peer), &settings)?;
    flooded.say(&role);
    let lost = !flooded.losses_of_quiet().is_empty();
    let seen = flooded.has_model() && flooded.has_endpoint(flooded.secret_port);
    if !(lost || seen) {
        return Err("the quiet one's fact is missing, and so is the gap".into());
    }
    opens_are_conserved(&flooded)
}

/// Who is observed alone has all of the ring: a share of a quarter would lose some of this.
fn of_one_alone() -> Result<(), Failed> {
    let scratch = Scratch::new()?;
    let flooded =
        observe(None, &Role::Opens(times(2500, 2500), scratch.path().to_owned()), &Settings::default())?;
    let lost: Vec<String> =
        flooded.losses_of_quiet().into_iter().filter(|gap| gap.ends_with("-lost")).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?}").into()) }
}

fn hidden(role: &Role, settings: &Settings, scratch: &Scratch) -> Result<Flooded, Failed> {
    hidden_in(&Town::open()?, role, settings, scratch)
}

/// Floods, and finds the quiet one's model and connection without a loss.
fn hidden_in(town: &Town, role: &Role, settings: &Settings, scratch: &Scratch) -> Result<Flooded, Failed> {
    let Role::Secret(file, mut peer) = secret(scratch)? else { return Err("a secret".into()) };
    peer.set_port(town.port);
    let flooded = observe(Some(role), &Role::Secret(file, peer), settings)?;
    flooded.say(role);
    let lost = flooded.losses_of_quiet();
    if !lost.is_empty() {
        return Err(format!("the quiet one lost: {lost:?}").into());
    }
    if !flooded.has_model() {
        return Err("the quiet one's model is missing".into());
    }
    if !flooded.has_endpoint(peer.port()) {
        return Err("the quiet one's connection is missing".into());
    }
    Ok(flooded)
}

fn secret(scratch: &Scratch) -> Result<Role, Failed> {
    let file = scratch.path().join("secret.gguf");
    fs::write(&file, synth::gguf().build())?;
    Ok(Role::Secret(file, ([127, 0, 0, 77], 9).into()))
}

/// Seen = delivered + counted with an earlier one + lost + not resolved, and seen is what the program did.
fn opens_are_conserved(flooded: &Flooded) -> Result<(), Failed> {
    let [seen, delivered, deduplicated, lost, unresolved] =
        ["opens-seen", "opens-delivered", "opens-deduplicated", "opens-lost", "opens-unresolved"]
            .map(|name| flooded.counted(name));
    if seen != delivered + deduplicated + lost + unresolved {
        return Err(format!("{seen} != {delivered} + {deduplicated} + {lost} + {unresolved}").into());
    }
    let nothing = flooded.nothing("opens-seen");
    if seen - nothing != flooded.done.opens {
        return Err(
            format!("{seen} seen, {nothing} of them at the start, {} done", flooded.done.opens).into()
        );
    }
    if lost > 0 && flooded.losses("opens-lost") != lost {
        return Err(format!("{lost} opens lost, {} declared", flooded.losses("opens-lost")).into());
    }
    Ok(())
}

/// What the program did is in the ring or among the lost.
fn rare_records_are_conserved(flooded: &Flooded, done: u64) -> Result<(), Failed> {
    let names = ["process-records-lost", "tcp-records-lost", "payload-records-lost", "socket-records-lost"];
    let lost: u64 = names.map(|name| flooded.counted(name)).iter().sum();
    let declared: u64 = names.map(|name| flooded.losses(name)).iter().sum();
    let delivered = flooded.counted("rare-records-delivered");
    let nothing = flooded.nothing("rare-records-delivered");
    if delivered + lost - nothing != done || lost != declared {
        let text =
            format!("{delivered} - {nothing} delivered, {lost} lost, {declared} declared, {done} done");
        return Err(text.into());
    }
    Ok(())
}

impl Flooded {
    fn has_model(&self) -> bool {
        self.facts_of_quiet().any(|object| match object {
            Object::File(_) => self.is_model(object),
            Object::Endpoint { .. }
            | Object::Behind { .. }
            | Object::Listener { .. }
            | Object::UnixSocket(_)
            | Object::Name(_) => false,
        })
    }

    fn has_endpoint(&self, wanted: u16) -> bool {
        self.facts_of_quiet().any(|object| matches!(object, Object::Endpoint { port, .. } if *port == wanted))
    }

    fn losses_of_quiet(&self) -> Vec<String> {
        let gaps = Class::ALL.into_iter().flat_map(|class| self.gaps_of_quiet(class));
        gaps.filter(|gap| gap.starts_with("lost:") || gap == "unreadable-files").collect()
    }
}
