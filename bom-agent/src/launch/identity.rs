//! As whom the command runs.
//!
//! aibom needs root to observe; the command does not. Under sudo it runs as the user who called sudo.

use std::{
    ffi::{CStr, CString, OsStr, OsString},
    io,
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    ptr,
};

use super::LaunchError;

/// Largest buffer for one account; what a directory service sends is not trusted to end.
const LOOKUP: usize = 1 << 20;
/// The kernel's NGROUPS_MAX.
const GROUPS: usize = 65_536;

/// The wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunAs {
    /// Whoever called: the user who called sudo (SUDO_UID and SUDO_GID), the real user of a set-user-id
    /// program, else no change.
    #[default]
    Caller,
    /// `NAME`, `UID`, `NAME:GID` or `UID:GID`.
    User(String),
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// `None`: keep those we have.
    pub(super) groups: Option<Vec<u32>>,
    /// (variable, value to set; `None`: remove).
    pub(super) environment: Vec<(&'static str, Option<OsString>)>,
}

/// The numbers this process runs under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours {
    uid: u32,
    euid: u32,
    gid: u32,
    egid: u32,
}

impl Ours {
    pub(super) fn now() -> Self {
        // SAFETY: these calls take nothing and cannot fail.
        unsafe {
            Self { uid: libc::getuid(), euid: libc::geteuid(), gid: libc::getgid(), egid: libc::getegid() }
        }
    }
}

