// SPDX-License-Identifier: GPL-2.0-only
//! The nightly pipelines of several engines, written from one description, `configs/ci.yaml`.
//!
//! Every engine runs the same shell lines, which [`Run`] and [`Job`] give; an engine's module puts them into its own words.

mod github;
mod gitlab;
mod script;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::config::{Config, yaml};

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The container that jobs run in.
    pub image: String,
    /// Packages that it lacks.
    pub packages: Vec<String>,
    /// Options of the container.
    pub container: String,
    /// GitHub's machine.
    pub runner: String,
    /// When, as cron writes it.
    pub schedule: String,
    /// Of one job.
    pub timeout_minutes: u32,
    /// Machines for each of `runs`.
    pub shards: usize,
    /// Runs over the matrix, cut into shards.
    pub runs: Vec<Run>,
    /// What else there is to do, each a job of its own.
    pub jobs: Vec<Job>,
    /// GitHub's actions.
    pub actions: Actions,
}

/// A run over the matrix.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Of jobs and reports.
    pub name: String,
    /// Of `cargo xtask test`.
    pub options: String,
    /// How many shards, if not as many as the others.
    #[serde(default)]
    pub shards: Option<usize>,
    /// Whether it is for the kernel tree that `KERNEL_GIT` names, as `KERNEL_REV` is there, and does nothing without.
    #[serde(default)]
    pub tree: bool,
}

/// Commands that belong together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// In this order; the first that fails ends the job.
    pub commands: Vec<String>,
}

/// The actions that the workflow uses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actions {
    /// Keeps folders from one run to the next.
    pub cache: Action,
    /// Checks the project out.
    pub checkout: Action,
    /// Gets artefacts of other jobs.
    pub download: Action,
    /// Keeps artefacts.
    pub upload: Action,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// `OWNER/NAME@COMMIT`
    pub uses: String,
    /// The release that this is, for people.
    pub version: String,
}

/// What every written file begins with, after `#`.
const HEAD: [&str; 2] = [
    "SPDX-License-Identifier: GPL-2.0-only",
    "Written by `cargo xtask self pipelines` from configs/ci.yaml; edit that.",
];

/// What the reports of the run before are kept in, and those of this one.
const BEFORE: &str = "before";
const REPORTS: &str = "reports";

/// Folders of the cache folder: what all jobs take from the archive, and what each builds for itself.
const TOOLS: [&str; 2] = ["source", "toolchain"];
const BUILDS: [&str; 2] = ["build", "tree"];

/// What makes `linux` the tree as it is there now, whatever an earlier run has left.
const TREE: [&str; 4] = [
    "git init --quiet linux",
    r#"git -C linux fetch --quiet --depth 1 "$KERNEL_GIT" "${KERNEL_REV:-HEAD}""#,
    "git -C linux reset --quiet --hard FETCH_HEAD",
    "git -C linux clean --quiet -ffdx",
];

impl Pipeline {
    /// Reads `configs/ci.yaml` and checks it against the rest of `configs`.
    ///
    /// # Errors
    /// What [`yaml::load`] returns, or a run has more shards than there are kernels.
    pub fn load(configs: &Path, config: &Config) -> Result<Pipeline, yaml::Error> {
        let path = configs.join("ci.yaml");
        let pipeline: Pipeline = yaml::load(&path)?;
        let kernels = config.named_cells(&[]).into_iter().map(|c| &c.kernel);
        let kernels = kernels.collect::<std::collections::BTreeSet<_>>().len();
        for (at, run) in pipeline.runs.iter().enumerate() {
            let shards = pipeline.shards_of(run);
            if shards == 0 || shards > kernels {
                let key = match run.shards {
                    Some(_) => format!("runs.{at}.shards"),
                    None => "shards".into(),
                };
                let message = format!("must be from 1 to {kernels}, the number of kernels");
                return Err(yaml::Error::value(&path, &key, message));
            }
            if run.tree && shards != 1 {
                let message =
                    "must have `shards: 1` beside it, as each shard would fetch a tree of its own";
                let key = format!("runs.{at}.tree");
                return Err(yaml::Error::value(&path, &key, message));
            }
        }
        Ok(pipeline)
    }

