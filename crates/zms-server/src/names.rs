//! What the engine is called: the only authorities that it takes. spec/engine.md#requests

use std::sync::Arc;

/// Names, as clients spell them: host and port in lower case, without the scheme's own port.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<Arc<str>>);

impl Names {
    /// Takes names in any spelling.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let spelled = names.into_iter().map(|name| Arc::from(spell(&name)));
        let mut spelled: Vec<Arc<str>> = spelled.collect();
        spelled.sort_unstable();
        spelled.dedup();
        Self(spelled)
    }

    /// Our own spelling of an authority that a request names; `None` where it is not ours.
    pub(crate) fn find(&self, authority: &str) -> Option<&Arc<str>> {
        let known = |name: &&Arc<str>| name.eq_ignore_ascii_case(authority);
        self.0.iter().find(known).or_else(|| {
            let spelled = spell(authority);
            self.0.iter().find(|name| ***name == *spelled)
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

fn spell(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match lower.strip_suffix(":443").or_else(|| lower.strip_suffix(":80")) {
        Some(host) => host.to_owned(),
        None => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_found_in_our_own_spelling() {
        let names = ["ZMS.example.com:443".to_owned(), "127.0.0.1:3030".to_owned()];
        let names = Names::new(names);
        for host in ["zms.example.com", "Zms.Example.Com", "zms.example.com:443"] {
            assert_eq!(names.find(host).map(|name| &**name), Some("zms.example.com"));
        }
        assert_eq!(names.find("127.0.0.1:3030").map(|name| &**name), Some("127.0.0.1:3030"));
        for host in ["", "127.0.0.1", "zms.example.com.", "zms.example.com:3030", "localhost:3030"]
        {
            assert_eq!(names.find(host), None, "{host}");
        }
    }
}
