//! Policies and expressions over the generated schema: of the type that is asked for, mostly.

use super::{Field, Maker, TAGS, TYPES, Ty, kinds};

impl Maker {
    pub(super) fn policy(&mut self) -> String {
        let effect = if self.random.percent(65) { "permit" } else { "forbid" };
        let principal = match self.random.below(16) {
            0 => format!("principal == {}", self.entity("User")),
            1 => format!("principal in {}", self.any_entity()),
            2 => "principal is User".to_owned(),
            3 => format!("principal is User in {}", self.any_entity()),
            _ => "principal".to_owned(),
        };
        let action = self.one(&[
            "action",
            "action",
            "action == Action::\"read\"",
            "action in Action::\"all\"",
            "action in [Action::\"read\", Action::\"write\"]",
        ]);
        let resource = match self.random.below(16) {
            0 => format!("resource == {}", self.entity("Doc")),
            1 => format!("resource in {}", self.any_entity()),
            2 => format!("resource is Doc in {}", self.any_entity()),
            _ => "resource".to_owned(),
        };
        let mut text = format!("{effect}({principal}, {action}, {resource})");
        for _ in 0..self.random.within(1, 2) {
            let word = if self.random.percent(75) { "when" } else { "unless" };
            let depth = self.random.within(1, 4);
            text.push_str(&format!("\n{word} {{ {} }}", self.expr(&Ty::Bool, depth)));
        }
        text + ";"
    }

    fn entity(&mut self, ty: &str) -> String {
        format!("{ty}::{:?}", self.id(ty))
    }

    fn any_entity(&mut self) -> String {
        let ty = self.one(&TYPES);
        self.entity(ty)
    }

    /// A type for something that is asked about.
    fn any(&mut self) -> Ty {
        let kinds = kinds();
        match self.random.below(4) {
            0 => Ty::Entity(self.one(&TYPES)),
            _ => self.random.pick(&kinds).1.clone(),
        }
    }

    fn expr(&mut self, ty: &Ty, depth: usize) -> String {
        if self.random.percent(1) {
            // Nothing was type-checked: what errs must err alike.
            let other = self.any();
            return self.expr(&other, depth.saturating_sub(1));
        }
        match self.random.below(10) {
            _ if depth == 0 && *ty != Ty::Bool => match self.random.percent(50) {
                true => self.path(ty),
                false => self.literal(ty, 0),
            },
            0 if depth > 0 => {
                let (test, yes, no) = (
                    self.expr(&Ty::Bool, depth - 1),
                    self.expr(ty, depth - 1),
                    self.expr(ty, depth - 1),
                );
                format!("(if {test} then {yes} else {no})")
            }
            1 | 2 if *ty != Ty::Bool => self.literal(ty, depth),
            3..=6 if *ty != Ty::Bool => self.path(ty),
            _ => self.operator(ty, depth),
        }
    }

    fn literal(&mut self, ty: &Ty, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match ty {
            Ty::Bool => self.random.percent(50).to_string(),
            Ty::Long => self
                .random
                .pick(&["0", "1", "2", "10", "(-1)", "9223372036854775807"])
                .to_string(),
            Ty::String => format!("{:?}", self.word()),
            Ty::Decimal => format!("decimal({:?})", self.decimal()),
            Ty::Ip => format!("ip({:?})", self.ip()),
            Ty::DateTime => format!("datetime({:?})", self.datetime()),
            Ty::Duration => format!("duration({:?})", self.duration()),
            Ty::Entity(name) => self.entity(name),
            Ty::Set(of) => {
                let many = self.random.below(4);
                let items: Vec<String> = (0..many)
                    .map(|_| match depth {
                        0 => self.literal(of, 0),
                        _ => self.expr(of, below),
                    })
                    .collect();
                format!("[{}]", items.join(", "))
            }
            Ty::Record(fields) => {
                let mut parts = Vec::new();
                for (name, ty, optional) in fields {
                    if !*optional || self.random.percent(50) {
                        let value = match depth {
                            0 => self.literal(ty, 0),
                            _ => self.expr(ty, below),
                        };
                        parts.push(format!("{name}: {value}"));
                    }
                }
                format!("{{{}}}", parts.join(", "))
            }
        }
    }

