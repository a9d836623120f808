//! What is told of the resources of a call: entities in Cedar's form come in, taken apart; the JSON object by name that
//! the runtime reads goes out. Both a test's `entities` and those of a request become it.

/// The name of a resource, its attributes as a JSON object, and the entities that it is in, each a type and an id.
pub(crate) type Told = (String, String, Vec<(String, String)>);

/// The JSON object, with the attributes as they stand.
pub(crate) fn told(entities: impl IntoIterator<Item = Told>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let one = |(name, attributes, within): Told| {
        let inner = attributes.trim_start().strip_prefix('{').unwrap_or("}").trim_start();
        let comma = if inner.starts_with('}') { "" } else { "," };
        let above = within.iter().map(|(ty, id)| quoted(&format!("{ty}::{id:?}")));
        let above = above.collect::<Vec<_>>().join(",");
        format!("{}:{{\"in\":[{above}]{comma}{inner}", quoted(&name))
    };
    let all: Vec<String> = entities.into_iter().map(one).collect();
    format!("{{{}}}", all.join(","))
}