/// `None`: the command runs as we do. `variable` reads the environment.
pub(super) fn resolve(
    wish: &RunAs,
    ours: Ours,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Identity>, LaunchError> {
    let (uid, gid) = match wish {
        RunAs::Caller if ours.uid != ours.euid || ours.gid != ours.egid => {
            // Set-user-id: the environment is the caller's own and says nothing.
            return Ok(Some(Identity {
                uid: ours.uid,
                gid: ours.gid,
                groups: None,
                environment: Vec::new(),
            }));
        }
        RunAs::Caller => match sudo(ours, variable)? {
            None => return Ok(None),
            Some(ids) => ids,
        },
        RunAs::User(given) => {
            let (user, gid) = split(given)?;
            let account = match user {
                User::Number(uid) => account_of(uid, given)?,
                User::Name(name) => Some(account_named(name, given)?),
            };
            let uid = match (user, &account) {
                (User::Number(uid), _) => uid,
                (User::Name(_), Some(account)) => account.uid,
                (User::Name(_), None) => return Err(LaunchError::UnknownUser { given: given.clone() }),
            };
            let gid = gid.or(account.as_ref().map(|account| account.gid));
            let gid = gid.ok_or_else(|| LaunchError::UnknownUser { given: given.clone() })?;
            if ours.uid != 0 || ours.euid != 0 {
                let same =
                    (uid, gid) == (ours.uid, ours.gid) && ours.uid == ours.euid && ours.gid == ours.egid;
                return if same { Ok(None) } else { Err(LaunchError::SwitchRefused { uid }) };
            }
            return Ok(Some(identity(uid, gid, account)?));
        }
    };
    Ok(Some(identity(uid, gid, account_of(uid, &uid.to_string())?)?))
}

fn identity(uid: u32, gid: u32, account: Option<Account>) -> Result<Identity, LaunchError> {
    let (groups, values) = match account {
        Some(Account { name, home, .. }) => {
            let groups = groups_of(&name, gid)?;
            let name = Some(OsStr::from_bytes(name.as_bytes()).to_owned());
            (groups, [Some(OsStr::from_bytes(home.as_bytes()).to_owned()), name.clone(), name])
        }
        // A number without an account: our own HOME would be wrong, and nobody knows the right one.
        None => (vec![gid], [None, None, None]),
    };
    let environment = ["HOME", "USER", "LOGNAME"].into_iter().zip(values).collect();
    Ok(Identity { uid, gid, groups: Some(groups), environment })
}

/// Who called sudo; `None` if nobody did, or root.
fn sudo(ours: Ours, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<(u32, u32)>, LaunchError> {
    if ours.euid != 0 {
        return Ok(None);
    }
    let (uid, gid) = (variable("SUDO_UID"), variable("SUDO_GID"));
    if uid.is_none() && gid.is_none() {
        return Ok(None);
    }
    // One that is missing or wrong is no reason to run the command as root.
    let parse = |variable, value: Option<OsString>| {
        let value = value.unwrap_or_default();
        value.to_str().and_then(number).ok_or(LaunchError::Sudo { variable, value })
    };
    let (uid, gid) = (parse("SUDO_UID", uid)?, parse("SUDO_GID", gid)?);
    Ok((uid != 0).then_some((uid, gid)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User<'a> {
    Number(u32),
    Name(&'a str),
}

fn split(given: &str) -> Result<(User<'_>, Option<u32>), LaunchError> {
    let wrong = || LaunchError::UserSyntax { given: given.to_owned() };
    let (user, group) = match given.split_once(':') {
        None => (given, None),
        Some((user, group)) => (user, Some(number(group).ok_or_else(wrong)?)),
    };
    let digits = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit());
    match number(user) {
        Some(uid) => Ok((User::Number(uid), group)),
        None if user.is_empty() || digits || user.contains('\0') => Err(wrong()),
        None => Ok((User::Name(user), group)),
    }
}

/// Decimal digits only; the largest number is the kernel's "leave it".
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number != u32::MAX)
}

#[derive(Debug)]
struct Account {
    uid: u32,
    gid: u32,
    name: CString,
    home: CString,
}

fn account_of(uid: u32, given: &str) -> Result<Option<Account>, LaunchError> {
    look_up(given, |entry, buffer, found| {
        // SAFETY: `look_up` passes live pointers and the buffer's true length.
        unsafe { libc::getpwuid_r(uid, entry, buffer.as_mut_ptr().cast(), buffer.len(), found) }
    })
}

fn account_named(name: &str, given: &str) -> Result<Account, LaunchError> {
    let name = CString::new(name).map_err(|_| LaunchError::ZeroByte)?;
    let account = look_up(given, |entry, buffer, found| {
        // SAFETY: as above, and `name` ends with a zero byte.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer.as_mut_ptr().cast(), buffer.len(), found) }
    })?;
    account.ok_or_else(|| LaunchError::UnknownUser { given: given.to_owned() })
}

fn look_up(
    given: &str,
    call: impl Fn(*mut libc::passwd, &mut [u8], *mut *mut libc::passwd) -> libc::c_int,
) -> Result<Option<Account>, LaunchError> {
    let mut buffer = vec![0_u8; 4096];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::zeroed();
        let mut found = ptr::null_mut();
        match call(entry.as_mut_ptr(), &mut buffer, &raw mut found) {
            // Several errors mean "no such user" on one C library or another; getpwnam(3).
            0 | libc::ENOENT | libc::ESRCH if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: the call succeeded and `found` is not null, so it points to `entry`, whose strings end with
                // a zero byte and live in `buffer`.
                return Ok(Some(unsafe {
                    let entry = &*found;
                    Account {
                        uid: entry.pw_uid,
                        gid: entry.pw_gid,
                        name: CStr::from_ptr(entry.pw_name).to_owned(),
                        home: CStr::from_ptr(entry.pw_dir).to_owned(),
                    }
                }));
            }
            libc::EINTR => {}
            libc::ERANGE if buffer.len() < LOOKUP => buffer.resize(buffer.len() * 4, 0),
            error => {
                let source = io::Error::from_raw_os_error(error);
                return Err(LaunchError::UserLookup { given: given.to_owned(), source });
            }
        }
    }
}

