//! `headroom import`: the autoscalers that a team has, as rule files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::import::{self, Document, Imported, Names};
use crate::rule;

/// The longest text that is read from standard input: 10,000 objects of 6 KB.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Turns HPAs, KEDA's ScaledObjects and the objects of predictive autoscalers into rule files, and says what it could
/// not carry over.
///
/// Exit status: 0 where all went over, 1 where something was left out, 2 where something can't be read.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Files of YAML or JSON, as kubectl prints them; - is standard input.
    #[arg(value_name = "FILE", required_unless_present = "from_cluster")]
    files: Vec<PathBuf>,
    /// Ask the cluster of the kubeconfig.
    #[arg(long)]
    from_cluster: bool,
    /// Only this namespace of the cluster.
    #[arg(long, short, requires = "from_cluster")]
    namespace: Option<String>,
    /// A context of the kubeconfig.
    #[arg(long, requires = "from_cluster")]
    context: Option<String>,
    /// A kubeconfig file.
    #[arg(long, requires = "from_cluster", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A folder for the rule files, one for each namespace; - prints one file with all of them.
    #[arg(long, short, default_value = "-", value_name = "DIR")]
    output: PathBuf,
    /// Write over files that are there.
    #[arg(long)]
    force: bool,
    /// How cAdvisor's and kube-state-metrics's labels are called here, and further matchers of every selector, as in
    /// namespace=kubernetes_namespace,pod=pod_name,cluster="eu".
    #[arg(long, default_value = "", value_name = "NAMES", value_parser = Names::parse)]
    prometheus_labels: Names,
}

/// Imports, and tells what came of it: rules to standard output or into files, the rest to standard error.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (documents, unreadable) = documents(args)?;
    let imported = import::import(&documents, &args.prometheus_labels);
    write(args, &imported)?;
    io::stderr().write_all(report(&imported).as_bytes())?;
    Ok(ExitCode::from(match (unreadable, imported.left_out()) {
        (true, _) => 2,
        (false, 0) => 0,
        (false, _) => 1,
    }))
}

/// All objects, and whether something could not be read: the rest is imported all the same.
fn documents(args: &Args) -> anyhow::Result<(Vec<Document>, bool)> {
    let mut documents = Vec::new();
    let mut unreadable = false;
    for path in &args.files {
        let read = read(path).and_then(|text| import::documents(&path.display().to_string(), &text));
        match read {
            Ok(found) => documents.extend(found),
            Err(error) => {
                eprintln!("{error}");
                unreadable = true;
            }
        }
    }
    if args.from_cluster {
        let (found, problems) = of_cluster(args)?;
        documents.extend(found);
        for problem in &problems {
            eprintln!("cluster: {problem}");
        }
        unreadable |= !problems.is_empty();
    }
    Ok((documents, unreadable))
}

/// The text of a file, or of standard input.
fn read(path: &Path) -> Result<String, String> {
    if path != Path::new("-") {
        return rule::read(path).map_err(|finding| finding.to_string());
    }
    let mut text = String::new();
    let read = io::stdin().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 > INPUT_BYTES_MAX => {
            Err(format!("standard input has more than {INPUT_BYTES_MAX} bytes; import it in parts"))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(format!("standard input can't be read: {error}")),
    }
}

#[cfg(feature = "kubernetes")]
fn of_cluster(args: &Args) -> anyhow::Result<(Vec<Document>, Vec<String>)> {
    use crate::actuate::kubernetes::{Options, autoscalers};

    let options = Options { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), ..Options::default() };
    let listed = super::runtime()?.block_on(autoscalers(&options, args.namespace.as_deref()))?;
    let document = |object| Document { origin: "cluster".to_owned(), object };
    Ok((listed.objects.into_iter().map(document).collect(), listed.problems))
}

#[cfg(not(feature = "kubernetes"))]
fn of_cluster(_: &Args) -> anyhow::Result<(Vec<Document>, Vec<String>)> {
    anyhow::bail!("this program was built without the feature \"kubernetes\"; import files that kubectl prints")
}

/// Writes the rules to where they are wanted. All files or none: one that is there already stops the rest.
fn write(args: &Args, imported: &Imported) -> anyhow::Result<()> {
    if args.output == Path::new("-") {
        if !imported.files.is_empty() {
            io::stdout().write_all(import::text(&imported.files).as_bytes())?;
        }
        return Ok(());
    }
    let path = |file: &import::File| args.output.join(format!("{}.yaml", file_name(&file.namespace)));
    let there: BTreeSet<PathBuf> = imported.files.iter().map(path).filter(|path| path.exists()).collect();
    if let (Some(first), false) = (there.first(), args.force) {
        anyhow::bail!("{} is there already; move it away, or write over it with --force", first.display());
    }
    fs::create_dir_all(&args.output).with_context(|| format!("can't make the folder {}", args.output.display()))?;
    for file in &imported.files {
        let path = path(file);
        fs::write(&path, file.text()).with_context(|| format!("can't write {}", path.display()))?;
        eprintln!("{}: {}", path.display(), counted(file.rules, "rule"));
    }
    Ok(())
}

/// A namespace as a file's name: what no namespace of a cluster has, can't lead out of the folder.
fn file_name(namespace: &str) -> String {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
    namespace.chars().map(|sign| if fits(sign) { sign } else { '_' }).collect()
}

fn report(imported: &Imported) -> String {
    let mut report = String::new();
    for note in &imported.notes {
        // Writing to a String can't fail.
        let _ = writeln!(report, "{note}");
    }
    let rules: usize = imported.files.iter().map(|file| file.rules).sum();
    let left_out = imported.left_out();
    let changed = imported.notes.len() - left_out;
    let _ = writeln!(
        report,
        "{} -> {}: {} left out, {} changed; {} of other kinds",
        counted(imported.found, "autoscaler"),
        counted(rules, "rule"),
        left_out,
        changed,
        counted(imported.others, "object"),
    );
    report
}

/// `1 rule`, `2 rules`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
