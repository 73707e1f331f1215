// SPDX-License-Identifier: GPL-2.0-only
//! The GitLab pipeline.

use super::{BEFORE, BUILDS, Job, Pipeline, REPORTS, Run, TOOLS, block, head, logs};

/// The whole file.
pub(super) fn pipeline(pipeline: &Pipeline) -> String {
    let container = format!("Its runner gives containers {}.", pipeline.container);
    let mut text = head(&[
        "Name it as the project's CI configuration file and run it by a schedule.",
        &container,
    ]);
    let hours = pipeline.timeout_minutes;
    text += &format!(
        "stages: [run, merge]
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == 'schedule'
    - if: $CI_PIPELINE_SOURCE == 'web'
default:
  image: {}
  timeout: {hours} minutes
  before_script:
    - {}
    - rustup component add clippy rustfmt
variables:
  ALIASHEAP_CACHE: $CI_PROJECT_DIR/{CACHE}
",
        pipeline.image,
        pipeline.packages()
    );
    for run in &pipeline.runs {
        text += &shards(pipeline, run);
        text += &merge(run);
    }
    for job in &pipeline.jobs {
        text += &single(job);
    }
    text
}

/// One step of a job, so that it ends with the first line that fails and knows the variables of those before.
fn script(lines: &[String]) -> String {
    format!("  script:\n    - |\n{}", block(lines, 6))
}

fn condition(run: &Run) -> &'static str {
    if run.tree {
        "  rules:\n    - if: $KERNEL_GIT\n"
    } else {
        ""
    }
}

fn shards(pipeline: &Pipeline, run: &Run) -> String {
    let name = &run.name;
    // Of one GitLab makes a job without a number.
    let (parallel, number, of) = match pipeline.shards_of(run) {
        1 => (String::new(), "1", "1"),
        n => (
            format!("  parallel: {n}\n"),
            "$CI_NODE_INDEX",
            "$CI_NODE_TOTAL",
        ),
    };
    format!(
        "{name}:
  stage: run
{parallel}{}  cache:
{}    - key: before-{name}
      paths: [{BEFORE}/]
      policy: pull
{}  artifacts:
    when: always
    paths:
      - {REPORTS}/
{}",
        condition(run),
        caches(&format!("{name}-{number}")),
        script(&run.shard(number, of)),
        list(&logs(CACHE), 6),
    )
}

fn merge(run: &Run) -> String {
    let name = &run.name;
    let always = match run.tree {
        true => "  rules:\n    - if: $KERNEL_GIT\n      when: always\n",
        false => "  when: always\n",
    };
    format!(
        "{name}-merge:
  stage: merge
{always}  needs:
    - job: {name}
      artifacts: true
  cache:
    - key: before-{name}
      paths: [{BEFORE}/]
{}  artifacts:
    when: always
    paths: [{REPORTS}/]
    reports:
      junit: {REPORTS}/{name}.xml
",
        script(&run.merge())
    )
}

fn single(job: &Job) -> String {
    let name = &job.name;
    format!(
        "{name}:
  stage: run
  cache:
{}{}  artifacts:
    when: always
    paths:
{}{}",
        caches(name),
        script(&job.commands),
        list(&job.leaves(), 6),
        list(&logs(CACHE), 6),
    )
}

/// Of the cache folder what is worth keeping: what all jobs have from the archive, once, and what `job` has built.
fn caches(job: &str) -> String {
    let below = |folders: [&str; 2]| list(&folders.map(|folder| format!("{CACHE}/{folder}/")), 8);
    format!(
        "    - key:
        files: [configs/toolchain.lock, configs/toolchain.yaml]
        prefix: tools
      paths:
{}    - key: builds-{job}
      paths:
{}",
        below(TOOLS),
        below(BUILDS)
    )
}

/// The cache folder, in the checkout.
const CACHE: &str = ".cache/aliasheap";

/// Paths, a line each, `indent` deep.
fn list(paths: &[String], indent: usize) -> String {
    let lines: Vec<String> = paths.iter().map(|path| format!("- {path}")).collect();
    block(&lines, indent)
}
