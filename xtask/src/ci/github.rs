// SPDX-License-Identifier: GPL-2.0-only
//! The GitHub workflow.

use super::{Action, BEFORE, BUILDS, Job, Pipeline, REPORTS, Run, TOOLS, block, head, logs};

/// The whole file.
pub(super) fn workflow(pipeline: &Pipeline) -> String {
    let mut text = head(&["Copy it to .github/workflows/."]);
    text += &format!(
        "name: nightly
on:
  schedule:
    - cron: '{}'
  workflow_dispatch:
permissions:
  contents: read
env:
  ALIASHEAP_CACHE: {CACHE}
  KERNEL_GIT: ${{{{ vars.KERNEL_GIT }}}}
  KERNEL_REV: ${{{{ vars.KERNEL_REV }}}}
jobs:
",
        pipeline.schedule
    );
    for run in &pipeline.runs {
        text += &shards(pipeline, run);
        text += &merge(pipeline, run);
    }
    for job in &pipeline.jobs {
        text += &single(pipeline, job);
    }
    text
}

fn uses(action: &Action) -> String {
    format!("      - uses: {} # {}\n", action.uses, action.version)
}

/// From the name of a job to the checkout.
fn begin(pipeline: &Pipeline, name: &str, more: &str) -> String {
    format!(
        "  {name}:
    runs-on: {}
    timeout-minutes: {}
{more}    container:
      image: {}
      options: {}
    defaults:
      run:
        shell: bash
    steps:
      - run: {}
{}      # The checkout is another user's than the container's.
      - run: git config --global --add safe.directory \"$GITHUB_WORKSPACE\"
      - run: rustup component add clippy rustfmt
",
        pipeline.runner,
        pipeline.timeout_minutes,
        pipeline.image,
        pipeline.container,
        pipeline.packages(),
        uses(&pipeline.actions.checkout),
    )
}

/// Folders that are kept from one run to the next. Entries never change, so that each has a name of its own.
fn exact(pipeline: &Pipeline, paths: &[String], key: &str) -> String {
    format!(
        "{}        with:
          path: |
{}          key: {key}
",
        uses(&pipeline.actions.cache),
        block(paths, 12)
    )
}

/// The same where those of another `key` are better than none.
fn cache(pipeline: &Pipeline, paths: &[String], name: &str, key: &str) -> String {
    let exact = exact(pipeline, paths, &format!("{name}-{key}"));
    format!("{exact}          restore-keys: {name}-\n")
}

/// Of the cache folder what is worth keeping: what all jobs have from the archive, once, and what `job` has built.
fn caches(pipeline: &Pipeline, job: &str) -> String {
    let below = |folders: [&str; 2]| folders.map(|folder| format!("{CACHE}/{folder}"));
    // A root by another recipe would only take room.
    let tools = "tools-${{ hashFiles('configs/toolchain.*') }}";
    let builds = "${{ hashFiles('configs/**', 'kernel/**', 'xtask/**', 'tools/**') }}";
    let name = format!("builds-{job}");
    exact(pipeline, &below(TOOLS), tools) + &cache(pipeline, &below(BUILDS), &name, builds)
}

/// The cache folder.
const CACHE: &str = "/cache/aliasheap";

fn step(lines: &[String]) -> String {
    format!("      - run: |\n{}", block(lines, 10))
}

fn upload(pipeline: &Pipeline, name: &str, paths: &[String]) -> String {
    format!(
        "{}        if: always()
        with:
          name: {name}
          path: |
{}",
        uses(&pipeline.actions.upload),
        block(paths, 12)
    )
}

fn condition(run: &Run, and: &str) -> String {
    match (run.tree, and) {
        (false, "") => String::new(),
        (false, and) => format!("    if: {and}\n"),
        (true, "") => "    if: vars.KERNEL_GIT != ''\n".into(),
        (true, and) => format!("    if: {and} && vars.KERNEL_GIT != ''\n"),
    }
}

fn shards(pipeline: &Pipeline, run: &Run) -> String {
    let name = &run.name;
    let of = pipeline.shards_of(run);
    let numbers: Vec<String> = (1..=of).map(|n| n.to_string()).collect();
    let matrix = format!(
        "{}    strategy:
      fail-fast: false
      matrix:
        shard: [{}]
",
        condition(run, ""),
        numbers.join(", ")
    );
    let shard = "${{ matrix.shard }}";
    let mut text = begin(pipeline, name, &matrix);
    text += &caches(pipeline, &format!("{name}-{shard}"));
    text += &cache(
        pipeline,
        &[BEFORE.into()],
        &format!("before-{name}"),
        "${{ github.run_id }}-shards",
    );
    text += &step(&run.shard(shard, &of.to_string()));
    text += &upload(
        pipeline,
        &format!("report-{name}-{shard}"),
        &[format!("{REPORTS}/{name}-{shard}.json")],
    );
    text += &upload(pipeline, &format!("logs-{name}-{shard}"), &logs(CACHE));
    text
}

fn merge(pipeline: &Pipeline, run: &Run) -> String {
    let name = &run.name;
    let needs = format!("    needs: {name}\n{}", condition(run, "always()"));
    let mut text = begin(pipeline, &format!("{name}-merge"), &needs);
    text += &format!(
        "{}        with:
          pattern: report-{name}-*
          path: {REPORTS}
          merge-multiple: true
",
        uses(&pipeline.actions.download)
    );
    text += &cache(
        pipeline,
        &[BEFORE.into()],
        &format!("before-{name}"),
        "${{ github.run_id }}",
    );
    text += &step(&run.merge());
    text += &upload(
        pipeline,
        &format!("merged-{name}"),
        &[format!("{REPORTS}/{name}.*")],
    );
    text
}

fn single(pipeline: &Pipeline, job: &Job) -> String {
    let name = &job.name;
    let mut text = begin(pipeline, name, "");
    text += &caches(pipeline, name);
    text += &step(&job.commands);
    let left = job.leaves();
    text += &upload(pipeline, &format!("files-{name}"), &left);
    text += &upload(pipeline, &format!("logs-{name}"), &logs(CACHE));
    text
}
