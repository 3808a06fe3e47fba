//! The template: text in, text out. It sees the secrets of a place, and nothing else.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    sync::Arc,
};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Enumerator, Object},
};
use zeroize::Zeroizing;

/// The function that stands for an address.
pub(super) const ADDRESSED: &str = "addressed";
/// Most steps of a template: loops within loops end.
const FUEL: u64 = 10_000_000;

/// Why there is no text for a name.
#[derive(Clone)]
pub(super) enum NoText {
    /// There is no such secret.
    Missing(String),
    /// It can not be read, or is not text.
    Unreadable(String),
}

impl From<NoText> for Error {
    fn from(why: NoText) -> Self {
        match why {
            NoText::Missing(why) => Self::new(ErrorKind::UndefinedError, why),
            NoText::Unreadable(why) => Self::new(ErrorKind::InvalidOperation, why),
        }
    }
}

/// A secret's text, or why it has none.
pub(super) type Secret = Result<String, NoText>;

fn filled(secret: &Secret) -> Result<Value, Error> {
    secret.as_ref().map(|text| Value::from(text.as_str())).map_err(|why| why.clone().into())
}

/// The secrets that a place sees.
pub(super) struct Secrets(pub(super) BTreeMap<String, Secret>);

/// Shows how many there are, nothing of them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Object for Secrets {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        // An error becomes a value that stops whoever uses it.
        self.0.get(key.as_str()?).map(|secret| filled(secret).unwrap_or_else(Value::from))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|name| Value::from(name.as_str())).collect())
    }
}

/// A template with the name that errors call it.
pub(super) struct Text<'t> {
    pub(super) name: &'t str,
    pub(super) source: &'t str,
}

/// Why nothing was rendered.
#[derive(Debug)]
pub(super) struct Wrong {
    place: String,
    why: String,
    /// Whether something was missing.
    pub(super) missing: bool,
    /// Whether it is no template at all.
    pub(super) syntax: bool,
    /// Names that the template uses and the place does not have, where one of them stopped it.
    pub(super) lacks: Vec<String>,
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lacks.is_empty() {
            write!(f, "{}: {}", self.place, self.why)
        } else {
            f.write_str(&self.place)
        }
    }
}

impl Text<'_> {
    /// Renders with the secrets of a place, and with what stands at the addresses, by number.
    pub(super) fn render(
        &self,
        secrets: Secrets,
        addressed: Vec<Secret>,
    ) -> Result<Zeroizing<String>, Wrong> {
        let secrets = Arc::new(secrets);
        let environment = environment(&secrets, addressed);
        let template = environment
            .template_from_named_str(self.name, self.source)
            .map_err(|error| self.wrong(&error, Vec::new()))?;
        template.render(Value::from_dyn_object(secrets.clone())).map(Zeroizing::new).map_err(
            |error| {
                // What is undefined is named by nobody; what is missing at an address says so itself.
                let undefined =
                    error.kind() == ErrorKind::UndefinedError && error.detail().is_none();
                let mut lacks: Vec<String> =
                    template.undeclared_variables(false).into_iter().collect();
                lacks.retain(|name| undefined && !secrets.0.contains_key(name) && !ours(name));
                lacks.sort();
                self.wrong(&error, lacks)
            },
        )
    }

    fn wrong(&self, error: &Error, lacks: Vec<String>) -> Wrong {
        let line = error.line().map(|line| format!(" line {line}")).unwrap_or_default();
        let why = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let missing = error.kind() == ErrorKind::UndefinedError;
        let syntax = error.kind() == ErrorKind::SyntaxError;
        Wrong { place: format!("{}{line}", self.name), why, missing, syntax, lacks }
    }
}

fn ours(name: &str) -> bool {
    [ADDRESSED, "secret", "secrets", "range", "dict", "namespace", "loop"].contains(&name)
}

fn environment<'e>(secrets: &Arc<Secrets>, addressed: Vec<Secret>) -> Environment<'e> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are good ones"));
    environment.set_fuel(Some(FUEL));
    environment.remove_global("debug");
    environment.add_function(ADDRESSED, move |number: usize| {
        filled(addressed.get(number).unwrap_or(&Err(NoText::Missing("no such address".to_owned()))))
    });
    let all = secrets.clone();
    environment.add_function("secret", move |name: String| {
        all.0.get(&name).map_or(Ok(Value::UNDEFINED), filled)
    });
    let all = secrets.clone();
    environment.add_function("secrets", move |prefix: Option<String>| {
        let prefix = prefix.unwrap_or_default();
        let chosen = all.0.iter().filter(|(name, _)| name.starts_with(&prefix));
        let pair = |(name, secret): (&String, &Secret)| {
            Ok(Value::from(vec![Value::from(name.as_str()), filled(secret)?]))
        };
        chosen.map(pair).collect::<Result<Vec<_>, Error>>().map(Value::from)
    });
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> Result<String, Wrong> {
        let secrets = [
            ("A", Ok("one")),
            ("B_1", Ok("{{ A }} zms://a/b/C")),
            ("B_2", Ok("")),
            ("a.b", Ok("dotted")),
            ("OVER", Err("OVER has expired")),
        ];
        let own = |it: Result<&str, &str>| {
            it.map(str::to_owned).map_err(|why| NoText::Unreadable(why.to_owned()))
        };
        let secrets = secrets.map(|(name, secret)| (name.to_owned(), own(secret)));
        let addressed = vec![Ok("far".to_owned()), Err(NoText::Missing("no secret X".to_owned()))];
        let text = Text { name: "t", source };
        text.render(Secrets(secrets.into()), addressed).map(|text| text.to_string())
    }

    #[test]
    fn secrets_defaults_and_sections_are_filled_in() {
        for (source, rendered) in [
            ("x={{ A }}\n", "x=one\n"),
            ("{{ NONE | default('d') }}", "d"),
            ("{{ B_2 | default('d') }}", ""),
            ("{% if A %}yes{% else %}no{% endif %}{% if NONE %}yes{% endif %}", "yes"),
            (
                "{% for name, value in secrets('B_') %}{{ name }}={{ value }};{% endfor %}",
                "B_1={{ A }} zms://a/b/C;B_2=;",
            ),
            ("{{ secret('a.b') }} {{ secret('x') | default('-') }}", "dotted -"),
            ("{{ addressed(0) }}", "far"),
            ("<{{ B_1 }}>", "<{{ A }} zms://a/b/C>"),
            ("{% raw %}{{ A }}{% endraw %}", "{{ A }}"),
        ] {
            assert_eq!(render(source).unwrap(), rendered);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_with_its_line() {
        for (source, line, why) in [
            ("\n{{ NONE }}", " line 2", "NONE"),
            ("\n\n{{ OVER }}", " line 3", "OVER has expired"),
            ("{{ addressed(1) }}", " line 1", "no secret X"),
            ("\n{% if %}", " line 2", ""),
            ("{% include 'etc' %}", " line 1", ""),
            ("{{ debug() }}", " line 1", ""),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
                "",
                "",
            ),
        ] {
            let wrong = render(source).unwrap_err();
            let told = format!("{wrong} {}", wrong.lacks.join(" "));
            assert!(told.starts_with(&format!("t{line}")) && told.contains(why), "{told}");
            assert!(!told.contains("one"), "{told}");
        }
    }
}