    /// Something that has attributes.
    fn holder(&mut self) -> String {
        let simple = ["context", "context", "context", "resource", "resource", "principal"];
        match self.random.below(10) {
            0..=5 => self.random.pick(&simple).to_string(),
            6 => self.entity("Doc"),
            7 => self.entity("User"),
            _ => {
                let base = self.one(&["context", "resource", "principal"]);
                let attribute = self.one(&["friend", "doc", "friend.doc", "doc.friend"]);
                format!("{base}.{attribute}")
            }
        }
    }

    /// An attribute of that type, or a literal where nothing has one.
    fn path(&mut self, ty: &Ty) -> String {
        if let Ty::Entity("User") = ty
            && self.random.percent(30)
        {
            return "principal".to_owned();
        }
        if let Ty::Entity("Doc") = ty
            && self.random.percent(40)
        {
            return "resource".to_owned();
        }
        let fields: Vec<Field> = kinds().into_iter().filter(|(_, own, _)| own == ty).collect();
        if fields.is_empty() {
            return self.literal(ty, 0);
        }
        let holder = self.holder();
        if *ty == Ty::Long && self.random.percent(15) {
            return format!("{holder}.inner.x");
        }
        if *ty == Ty::String && self.random.percent(15) {
            let user = self.path(&Ty::Entity("User"));
            let key = self.key();
            return format!("({user}).getTag({key})");
        }
        let (name, _, optional) = self.random.pick(&fields).clone();
        if optional && self.random.percent(50) {
            let other = self.literal(ty, 0);
            return format!("(if {holder} has {name} then {holder}.{name} else {other})");
        }
        format!("{holder}.{name}")
    }

    fn key(&mut self) -> String {
        match self.random.percent(85) {
            true => format!("{:?}", self.random.pick(&TAGS)),
            false => "context.text".to_owned(),
        }
    }

    fn operator(&mut self, ty: &Ty, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match ty {
            Ty::Bool => self.test(depth),
            Ty::Long => {
                let (a, b) = (self.expr(ty, below), self.expr(ty, below));
                let span = self.expr(&Ty::Duration, below);
                match self.random.below(6) {
                    0 => format!("({a} + {b})"),
                    1 => format!("({a} - {b})"),
                    2 => format!("({a} * {b})"),
                    3 => format!("(-{a})"),
                    _ => {
                        let unit = self.one(&["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"]);
                        format!("({span}).{unit}()")
                    }
                }
            }
            Ty::DateTime => {
                let (moment, span) = (self.expr(ty, below), self.expr(&Ty::Duration, below));
                match self.random.percent(50) {
                    true => format!("({moment}).offset({span})"),
                    false => format!("({moment}).toDate()"),
                }
            }
            Ty::Duration => {
                let (a, b) = (self.expr(&Ty::DateTime, below), self.expr(&Ty::DateTime, below));
                match self.random.percent(50) {
                    true => format!("({a}).durationSince({b})"),
                    false => format!("({a}).toTime()"),
                }
            }
            Ty::Set(of) if **of == Ty::Long && self.random.percent(40) => {
                let doc = self.path(&Ty::Entity("Doc"));
                let key = self.key();
                format!("({doc}).getTag({key})")
            }
            other => self.literal(other, depth),
        }
    }

