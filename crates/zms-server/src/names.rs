//! What the engine is called: the only authorities that it takes. spec/engine.md#requests

/// Names, as clients spell them: host and port in lower case, without the scheme's own port.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// Takes names in any spelling.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut spelled: Vec<String> = names.into_iter().map(|name| spell(&name)).collect();
        spelled.sort_unstable();
        spelled.dedup();
        Self(spelled)
    }

    /// Our own spelling of an authority that a request names; `None` where it is not ours.
    pub(crate) fn find(&self, authority: &str) -> Option<&str> {
        let known = |name: &&String| name.eq_ignore_ascii_case(authority);
        self.0
            .iter()
            .find(known)
            .or_else(|| {
                let spelled = spell(authority);
                self.0.iter().find(|name| **name == spelled)
            })
            .map(String::as_str)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
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
            assert_eq!(names.find(host), Some("zms.example.com"));
        }
        assert_eq!(names.find("127.0.0.1:3030"), Some("127.0.0.1:3030"));
        for host in ["", "127.0.0.1", "zms.example.com.", "zms.example.com:3030", "localhost:3030"]
        {
            assert_eq!(names.find(host), None, "{host}");
        }
    }
}
