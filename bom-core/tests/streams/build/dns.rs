//! DNS answers (RFC 1035 §4, RFC 9460 §2.2).

use std::net::IpAddr;

use super::{behind8, behind16};

#[derive(Clone)]
pub(crate) struct Answer {
    flags: u16,
    question: Vec<u8>,
    kind: u16,
    answers: Vec<Vec<u8>>,
    additional: Vec<Vec<u8>>,
}

/// The question in its own words: where an owner is compressed, it points to it.
pub(crate) const QUESTION: &[u8] = &[0xc0, 12];

pub(crate) fn answer(question: &str) -> Answer {
    Answer { flags: 0x8180, question: labels(question), kind: 1, answers: vec![], additional: vec![] }
}

pub(crate) fn labels(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = name
        .split('.')
        .filter(|label| !label.is_empty())
        .flat_map(|label| behind8(label.as_bytes()))
        .collect();
    bytes.push(0);
    bytes
}

impl Answer {
    pub(crate) fn kind(mut self, kind: u16) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn code(mut self, code: u16) -> Self {
        self.flags |= code;
        self
    }

    pub(crate) fn truncated(mut self) -> Self {
        self.flags |= 0x0200;
        self
    }

    pub(crate) fn query(mut self) -> Self {
        self.flags = 0x0100;
        self
    }

    pub(crate) fn address(self, owner: &[u8], ttl: u32, address: &str) -> Self {
        match address.parse().unwrap() {
            IpAddr::V4(address) => self.record(owner, 1, ttl, &address.octets()),
            IpAddr::V6(address) => self.record(owner, 28, ttl, &address.octets()),
        }
    }

    pub(crate) fn alias(self, owner: &[u8], ttl: u32, target: &str) -> Self {
        let target = labels(target);
        self.record(owner, 5, ttl, &target)
    }

    /// An HTTPS record with these parameters.
    pub(crate) fn https(
        self,
        owner: &[u8],
        priority: u16,
        target: &str,
        parameters: &[(u16, Vec<u8>)],
    ) -> Self {
        let mut data = priority.to_be_bytes().to_vec();
        data.extend(labels(target));
        for (key, value) in parameters {
            data.extend(key.to_be_bytes());
            data.extend(behind16(value));
        }
        self.record(owner, 65, 300, &data)
    }

    /// An OPT pseudo record (RFC 6891) with these upper bits of the code.
    pub(crate) fn edns(mut self, upper: u8) -> Self {
        let mut record = vec![0, 0, 41];
        record.extend(1232_u16.to_be_bytes());
        record.extend([upper, 0, 0, 0, 0, 0]);
        self.additional.push(record);
        self
    }

    pub(crate) fn record(mut self, owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Self {
        let mut record = owner.to_vec();
        record.extend(kind.to_be_bytes());
        record.extend([0, 1]);
        record.extend(ttl.to_be_bytes());
        record.extend(behind16(data));
        self.answers.push(record);
        self
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        let count = |records: &Vec<Vec<u8>>| u16::try_from(records.len()).unwrap().to_be_bytes();
        let mut message = vec![0x12, 0x34];
        message.extend(self.flags.to_be_bytes());
        message.extend([0, 1]);
        message.extend(count(&self.answers));
        message.extend([0, 0]);
        message.extend(count(&self.additional));
        message.extend(&self.question);
        message.extend(self.kind.to_be_bytes());
        message.extend([0, 1]);
        message.extend(self.answers.concat());
        message.extend(self.additional.concat());
        message
    }

    /// As it goes over TCP.
    pub(crate) fn framed(&self) -> Vec<u8> {
        behind16(&self.message())
    }
}
