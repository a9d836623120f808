//! `polity import`: documents from what others list.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{Console, Exit, Failure, files, values};
use crate::import::{self, Imported, Listing, Reached, Remark, update};
use crate::parse::scalar;
use crate::report::visible;
use crate::source::MAX_FILE_BYTES;

/// Write a Tool document from what an MCP server lists
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity import mcp github.json --name github --out tools/github.yaml
  polity import mcp github.json --update tools/github.yaml")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Mcp(Mcp),
}

/// Write a Tool document from the answer of an MCP server to `tools/list`
///
/// Effects are proposed from the server's annotations, read the stricter way. Each action is marked `unconfirmed`, which
/// is an error until a person has removed the mark. What the model has no type for becomes `opaque`, and is listed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity import mcp github.json --name github --out tools/github.yaml
  polity import mcp page-1.json page-2.json --name github
  curl -s ... | polity import mcp - --name github --url https://mcp.acme.example
  polity import mcp github.json --name github \\
      --command 'npx -y @acme/github-mcp@1.4.2' > tools/github.yaml
  polity import mcp github.json --update tools/github.yaml

With --update the file keeps what people wrote: classes, resources, variants,
narrower types, comments. What the server changed is marked for them to confirm.
An action that was taken out of the file stays out as long as the server lists
the same; once it lists something else, the action comes back to be confirmed.
The digest of a definition is the SHA-256 of its canonical JSON (RFC 8785); that
of a server is over an object that holds each tool's name and digest.")]
struct Mcp {
    /// The answer, in pages if it has several; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pages: Vec<PathBuf>,
    /// What the tool is called; if absent, as the server calls itself
    #[arg(long, value_name = "NAME", value_parser = values::name)]
    name: Option<String>,
    /// How the server is started: the program and its arguments, quoted as in a shell
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["url", "update"])]
    command: Option<String>,
    /// Where the server is reached
    #[arg(long, value_name = "URL", conflicts_with = "update")]
    url: Option<String>,
    /// A tool of the server to leave out
    #[arg(long, value_name = "TOOL")]
    without: Vec<String>,
    /// Where to write the document, a new file; if absent, standard output
    #[arg(long, value_name = "FILE", conflicts_with = "update")]
    out: Option<PathBuf>,
    /// Bring this document up to date, and say what has changed
    #[arg(long, value_name = "FILE")]
    update: Option<PathBuf>,
    /// With --update: say what would change, and write nothing
    #[arg(long, requires = "update")]
    dry_run: bool,
}

/// The words of a command line.
fn words(command: &str) -> Result<Vec<String>, Failure> {
    let wrong = |why: &str| Failure::misuse(format!("`--command` cannot be read: {why}"));
    match shell_words::split(command) {
        Ok(words) if words.is_empty() => Err(wrong("it names no program")),
        Ok(words) => Ok(words),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Command::Mcp(mcp) = arguments.command;
    let mut listing = listing(&mcp.pages)?;
    for name in &mcp.without {
        listing.leave_out(name).map_err(Failure::misuse)?;
    }
    let reached = match (&mcp.command, &mcp.url) {
        (Some(command), _) => Some(Reached::Command(words(command)?)),
        (None, url) => url.clone().map(Reached::Url),
    };
    let refused = |why: String| {
        Failure::falls_short(format!("the server's answer is refused: {why}"))
            .with_help("`--without TOOL` leaves a tool out, and takes the others")
    };
    let imported = import::propose(&listing, reached.as_ref()).map_err(refused)?;
    match &mcp.update {
        Some(path) => bring_up_to_date(path, &mcp, &listing, &imported, console),
        None => write_new(&mcp, &listing, imported, console),
    }
}

fn listing(pages: &[PathBuf]) -> Result<Listing, Failure> {
    if pages.iter().filter(|page| page.as_path() == Path::new("-")).count() > 1 {
        return Err(Failure::misuse("standard input can be read once"));
    }
    let read = |page: &PathBuf| files::read_or_standard_input(page, "the server's answer", import::MAX_BYTES);
    let pages = pages.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Listing::read(&pages).map_err(|why| Failure::falls_short(format!("the server's answer is refused: {why}")))
}

fn write_new(mcp: &Mcp, listing: &Listing, imported: Imported, console: &mut Console) -> Result<Exit, Failure> {
    let called = || listing.server.as_deref().and_then(scalar::to_name);
    let Some(name) = mcp.name.clone().or_else(called) else {
        return Err(Failure::misuse("the server does not say what it is called").with_help("say it with `--name NAME`"));
    };
    let Imported { tool, remarks } = imported;
    let (count, served) = (tool.actions.len(), tool.server.is_some());
    if count == 0 {
        remark(&remarks, console);
        return Err(Failure::falls_short("none of the server's tools can be taken over"));
    }
    let text = import::document(&name, tool).map_err(Failure::falls_short)?;
    match &mcp.out {
        Some(path) => {
            if path.try_exists().unwrap_or(true) {
                let failure = Failure::misuse(format!("`{}` is there already", path.display()));
                return Err(failure.with_help("`--update` brings a document up to date, and keeps what people wrote"));
            }
            files::create_atomically(path, "the document", text.as_bytes())?;
            console.result(&format!("{}\n", path.display()))?;
        }
        None => console.result(&text)?,
    }
    remark(&remarks, console);
    if !served {
        let said = "note: the document names no server: add one, or say `--command` or `--url`; without, the tool counts \
                    as built in to the agent\n";
        console.remark(said);
    }
    let actions = if count == 1 {
        "1 action"
    } else {
        &format!("{count} actions")
    };
    console.remark(&format!(
        "{actions} to confirm: `polity check` names each until it is\n"
    ));
    Ok(Exit::Yes)
}

fn bring_up_to_date(
    path: &Path,
    mcp: &Mcp,
    listing: &Listing,
    imported: &Imported,
    console: &mut Console,
) -> Result<Exit, Failure> {
    let refused = |why: &str| Failure::falls_short(format!("`{}` cannot be brought up to date: {why}", path.display()));
    let old = files::read(path, "the document", MAX_FILE_BYTES)?;
    let old = String::from_utf8(old).map_err(|_| refused("it is not UTF-8"))?;
    let updated = update::update(&old, mcp.name.as_deref(), &imported.tool, &listing.digest);
    let updated = updated.map_err(|why| refused(&why))?;
    import::fits(&updated.text).map_err(|why| refused(&why))?;
    if updated.text != old && !mcp.dry_run {
        files::write_atomically(path, "the document", updated.text.as_bytes())?;
    }
    for change in &updated.changes {
        console.result(&format!("{}\n", visible::line(&change.to_string())))?;
    }
    remark(&imported.remarks, console);
    if updated.changes.is_empty() {
        console.remark("nothing has changed\n");
    }
    Ok(Exit::Yes)
}

/// What stands in a remark is the server's own text.
fn remark(remarks: &[Remark], console: &mut Console) {
    for remark in remarks {
        console.remark(&format!("note: {}\n", visible::line(&remark.to_string())));
    }
}
