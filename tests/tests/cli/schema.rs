//! `polity schema`, and `polity check --write-modelines`: what is printed, what is written, and what is left alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::harness::{Place, codes};

/// Every file below a folder that is no schema, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(at) = ahead.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".polity") {
                continue;
            }
            match path.is_dir() {
                true => ahead.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    files
}

#[test]
fn a_schema_is_printed_by_kind_or_written_for_all() {
    let place = Place::new();
    let all = place.polity("schema").exits(0).json();
    assert_eq!(all["properties"]["kind"]["enum"].as_array().unwrap().len(), 19);
    let policy = place.polity("schema Policy").exits(0);
    assert_eq!(policy.json()["properties"]["kind"]["const"], "Policy");
    let written = place.polity("schema --out schemas").exits(0);
    assert_eq!(written.out.lines().count(), 21);
    assert_eq!(place.read("schemas/Policy.json"), policy.out.as_bytes());
    let unknown = place.polity("schema polcy").exits(2);
    assert!(unknown.err.contains("did you mean `Policy`?"), "{}", unknown.err);
}

#[test]
fn modelines_name_a_schema_that_is_there_and_change_nothing_else() {
    let place = Place::with_example();
    place.write(
        "acme/tools/more.yaml",
        "kind: DataClass\r\nname: more\r\nowner: security\r\n",
    );
    place.write("acme/broken.yaml", "kind: Group\nname: [\n");
    place.write("acme/templates/x.yaml", "kind: Template\nname: x\n---\n");
    let elsewhere =
        "# yaml-language-server: $schema=https://acme.example/s.json\nkind: DataClass\nname: own\nowner: security\n";
    place.write("acme/own.yaml", elsewhere);
    place.write("outside.yaml", "kind: DataClass\nname: outside\nowner: security\n");
    symlink(place.at("outside.yaml"), place.at("acme/linked.yaml")).unwrap();
    fs::set_permissions(place.at("acme/polity.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let before = files(&place.at("acme"));

    place.polity("check acme --write-modelines").exits(1);
    let after = files(&place.at("acme"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let mut edited = 0;
    for (name, old) in &before {
        let new = &after[name];
        if new == old {
            continue;
        }
        edited += 1;
        let (line, rest) = new.split_at(new.len() - old.len());
        assert_eq!(rest, old, "{name}");
        let line = std::str::from_utf8(line).unwrap();
        assert_eq!(line.ends_with("\r\n"), old.contains(&b'\r'), "{name}");
        let schema = line
            .trim_end()
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap();
        let path = place.at("acme").join(name).parent().unwrap().join(schema);
        let schema: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let kinds: Vec<&str> = std::str::from_utf8(old)
            .unwrap()
            .lines()
            .filter_map(|l| l.strip_prefix("kind: "))
            .collect();
        match kinds.iter().all(|kind| *kind == kinds[0]) {
            true => assert_eq!(schema["title"], kinds[0], "{name}"),
            false => assert_eq!(schema["title"], "Polity", "{name}"),
        }
    }
    let documents = before
        .keys()
        .filter(|name| name.ends_with(".yaml") && !name.starts_with('.') && !name.starts_with("templates/"))
        .count();
    // The broken one, the link and the one with a schema of its own.
    assert_eq!(edited, documents - 3);
    let mode = fs::metadata(place.at("acme/polity.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(fs::symlink_metadata(place.at("acme/linked.yaml")).unwrap().is_symlink());

    let again = place.polity("check acme --write-modelines").exits(1);
    assert!(again.err.starts_with("modelines: 0 written"), "{}", again.err);
    assert_eq!(files(&place.at("acme")), after);
}

#[test]
fn an_organisation_with_modelines_means_the_same() {
    let place = Place::with_example();
    let before = codes(&place.polity("check acme --format json").exits(0));
    place.polity("check acme --write-modelines").exits(0);
    assert_eq!(codes(&place.polity("check acme --format json").exits(0)), before);
    place.polity("check acme --write-modelines --rev HEAD").exits(2);
}

#[test]
fn schemas_are_not_written_through_a_link() {
    let place = Place::with_example();
    fs::create_dir(place.at("elsewhere")).unwrap();
    symlink(place.at("elsewhere"), place.at("acme/.polity")).unwrap();
    let before = files(&place.at("acme"));
    place.polity("check acme --write-modelines").exits(2);
    assert_eq!(fs::read_dir(place.at("elsewhere")).unwrap().count(), 0);
    assert_eq!(files(&place.at("acme")), before);
}