    /// A boolean.
    fn test(&mut self, depth: usize) -> String {
        let below = depth.saturating_sub(1);
        match self.random.below(22) {
            0 | 1 if depth > 0 => {
                let (a, b) = (self.expr(&Ty::Bool, below), self.expr(&Ty::Bool, below));
                format!("({a} && {b})")
            }
            2 | 3 if depth > 0 => {
                let (a, b) = (self.expr(&Ty::Bool, below), self.expr(&Ty::Bool, below));
                format!("({a} || {b})")
            }
            4 if depth > 0 => format!("!({})", self.expr(&Ty::Bool, below)),
            5..=7 => {
                let ty = self.any();
                let other = if self.random.percent(92) {
                    ty.clone()
                } else {
                    self.any()
                };
                let (a, b) = (self.expr(&ty, below), self.expr(&other, below));
                let op = if self.random.percent(70) { "==" } else { "!=" };
                format!("({a} {op} {b})")
            }
            8 => {
                let ty = self
                    .random
                    .pick(&[Ty::Long, Ty::Long, Ty::DateTime, Ty::Duration])
                    .clone();
                let (a, b) = (self.expr(&ty, below), self.expr(&ty, below));
                let op = self.one(&["<", "<=", ">", ">="]);
                format!("({a} {op} {b})")
            }
            9 => {
                let subject = self.expr(&Ty::String, below);
                let pattern = self.one(&["*", "a*", "*c", "a\\*c", "", "*e*", "ab"]);
                format!("({subject} like \"{pattern}\")")
            }
            10 | 11 => {
                let a = match self.random.below(4) {
                    0 => "action".to_owned(),
                    1 => self.path(&Ty::Entity("User")),
                    2 => self.path(&Ty::Entity("Folder")),
                    _ => self.path(&Ty::Entity("Doc")),
                };
                let b = match self.random.below(6) {
                    0 if a == "action" => "Action::\"all\"".to_owned(),
                    1 => format!("[{}, {}]", self.any_entity(), self.any_entity()),
                    2 => self.expr(&Ty::Set(Box::new(Ty::Entity("User"))), below),
                    3 => self.path(&Ty::Entity("Doc")),
                    4 => self.path(&Ty::Entity("Folder")),
                    _ => self.any_entity(),
                };
                format!("({a} in {b})")
            }
            12 => {
                let ty = Ty::Entity(self.one(&TYPES));
                let a = self.path(&ty);
                match self.random.percent(50) {
                    true => format!("({a} is {})", self.random.pick(&TYPES)),
                    false => format!("({a} is {} in {})", self.random.pick(&TYPES), self.any_entity()),
                }
            }
            13 | 14 => {
                let holder = self.holder();
                let attribute = self.one(&[
                    "doc",
                    "maybe",
                    "note",
                    "words",
                    "inner.deep",
                    "inner.y",
                    "inner.deep.z",
                    "absent",
                    "count",
                ]);
                format!("({holder} has {attribute})")
            }
            15 => {
                let of = self
                    .random
                    .pick(&[Ty::String, Ty::Long, Ty::Bool, Ty::Ip, Ty::Entity("User")])
                    .clone();
                let (set, element) = (self.expr(&Ty::Set(Box::new(of.clone())), below), self.expr(&of, below));
                format!("({set}).contains({element})")
            }
            16 => {
                let of = Ty::Set(Box::new(Ty::Long));
                let (set, element) = (self.path(&Ty::Set(Box::new(of.clone()))), self.literal(&of, 0));
                match self.random.percent(70) {
                    true => format!("({set}).contains({element})"),
                    false => format!(
                        "({}).contains({{a: 1}})",
                        self.path(&Ty::Set(Box::new(Ty::Record(vec![("a", Ty::Long, false)]))))
                    ),
                }
            }
            17 => {
                let of = self
                    .random
                    .pick(&[Ty::String, Ty::Long, Ty::Bool, Ty::Ip, Ty::Entity("User")])
                    .clone();
                let ty = Ty::Set(Box::new(of));
                let (a, b) = (self.expr(&ty, below), self.expr(&ty, below));
                let op = self.one(&["containsAll", "containsAny"]);
                format!("({a}).{op}({b})")
            }
            18 => {
                let of = self.random.pick(&[Ty::String, Ty::Long, Ty::Ip]).clone();
                format!("({}).isEmpty()", self.expr(&Ty::Set(Box::new(of)), below))
            }
            19 => {
                let (a, b) = (self.expr(&Ty::Ip, below), self.expr(&Ty::Ip, below));
                let method = self.one(&["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", "isInRange"]);
                match method {
                    "isInRange" => format!("({a}).isInRange({b})"),
                    method => format!("({a}).{method}"),
                }
            }
            20 => {
                let (a, b) = (self.expr(&Ty::Decimal, below), self.expr(&Ty::Decimal, below));
                let method = self.one(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
                format!("({a}).{method}({b})")
            }
            21 => {
                let entity = match self.random.percent(50) {
                    true => self.path(&Ty::Entity("User")),
                    false => self.path(&Ty::Entity("Doc")),
                };
                format!("({entity}).hasTag({})", self.key())
            }
            _ => match self.random.percent(80) {
                true => format!("{}.flag", self.holder()),
                false => self.literal(&Ty::Bool, 0),
            },
        }
    }
}