fn groups_of(name: &CStr, gid: u32) -> Result<Vec<u32>, LaunchError> {
    let mut groups = vec![0_u32; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: `name` ends with a zero byte, and `groups` has room for `count` numbers.
        let result = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        if result >= 0 {
            groups.truncate(usize::try_from(count).unwrap_or(0));
            return Ok(groups);
        }
        if groups.len() >= GROUPS {
            let given = name.to_string_lossy().into_owned();
            return Err(LaunchError::UserLookup { given, source: io::ErrorKind::InvalidData.into() });
        }
        groups.resize(groups.len() * 4, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Ours = Ours { uid: 0, euid: 0, gid: 0, egid: 0 };
    const USER: Ours = Ours { uid: 1000, euid: 1000, gid: 1000, egid: 1000 };

    #[test]
    fn follows_sudo_only_as_root_and_only_numbers() {
        for (name, ours, uid, gid, expected) in [
            ("plain_root", ROOT, None, None, Ok(None)),
            ("sudo", ROOT, Some("1000"), Some("100"), Ok(Some((1000, 100)))),
            ("root_called_sudo", ROOT, Some("0"), Some("0"), Ok(None)),
            ("not_root", USER, Some("1"), Some("1"), Ok(None)),
            ("gid_missing", ROOT, Some("1000"), None, Err("SUDO_GID")),
            ("uid_missing", ROOT, None, Some("1000"), Err("SUDO_UID")),
            ("leave_it", ROOT, Some("4294967295"), Some("1"), Err("SUDO_UID")),
            ("too_large", ROOT, Some("4294967296"), Some("1"), Err("SUDO_UID")),
            ("negative", ROOT, Some("-1"), Some("1"), Err("SUDO_UID")),
            ("plus", ROOT, Some("+5"), Some("1"), Err("SUDO_UID")),
            ("empty", ROOT, Some(""), Some("1"), Err("SUDO_UID")),
            ("gid_no_number", ROOT, Some("1000"), Some("staff"), Err("SUDO_GID")),
        ] {
            let variable = |name: &str| if name == "SUDO_UID" { uid } else { gid }.map(OsString::from);
            let found = sudo(ours, variable).map_err(|error| error.to_string());
            let agrees = match (&found, expected) {
                (Ok(found), Ok(expected)) => *found == expected,
                (Err(message), Err(variable)) => message.starts_with(variable),
                (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
            };
            assert!(agrees, "{name}: {found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn set_user_id_drops_to_the_real_user_whatever_the_environment_says() {
        let ours = Ours { uid: 1000, euid: 0, gid: 1000, egid: 1000 };
        let found = resolve(&RunAs::Caller, ours, |_| Some("0".into())).expect("an identity");
        let expected = Identity { uid: 1000, gid: 1000, groups: None, environment: Vec::new() };
        assert_eq!(found, Some(expected));
        let wish = RunAs::User("0:0".to_owned());
        assert!(matches!(resolve(&wish, ours, |_| None), Err(LaunchError::SwitchRefused { uid: 0 })));
    }

    #[test]
    fn user_without_root_can_only_be_oneself() {
        let wish = |given: &str| resolve(&RunAs::User(given.to_owned()), USER, |_| None);
        assert_eq!(wish("1000:1000").expect("the same"), None);
        assert!(matches!(wish("1001:1000"), Err(LaunchError::SwitchRefused { uid: 1001 })));
    }

    #[test]
    fn splits_user_and_group() {
        for (given, expected) in [
            ("alice", Some((User::Name("alice"), None))),
            ("alice:5", Some((User::Name("alice"), Some(5)))),
            ("7", Some((User::Number(7), None))),
            ("7:8", Some((User::Number(7), Some(8)))),
            ("7user", Some((User::Name("7user"), None))),
            ("", None),
            (":", None),
            (":5", None),
            ("7:", None),
            ("7:staff", None),
            ("7:8:9", None),
            ("4294967295", None),
            ("99999999999", None),
            ("a\0b", None),
        ] {
            assert_eq!(split(given).ok(), expected, "{given:?}");
        }
    }

    #[test]
    fn number_without_account_needs_a_group_and_has_no_home() {
        let wish = |given: &str| resolve(&RunAs::User(given.to_owned()), ROOT, |_| None);
        assert!(matches!(wish("4000000123"), Err(LaunchError::UnknownUser { .. })));
        let found = wish("4000000123:77").expect("an identity").expect("a switch");
        assert_eq!((found.uid, found.gid, found.groups), (4_000_000_123, 77, Some(vec![77])));
        assert!(found.environment.iter().all(|(_, value)| value.is_none()), "{:?}", found.environment);
    }

    #[test]
    fn root_is_known_by_name() {
        let found =
            resolve(&RunAs::User("root".to_owned()), ROOT, |_| None).expect("root").expect("a switch");
        assert_eq!((found.uid, found.gid), (0, 0));
        assert!(found.environment.contains(&("USER", Some("root".into()))), "{:?}", found.environment);
    }
}