    /// What is written: paths in the checkout, and texts.
    pub fn files(&self) -> BTreeMap<&'static str, String> {
        [
            ("ci/github.yml", github::workflow(self)),
            ("ci/gitlab.yml", gitlab::pipeline(self)),
            ("ci/nightly.sh", script::script(self)),
        ]
        .into()
    }

    fn shards_of(&self, run: &Run) -> usize {
        run.shards.unwrap_or(self.shards)
    }

    /// What makes the image fit.
    fn packages(&self) -> String {
        let packages = self.packages.join(" ");
        format!("apt-get update && apt-get install -y --no-install-recommends {packages}")
    }
}

impl Run {
    /// The shell lines of one shard; `number` and `of` are what the engine puts there.
    fn shard(&self, number: &str, of: &str) -> Vec<String> {
        let Run { name, options, .. } = self;
        let mut lines = Vec::new();
        if self.tree {
            lines.extend(TREE.map(String::from));
        }
        let space = if options.is_empty() { "" } else { " " };
        lines.extend([
            format!("mkdir -p {BEFORE} {REPORTS}"),
            // One that another version has written is of no use.
            format!("cargo xtask report {BEFORE}/{name}.json > /dev/null 2>&1 || rm -f {BEFORE}/{name}.json"),
            format!("times=$(test ! -f {BEFORE}/{name}.json || echo --times {BEFORE}/{name}.json)"),
            format!(
                "cargo xtask test{space}{options} --shard {number}/{of} $times --report json={REPORTS}/{name}-{number}.json"
            ),
        ]);
        lines
    }

    /// Those that join the shards. The report is kept for the next run, whatever is in it.
    fn merge(&self) -> Vec<String> {
        let name = &self.name;
        let formats = [
            ("json", "json"),
            ("html", "html"),
            ("junit", "xml"),
            ("kcidb", "kcidb.json"),
        ];
        let reports =
            formats.map(|(format, ending)| format!("--report {format}={REPORTS}/{name}.{ending}"));
        vec![
            format!("mkdir -p {BEFORE}"),
            format!(
                "cargo xtask report {BEFORE}/{name}.json > /dev/null 2>&1 || rm -f {BEFORE}/{name}.json"
            ),
            format!(
                "compare=$(test ! -f {BEFORE}/{name}.json || echo --compare {BEFORE}/{name}.json)"
            ),
            "status=0".into(),
            format!(
                "cargo xtask merge {REPORTS}/{name}-*.json $compare {} || status=$?",
                reports.join(" ")
            ),
            format!(
                "test ! -f {REPORTS}/{name}.json || cp {REPORTS}/{name}.json {BEFORE}/{name}.json"
            ),
            "(exit $status)".into(),
        ]
    }
}

impl Job {
    /// What there may be to look at afterwards.
    fn leaves(&self) -> Vec<String> {
        let files = ["html", "json", "xml"].map(|ending| format!("target/*.{ending}"));
        std::iter::once(format!("{REPORTS}/"))
            .chain(files)
            .collect()
    }
}

/// What boots leave to look at, with `cache` as the cache folder.
fn logs(cache: &str) -> [String; 3] {
    let logs = ["console.log", "vcsan.jsonl", "qemu.txt"];
    logs.map(|log| format!("{cache}/runs/*/*/{log}"))
}

/// `#` and the lines that every file begins with.
fn head(more: &[&str]) -> String {
    let lines = HEAD.iter().chain(more);
    lines.map(|line| format!("# {line}\n")).collect()
}

