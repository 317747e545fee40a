//! What a client said at the beginning of a stream: whom it takes its peer for, and whom it asks a proxy to reach.
//! All of it is claimed.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use super::names::{Known, Names};
use crate::{
    inventory::{Description, NameSource},
    stream::{Authority, ClientHello, HttpHead, Method, ModelName},
};

/// Requests kept of one stream.
const HEADS: usize = 16;
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    hello: Option<ClientHello>,
    heads: Vec<HttpHead>,
}

/// What a proxy was asked to reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Said {
    pub(super) fn hello(&mut self, hello: ClientHello) {
        self.hello = Some(hello);
    }

    /// Takes a request in. The same can come twice, the second time with the name of a model.
    pub(super) fn head(&mut self, head: HttpHead) {
        if self.heads.len() < HEADS && !self.heads.contains(&head) {
            self.heads.push(head);
        }
    }

    pub(super) fn encrypted_name(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.ech)
    }

    /// Requests in plain text through a proxy: each can go somewhere else, and only the first are looked at.
    pub(super) fn asks_proxy_in_plain_text(&self) -> bool {
        self.heads.iter().any(|head| head.through_proxy() && head.method != Method::Connect)
    }

    /// The name the stream gives its own peer: one, or none.
    pub(super) fn name(&self) -> Option<&str> {
        if let Some(name) = self.own_hello().and_then(|hello| hello.server_name.as_deref()) {
            return Some(name);
        }
        let hosts: BTreeSet<&str> = self.hosts().filter(|host| host.parse::<IpAddr>().is_err()).collect();
        if hosts.len() == 1 { hosts.first().copied() } else { None }
    }

    /// What is known of the peer itself.
    pub(super) fn descriptions(&self) -> Vec<Description> {
        let mut all = Vec::new();
        if let Some(hello) = self.own_hello() {
            all.extend(of_hello(hello));
        }
        for host in self.hosts().filter(|host| host.parse::<IpAddr>().is_err()) {
            all.push(Description::Name { source: NameSource::Host, name: host.to_owned() });
        }
        let direct = self.heads.iter().filter(|head| !head.through_proxy());
        all.extend(direct.filter_map(model));
        all
    }

    /// Names that contradict what DNS said of the address.
    pub(super) fn mismatches(
        &self,
        remote: SocketAddr,
        known: &Known,
        names: &Names,
        subject: u64,
    ) -> Vec<Description> {
        let mut all = Vec::new();
        if let Some(name) = self.own_hello().and_then(|hello| hello.server_name.clone())
            && known.contradicts(&name, names, subject)
        {
            all.push(Description::Mismatch { source: NameSource::Sni, name });
        }
        for host in self.hosts() {
            let differs = match host.parse::<IpAddr>() {
                Ok(address) => address.to_canonical() != remote.ip(),
                Err(_) => known.contradicts(host, names, subject),
            };
            if differs {
                all.push(Description::Mismatch { source: NameSource::Host, name: host.to_owned() });
            }
        }
        all
    }

    /// What the peer, as a proxy, was asked to reach, with what is known of each.
    pub(super) fn targets(&self) -> Vec<(Target, Vec<Description>)> {
        let mut all: Vec<(Target, Vec<Description>)> = Vec::new();
        for head in self.heads.iter().filter(|head| head.through_proxy()) {
            let Some(target) = head.authority().map(|authority| target(head, authority)) else { continue };
            let mut about = vec![Description::Name { source: NameSource::Proxy, name: target.host.clone() }];
            about.extend(model(head));
            if head.method == Method::Connect
                && let Some(hello) = &self.hello
            {
                about.extend(of_hello(hello));
                if let Some(name) = hello.server_name.as_ref().filter(|name| **name != target.host) {
                    about.push(Description::Mismatch { source: NameSource::Sni, name: name.clone() });
                }
            }
            match all.iter_mut().find(|(known, _)| *known == target) {
                Some((_, known)) => known.extend(about),
                None => all.push((target, about)),
            }
        }
        all
    }

    /// The hello, unless it went through the peer to somebody else.
    fn own_hello(&self) -> Option<&ClientHello> {
        let tunnelled = self.heads.iter().any(|head| head.method == Method::Connect);
        self.hello.as_ref().filter(|_| !tunnelled)
    }

    fn hosts(&self) -> impl Iterator<Item = &str> + '_ {
        let direct = self.heads.iter().filter(|head| !head.through_proxy());
        direct.filter_map(|head| head.authority()).map(|authority| authority.host.as_str())
    }
}

fn of_hello(hello: &ClientHello) -> Vec<Description> {
    let name = hello.server_name.clone();
    let name = name.map(|name| Description::Name { source: NameSource::Sni, name });
    name.into_iter().chain(hello.alpn.iter().cloned().map(Description::Protocol)).collect()
}

fn model(head: &HttpHead) -> Option<Description> {
    match &head.model {
        ModelName::Claimed(name) => Some(Description::Model(name.clone())),
        ModelName::NotLooked | ModelName::Unknown | ModelName::Absent => None,
    }
}

fn target(head: &HttpHead, authority: &Authority) -> Target {
    let secure = head.method == Method::Connect || head.scheme.as_deref() == Some("https");
    let port = authority.port.unwrap_or(if secure { HTTPS } else { HTTP });
    Target { host: authority.host.clone(), port }
}
