//! The head of a client's TCP stream. What it is, is told from the bytes, not from what the kernel
//! took it for: a tunnel through a proxy starts as one thing and goes on as another.

use super::{
    body, h2c,
    head::{Found, HeadKind, HttpHead, ModelName, Transport, Undecoded},
    http::{self, Framing, Parsed},
    pieces::{HEAD, Pieces},
    tls::{self, HelloError},
};

/// Requests and tunnels followed within one stream.
const HEADS: usize = 16;
/// Times that a head turns up before those that were read.
const DEPTH: u8 = 4;
/// A piece this far from a stream belongs to another connection of the same socket.
const FAR: i64 = 256 * 1024;

#[derive(Debug)]
enum State {
    /// A head is expected.
    Head,
    /// The body of the last request is searched for the name of the model.
    Body {
        framing: Framing,
    },
    Done,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Client {
    look_at_bodies: bool,
    /// The sequence number that counts as offset zero.
    origin: u32,
    /// Where the head that is expected begins.
    base: i64,
    /// Where a piece begins that certainly is the beginning of a hello.
    anchor: Option<i64>,
    pieces: Pieces,
    state: State,
    /// Requests that were found. Once there is one, what follows may be anything.
    heads: Vec<HttpHead>,
    /// Where the first head that was read begins, and the stream before it. A client sends in order,
    /// but a piece can reach us late.
    begun: Option<i64>,
    before: Option<Box<Client>>,
    /// How many streams there are before others.
    depth: u8,
    /// What the beginning looks like, if it never gets better.
    doubt: Option<Undecoded>,
    conflict_told: bool,
}

impl Client {
    pub(super) fn new(sequence: u32, look_at_bodies: bool) -> Self {
        Self {
            look_at_bodies,
            origin: sequence,
            base: 0,
            anchor: None,
            pieces: Pieces::default(),
            state: State::Head,
            heads: Vec::new(),
            begun: None,
            before: None,
            depth: 0,
            doubt: None,
            conflict_told: false,
        }
    }

    pub(super) fn push(&mut self, sequence: u32, mut bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        // Sequence numbers wrap; a head is short, so the distance is small, or negative.
        let mut offset = i64::from(sequence.wrapping_sub(self.origin).cast_signed());
        if (offset - self.base).abs() > FAR {
            found.extend(self.give_up());
            *self = Self { depth: self.depth, ..Self::new(sequence, self.look_at_bodies) };
            offset = 0;
        }
        if let Some(begun) = self.begun
            && offset < begun
        {
            let length = usize::try_from(begun.saturating_sub(offset)).unwrap_or(usize::MAX);
            let (early, rest) = bytes.split_at(length.min(bytes.len()));
            self.early(sequence, early, &mut found);
            (offset, bytes) = (begun, rest);
        }
        if matches!(self.state, State::Done) {
            return found;
        }
        self.take(offset, bytes);
        let kind = self.kind();
        self.advance(&mut found);
        if self.pieces.conflict && !self.conflict_told {
            self.conflict_told = true;
            found.push(Found::Undecoded(Undecoded::Conflict(kind)));
        }
        found
    }

    /// Reads what lies before the first head that was read.
    fn early(&mut self, sequence: u32, bytes: &[u8], found: &mut Vec<Found>) {
        if self.depth >= DEPTH {
            return;
        }
        let before = self.before.get_or_insert_with(|| {
            Box::new(Self { depth: self.depth + 1, ..Self::new(sequence, self.look_at_bodies) })
        });
        found.extend(before.push(sequence, bytes));
    }

    /// What is left to say when nothing more will come.
    pub(super) fn give_up(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(mut before) = self.before.take() {
            // Before a head that was read may stand anything.
            let said = before.give_up().into_iter();
            found.extend(said.filter(|found| !matches!(found, Found::Undecoded(_))));
        }
        while matches!(self.state, State::Head) && self.pieces.held() > 0 {
            match self.doubt.take() {
                Some(doubt) => self.fail(doubt, &mut found),
                None => self.unfinished(Undecoded::Incomplete(self.kind()), &mut found),
            };
            self.advance(&mut found);
        }
        self.done();
        found
    }

    /// Bytes held; none are if nothing would be lost with them.
    pub(super) fn held(&self) -> usize {
        self.pieces.held() + self.before.as_ref().map_or(0, |before| before.held())
    }