/// `lines` as a block of YAML, `indent` deep.
fn block(lines: &[String], indent: usize) -> String {
    let lines = lines.iter().map(|line| format!("{:indent$}{line}\n", ""));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;
    use crate::selftest;

    fn pipeline() -> Pipeline {
        let configs = Project::this().configs();
        let config = Config::load(&configs).expect("valid");
        Pipeline::load(&configs, &config).expect("valid")
    }

    fn read(files: &BTreeMap<&str, String>, name: &str) -> yaml::Value {
        yaml::parse(Path::new(name), &files[name]).expect("YAML")
    }

    #[test]
    fn what_is_checked_in_is_what_the_description_says() {
        for (path, text) in pipeline().files() {
            let there = fs_err::read_to_string(Project::this().root().join(path));
            assert!(
                there.is_ok_and(|there| there == text),
                "{path} is not what configs/ci.yaml says; write it anew by `cargo xtask self pipelines`"
            );
        }
    }

    #[test]
    fn the_container_is_the_machine_of_the_pipelines() {
        let pipeline = pipeline();
        let read = |path: &str| {
            let text = fs_err::read_to_string(Project::this().root().join(path));
            text.expect("there")
        };
        let recipe = read("ci/Containerfile");
        let base = format!("\nARG BASE={}\nFROM ${{BASE}}\n", pipeline.image);
        assert!(recipe.contains(&base), "{base}");
        let install = format!(
            "--no-install-recommends {} \\\n",
            pipeline.packages.join(" ")
        );
        assert!(recipe.contains(&install), "{install}");
        // As podman calls it.
        let options = pipeline
            .container
            .replace("systempaths=unconfined", "unmask=ALL");
        let options = options.split("--").map(str::trim);
        let options: Vec<&str> = options.filter(|option| !option.is_empty()).collect();
        assert_eq!(options.len(), 4);
        for path in ["ci/Containerfile", "ci/container.sh", "README.md"] {
            let text = read(path);
            for option in &options {
                assert!(text.contains(option), "{path}: --{option}");
            }
        }
    }

    #[test]
    fn every_command_in_them_is_one_that_there_is() {
        let mut seen = 0;
        for (path, text) in pipeline().files() {
            for line in text.lines() {
                let Some((_, command)) = line.split_once("cargo xtask ") else {
                    continue;
                };
                if line.trim_start().starts_with('#') {
                    continue;
                }
                let command = command.split(" || ").next().unwrap_or_default();
                let command = command.split(" > ").next().unwrap_or_default();
                // What the engines put there.
                let command = command
                    .replace(r"'\''", "'")
                    .replace("${{ matrix.shard }}", "1")
                    .replace("$CI_NODE_INDEX", "1")
                    .replace("$CI_NODE_TOTAL", "1")
                    .replace("$shard", "1")
                    .replace("$times", "")
                    .replace("$compare", "");
                let words = shlex::split(&command).expect("words");
                let words = std::iter::once("cargo xtask").chain(words.iter().map(String::as_str));
                if let Err(error) = selftest::command().try_get_matches_from(words) {
                    panic!("{path}: {command}: {error}");
                }
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_pipelines_are_yaml_and_wait_for_all_shards() {
        let pipeline = pipeline();
        let files = pipeline.files();
        let (github, gitlab) = (read(&files, "ci/github.yml"), read(&files, "ci/gitlab.yml"));
        for run in &pipeline.runs {
            let merge = format!("{}-merge", run.name);
            let shards = &github["jobs"][run.name.as_str()]["strategy"]["matrix"]["shard"];
            let count = shards.as_sequence().map(Vec::len);
            assert_eq!(count, Some(pipeline.shards_of(run)), "{}", run.name);
            assert_eq!(github["jobs"][merge.as_str()]["needs"], run.name.as_str());
            let needs = &gitlab[merge.as_str()]["needs"];
            assert_eq!(needs[0]["job"], run.name.as_str());
            assert!(gitlab[run.name.as_str()]["script"].is_sequence());
        }
        for job in &pipeline.jobs {
            assert!(github["jobs"][job.name.as_str()]["steps"].is_sequence());
            assert!(gitlab[job.name.as_str()]["script"].is_sequence());
        }
    }

    #[test]
    fn every_job_leaves_its_reports_whatever_comes_of_it() {
        let pipeline = pipeline();
        let files = pipeline.files();
        let (github, gitlab) = (read(&files, "ci/github.yml"), read(&files, "ci/gitlab.yml"));
        let merges = pipeline
            .runs
            .iter()
            .map(|run| format!("{}-merge", run.name));
        let runs = pipeline.runs.iter().map(|run| run.name.clone());
        let jobs = pipeline.jobs.iter().map(|job| job.name.clone());
        for job in runs.chain(merges).chain(jobs) {
            let steps = github["jobs"][job.as_str()]["steps"].as_sequence();
            let has = |step: &yaml::Value| {
                let uploads = step["uses"].as_str() == Some(&pipeline.actions.upload.uses);
                let path = step["with"]["path"].as_str().unwrap_or_default();
                uploads && step["if"] == "always()" && path.contains(REPORTS)
            };
            assert!(steps.expect(&job).iter().any(has), "{job}");
            let artifacts = &gitlab[job.as_str()]["artifacts"];
            assert_eq!(artifacts["when"], "always", "{job}");
            let paths = artifacts["paths"].as_sequence().expect(&job);
            assert!(paths.contains(&format!("{REPORTS}/").into()), "{job}");
        }
    }

    #[test]
    fn what_comes_from_the_archive_is_kept_once_and_no_run_is() {
        let files = pipeline().files();
        // Of each cache its name, by what is in it.
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let text = |value: &yaml::Value| yaml::print(value).expect("YAML");
        for (file, keyed, caches) in [
            ("ci/github.yml", "with", "steps"),
            ("ci/gitlab.yml", "", "cache"),
        ] {
            let all = read(&files, file);
            let jobs = all.get("jobs").unwrap_or(&all);
            let jobs = jobs.as_mapping().expect("jobs").values();
            for cache in jobs
                .filter_map(|job| job.get(caches)?.as_sequence())
                .flatten()
            {
                let cache = cache.get(keyed).unwrap_or(cache);
                let Some(key) = cache.get("key") else {
                    continue;
                };
                let paths = cache.get("path").or(cache.get("paths")).expect("paths");
                names.entry(text(paths)).or_default().push(text(key));
            }
        }
        for (paths, keys) in &mut names {
            assert!(!paths.contains("runs"), "{paths}");
            let all = keys.len();
            keys.sort();
            keys.dedup();
            if paths.contains("toolchain") {
                assert!(all > 10 && keys.len() == 1, "{keys:?}");
            } else if paths.contains("build") {
                assert!(all > 10 && keys.len() == all, "{keys:?}");
            }
        }
        assert_eq!(names.len(), 6, "{names:?}");
    }

    #[test]
    fn the_script_refuses_a_name_that_is_none() {
        let script = Project::this().root().join("ci/nightly.sh");
        let run = std::process::Command::new("bash")
            .arg(script)
            .arg("no-such-run")
            .output();
        let run = run.expect("bash");
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{said}");
        assert!(said.contains("no-such-run is none of: heap"), "{said}");
    }

    #[test]
    fn the_tree_is_fetched_anew_and_asked_for_only_where_there_is_one() {
        let root = Project::this().root().to_owned();
        let run = std::process::Command::new("bash")
            .args(["ci/nightly.sh", "tree"])
            .current_dir(root)
            .env_remove("KERNEL_GIT")
            .output();
        let run = run.expect("bash");
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{said}");
        assert!(said.contains("KERNEL_GIT"), "{said}");

        let dir = tempfile::tempdir().expect("a temporary folder");
        let bash = |lines: &str| {
            let run = std::process::Command::new("bash")
                .args(["-euc", lines])
                .current_dir(&dir)
                .env("KERNEL_GIT", dir.path().join("theirs"))
                .env_remove("KERNEL_REV")
                .output();
            let run = run.expect("bash");
            let said = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "{lines}: {said}");
            String::from_utf8_lossy(&run.stdout).trim().to_owned()
        };
        let commit = "git -C theirs -c user.name=a -c user.email=a@example.org commit --quiet -m x";
        bash(&format!(
            "git init -q theirs; touch theirs/a; git -C theirs add a; {commit}"
        ));
        bash(&TREE.join("\n"));
        bash("touch linux/left");
        bash(&format!("git -C theirs mv a b; {commit}"));
        bash(&TREE.join("\n"));
        assert_eq!(bash("ls linux"), "b");
    }

    #[test]
    fn actions_are_pinned_by_commit() {
        let workflow = &pipeline().files()["ci/github.yml"];
        let uses: Vec<&str> = workflow
            .lines()
            .filter_map(|l| Some(l.split_once("uses: ")?.1))
            .collect();
        assert!(uses.len() > 10);
        for action in uses {
            let commit = action.split(['@', ' ']).nth(1).unwrap_or_default();
            let hex = commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(commit.len() == 40 && hex, "{action}");
        }
    }

    #[test]
    fn more_shards_than_kernels_are_refused() {
        let configs = Project::this().configs();
        let config = Config::load(&configs).expect("valid");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let text = fs_err::read_to_string(configs.join("ci.yaml")).expect("there");
        let text = text.replace("shards: 3", "shards: 99");
        fs_err::write(dir.path().join("ci.yaml"), text).expect("written");
        let said = Pipeline::load(dir.path(), &config)
            .expect_err("refused")
            .to_string();
        assert!(said.contains("`shards` must be from 1 to"), "{said}");
        let text = fs_err::read_to_string(configs.join("ci.yaml")).expect("there");
        let text = text.replace("tree: true, shards: 1", "tree: true");
        fs_err::write(dir.path().join("ci.yaml"), text).expect("written");
        let said = Pipeline::load(dir.path(), &config)
            .expect_err("refused")
            .to_string();
        assert!(said.contains("tree` must have `shards: 1`"), "{said}");
    }
}
