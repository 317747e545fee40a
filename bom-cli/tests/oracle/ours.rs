//! The account of aibom, out of its recording: the raw inputs, joined as the correlator joins them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use bom_core::{
    event::{Body, TcpState},
    input::Input,
    key::ImageId,
    recording::Reader,
};
use bom_testkit::trial::Failed;
use flate2::read::MultiGzDecoder;

use super::account::{Account, Image, Open, Peer, add};

/// The inputs of a recording, in their order.
pub(crate) fn inputs(recording: &Path) -> Result<Vec<Input>, Failed> {
    let mut reader = Reader::default();
    let mut inputs = Vec::new();
    for line in BufReader::new(MultiGzDecoder::new(File::open(recording)?)).split(b'\n') {
        inputs.extend(reader.read(&line?)?);
    }
    Ok(inputs)
}

/// What a program named `without` (its file name) did is left out, and what came before its exec.
pub(crate) fn account(inputs: &[Input], without: &str) -> Result<Account, Failed> {
    let mut account = Account::default();
    // Image 0 is what forks off aibom, until its exec.
    let mut outside = BTreeSet::from([ImageId(0)]);
    // What a repeated open is counted at.
    let mut delivered = BTreeMap::new();
    for input in inputs {
        match input {
            Input::Event(event) => match &event.body {
                Body::Open { task, file } if !outside.contains(&task.image) && file.is_regular() => {
                    let open = Open {
                        path: file.path.bytes().to_vec(),
                        unlinked: file.is_unlinked(),
                        process: task.process.tgid,
                    };
                    let name = (file.parent_inode, file.name_hash, file.mount_id, file.access());
                    delivered.insert((task.process, task.image, file.key, name), open.clone());
                    add(&mut account.opens, open, 1);
                }
                Body::Exec { task, exec } if exec.file.path.file_name() == without.as_bytes() => {
                    outside.insert(task.image);
                }
                Body::Exec { task, exec } => {
                    let image = Image {
                        requested: exec.requested.bytes().to_vec(),
                        file: exec.file.path.bytes().to_vec(),
                        process: task.process.tgid,
                    };
                    add(&mut account.images, image, 1);
                }
                Body::Tcp { task, tcp }
                    if tcp.state == TcpState::Established && !outside.contains(&task.image) =>
                {
                    add(&mut account.peers, Peer { address: tcp.remote, process: task.process.tgid }, 1);
                }
                Body::Open { .. }
                | Body::Tcp { .. }
                | Body::Connect { .. }
                | Body::Fork { .. }
                | Body::Exit { .. }
                | Body::Threaded { .. }
                | Body::UringCreated { .. }
                | Body::Map { .. }
                | Body::Read { .. }
                | Body::ExecutableMemory { .. }
                | Body::LowMemory { .. }
                | Body::SocketReceived { .. }
                | Body::OtherSource { .. }
                | Body::Udp { .. }
                | Body::Accepted { .. }
                | Body::Unix { .. }
                | Body::OtherSocket { .. }
                | Body::Hello { .. }
                | Body::HttpHead { .. }
                | Body::Dns { .. }
                | Body::Swept { .. }
                | Body::Moved { .. }
                | Body::Undecoded { .. } => {}
            },
            Input::Repeats(repeats) => {
                for repeat in repeats {
                    let name = (repeat.parent_inode, repeat.name_hash, repeat.mount_id, repeat.access);
                    let key = (repeat.process, repeat.image, repeat.file, name);
                    // The first of them was delivered; character devices are not in here.
                    if let Some(open) = delivered.get(&key) {
                        add(&mut account.opens, open.clone(), repeat.count.saturating_sub(1));
                    }
                }
            }
            Input::Lost { cause, count, .. } => return Err(format!("{count} lost: {cause}").into()),
            Input::Start(_)
            | Input::Subject(_)
            | Input::Pod { .. }
            | Input::Catalog(_)
            | Input::Probes { .. }
            | Input::Answer { .. }
            | Input::Counters { .. }
            | Input::Clock { .. }
            | Input::Recheck { .. }
            | Input::Ended(_)
            | Input::Finish { .. } => {}
        }
    }
    if outside.len() == 1 {
        return Err(format!("{without} was never executed").into());
    }
    Ok(account)
}