    pub(super) fn kind(&self) -> HeadKind {
        let run = self.pieces.run(self.base);
        match run.first() {
            Some(0x16) => HeadKind::Tls,
            Some(_) if run.len() >= 4 && run.iter().zip(h2c::PREFACE).all(|(one, two)| one == two) => {
                HeadKind::H2c
            }
            Some(_) if http::starts_request(run) == Some(true) => HeadKind::Http,
            Some(_) | None => HeadKind::Client,
        }
    }

    fn take(&mut self, offset: i64, bytes: &[u8]) {
        let hello = tls::starts_hello(bytes);
        if self.heads.is_empty() {
            self.base = self.base.min(offset);
        } else if hello && offset > self.base && self.pieces.run(self.base).is_empty() {
            // The kernel left out what stands between: what it forwards again is a head of its own.
            self.restart(offset);
        }
        if hello {
            self.anchor = self.anchor.or(Some(offset));
        }
        // What came before is read already, or is a body that nobody asked for: not even held.
        let skip = usize::try_from(self.base.saturating_sub(offset)).unwrap_or(0);
        if let Some(bytes) = bytes.get(skip..) {
            self.pieces.insert(offset.max(self.base), bytes);
        }
    }

    fn advance(&mut self, found: &mut Vec<Found>) {
        loop {
            let goes_on = match self.state {
                State::Done => false,
                State::Head => self.head(found),
                State::Body { framing } => self.body(framing, found),
            };
            if !goes_on {
                return;
            }
        }
    }

    fn full(&self) -> bool {
        self.pieces.overflowed || self.pieces.run(self.base).len() >= HEAD
    }

    /// Reads the head that begins at the base. Like every step: whether there is more to do.
    fn head(&mut self, found: &mut Vec<Found>) -> bool {
        let run = self.pieces.run(self.base);
        if run.is_empty() {
            return false;
        }
        if run.first() == Some(&0x16) {
            return match tls::parse(run) {
                Ok(hello) => {
                    self.begun = self.begun.or(Some(self.base));
                    found.push(Found::Hello(Transport::Tcp, hello));
                    self.done()
                }
                Err(HelloError::Incomplete) => self.wait(HeadKind::Tls, found),
                Err(HelloError::NotHello) => self.doubt(Undecoded::NotAHead, found),
                Err(HelloError::Long) => {
                    let certain = tls::starts_hello(run);
                    let reason = Undecoded::Long(HeadKind::Tls);
                    if certain { self.fail(reason, found) } else { self.doubt(reason, found) }
                }
                Err(HelloError::Malformed(what)) => {
                    let certain = tls::starts_hello(run);
                    let reason = Undecoded::Malformed(HeadKind::Tls, what.into());
                    if certain { self.fail(reason, found) } else { self.doubt(reason, found) }
                }
            };
        }
        if h2c::PREFACE.starts_with(run) {
            return self.wait(HeadKind::H2c, found);
        }
        if run.starts_with(h2c::PREFACE) {
            return match h2c::parse(run) {
                Ok(mut head) => {
                    if self.look_at_bodies {
                        // Its body comes in frames, which are not followed.
                        head.model = ModelName::Unknown;
                    }
                    self.request(head, found);
                    self.done()
                }
                Err(h2c::H2cError::Incomplete) => self.wait(HeadKind::H2c, found),
                Err(h2c::H2cError::Malformed(what)) => {
                    self.fail(Undecoded::Malformed(HeadKind::H2c, what.into()), found)
                }
            };
        }
        match http::parse(run) {
            Parsed::More(_) => self.wait(HeadKind::Http, found),
            Parsed::Not => self.doubt(Undecoded::NotAHead, found),
            Parsed::UnknownMethod => {
                self.doubt(Undecoded::Malformed(HeadKind::Http, "method is not known".into()), found)
            }
            Parsed::Head(request) => self.after(*request, found),
        }
    }

