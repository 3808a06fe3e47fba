//! What a token may do, as the names of policies: `root`, `write:shop/production`,
//! `read:shop/production/api`.

use zms_client::{Own, TokenScope};
use zms_core::{path::ScopePath, principal::Kind, roster::Right};

/// The policy of who may do everything.
pub(super) const ROOT: &str = "root";

/// A path, as a policy names it: the whole vault is `*`.
fn named(path: &ScopePath) -> String {
    if path.segments().is_empty() { "*".to_owned() } else { path.to_string() }
}

/// The policies of a kind of member with such rights.
pub(super) fn names(kind: Kind, scopes: &[(ScopePath, Right)]) -> Vec<String> {
    if kind == Kind::Administrator {
        return vec![ROOT.to_owned()];
    }
    let policy = |(path, right): &(ScopePath, Right)| match right {
        Right::Write => Some(format!("write:{}", named(path))),
        Right::Read => Some(format!("read:{}", named(path))),
        Right::Exact => None,
    };
    scopes.iter().filter_map(policy).collect()
}

/// The policies of who asks.
pub(super) fn own(own: &Own) -> Vec<String> {
    names(own.line.kind, &own.scopes)
}

/// What a policy grants; `None` where it is no policy. `root` is the whole vault, without what an
/// administrator can do besides.
pub(super) fn grant(policy: &str) -> Option<TokenScope> {
    let (write, path) = match policy.split_once(':') {
        None if policy == ROOT => (true, "*"),
        Some(("write", path)) => (true, path),
        Some(("read", path)) => (false, path),
        _ => return None,
    };
    let path = if path == "*" { ScopePath::default() } else { ScopePath::parse(path).ok()? };
    Some(TokenScope { path, write, inherit: true })
}

/// What somebody may do at a path of the API.
pub(super) fn capabilities(own: &Own, api_path: &str) -> Vec<&'static str> {
    if own.line.kind == Kind::Administrator {
        return vec![ROOT];
    }
    let words: Vec<&str> = api_path.trim_matches('/').split('/').collect();
    let scope = match words.as_slice() {
        ["auth", "token", "lookup-self"] => return vec!["read"],
        ["sys", "capabilities-self"] => return vec!["update"],
        ["sys" | "auth", ..] | [_] | [] => return vec!["deny"],
        [mount, _, rest @ ..] => {
            let mount = if *mount == super::kv::WHOLE { None } else { Some(*mount) };
            mount.into_iter().chain(rest.iter().copied()).collect::<Vec<_>>().join("/")
        }
    };
    let Ok(scope) = ScopePath::parse(&scope) else { return vec!["deny"] };
    let reach = |(held, right): &(ScopePath, Right)| match right {
        Right::Exact => held == &scope,
        _ => held.is_prefix_of(&scope),
    };
    let right = own.scopes.iter().filter(|held| reach(held)).map(|(_, right)| *right).max();
    match right {
        Some(Right::Write) => vec!["create", "delete", "list", "patch", "read", "update"],
        Some(Right::Read) => vec!["list", "read"],
        Some(Right::Exact) => vec!["read"],
        None => vec!["deny"],
    }
}
