// SPDX-License-Identifier: GPL-2.0-only
//! The GitHub workflow.

use super::{Action, BEFORE, Job, Pipeline, REPORTS, Run, block, head, logs};

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
  ALIASHEAP_CACHE: /cache/aliasheap
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

/// A folder that is kept from one run to the next. Entries never change, so that each has a name of its own.
fn cache(pipeline: &Pipeline, path: &str, name: &str, key: &str) -> String {
    format!(
        "{}        with:
          path: {path}
          key: {name}-{key}
          restore-keys: {name}-
",
        uses(&pipeline.actions.cache)
    )
}

/// What the toolchain root and the kernels are made from.
const CONTENT: &str = "${{ hashFiles('configs/**', 'kernel/**', 'xtask/**', 'tools/**') }}";

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
    text += &cache(
        pipeline,
        "/cache/aliasheap",
        &format!("aliasheap-{name}-{shard}"),
        CONTENT,
    );
    text += &cache(
        pipeline,
        BEFORE,
        &format!("before-{name}"),
        "${{ github.run_id }}-shards",
    );
    text += &step(&run.shard(shard, &of.to_string()));
    text += &upload(
        pipeline,
        &format!("report-{name}-{shard}"),
        &[format!("{REPORTS}/{name}-{shard}.json")],
    );
    text += &upload(
        pipeline,
        &format!("logs-{name}-{shard}"),
        &logs("/cache/aliasheap"),
    );
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
        BEFORE,
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
    text += &cache(
        pipeline,
        "/cache/aliasheap",
        &format!("aliasheap-{name}"),
        CONTENT,
    );
    text += &step(&job.commands);
    let left = job.leaves();
    text += &upload(pipeline, &format!("files-{name}"), &left);
    text += &upload(pipeline, &format!("logs-{name}"), &logs("/cache/aliasheap"));
    text
}