    /// A complete request: goes on behind it, as far as its end can be known.
    fn after(&mut self, request: http::Request, found: &mut Vec<Found>) -> bool {
        let http::Request { mut head, length, body, encoded, malformed } = request;
        if let Some(what) = malformed {
            found.push(Found::Undecoded(Undecoded::Malformed(HeadKind::Http, what.into())));
        }
        let next = self.base.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
        if !self.look_at_bodies {
            self.request(head, found);
            return self.behind(next, body);
        }
        let there = self.pieces.run(next);
        let model = if encoded { Some(ModelName::Unknown) } else { body::model(there, body) };
        let waits = model.is_none();
        head.model = model.unwrap_or(ModelName::Unknown);
        self.request(head, found);
        if waits {
            self.restart(next);
            self.state = State::Body { framing: body };
            return true;
        }
        self.behind(next, body)
    }

    /// Searches what is there of the body by now. The request was told already, without the name.
    fn body(&mut self, framing: Framing, found: &mut Vec<Found>) -> bool {
        match body::model(self.pieces.run(self.base), framing) {
            None if !self.full() => return false,
            None | Some(ModelName::Unknown | ModelName::NotLooked) => {}
            Some(model @ (ModelName::Claimed(_) | ModelName::Absent)) => {
                if let Some(head) = self.heads.last().cloned() {
                    self.request(HttpHead { model, ..head }, found);
                }
            }
        }
        self.behind(self.base, framing)
    }

    /// Goes on behind the body that begins at `body`.
    fn behind(&mut self, body: i64, framing: Framing) -> bool {
        let length = match framing {
            Framing::None => Some(0),
            Framing::Length(length) => i64::try_from(length).ok().filter(|&length| length < FAR / 2),
            Framing::Chunked | Framing::Unknown => None,
        };
        match length {
            Some(length) if self.heads.len() < HEADS => {
                self.restart(body.saturating_add(length));
                true
            }
            Some(_) | None => self.done(),
        }
    }

    fn request(&mut self, head: HttpHead, found: &mut Vec<Found>) {
        self.begun = self.begun.or(Some(self.base));
        if !self.heads.contains(&head) {
            found.push(Found::Http(Box::new(head.clone())));
        }
        self.heads.push(head);
    }

    /// More bytes are needed, unless no more have room.
    fn wait(&mut self, kind: HeadKind, found: &mut Vec<Found>) -> bool {
        self.doubt = None;
        self.full() && self.unfinished(Undecoded::Long(kind), found)
    }

    /// The beginning makes no sense. It may be the middle, and the beginning late.
    fn doubt(&mut self, reason: Undecoded, found: &mut Vec<Found>) -> bool {
        let better = self.anchor.is_some_and(|anchor| anchor > self.base);
        if better || !self.heads.is_empty() || self.full() {
            return self.fail(reason, found);
        }
        self.doubt = Some(reason);
        false
    }

    /// The end is missing. A host that stands in the part that is there is taken all the same.
    fn unfinished(&mut self, reason: Undecoded, found: &mut Vec<Found>) -> bool {
        match http::parse(self.pieces.run(self.base)) {
            Parsed::More(Some(mut head)) => {
                if self.look_at_bodies {
                    head.model = ModelName::Unknown;
                }
                self.request(head, found);
            }
            Parsed::More(None) | Parsed::Not | Parsed::UnknownMethod | Parsed::Head(_) => {
                found.push(Found::Undecoded(reason));
            }
        }
        self.elsewhere()
    }

    fn fail(&mut self, reason: Undecoded, found: &mut Vec<Found>) -> bool {
        let better = self.anchor.is_some_and(|anchor| anchor > self.base);
        // After a request anything may follow, and what precedes a hello may be anything: no name is
        // missing because it is not understood.
        if !(reason == Undecoded::NotAHead && (better || !self.heads.is_empty())) {
            found.push(Found::Undecoded(reason));
        }
        self.elsewhere()
    }

    /// Goes on where a hello certainly begins, if it is not where it was looked for.
    fn elsewhere(&mut self) -> bool {
        match self.anchor.take() {
            Some(anchor) if anchor > self.base => {
                self.restart(anchor);
                true
            }
            Some(_) | None => self.done(),
        }
    }

    fn restart(&mut self, base: i64) {
        self.base = base;
        self.state = State::Head;
        self.pieces.forget_before(base);
        self.pieces.overflowed = false;
        self.doubt = None;
    }

    /// There is never more to do after this.
    fn done(&mut self) -> bool {
        self.state = State::Done;
        self.pieces.clear();
        self.heads = Vec::new();
        self.doubt = None;
        false
    }
}
