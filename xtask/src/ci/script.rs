// SPDX-License-Identifier: GPL-2.0-only
//! A script for one machine without an engine.

use super::{Pipeline, Run, block, head};

/// The whole file.
pub(super) fn script(pipeline: &Pipeline) -> String {
    let mut text = "#!/usr/bin/env bash\n".to_owned();
    text += &head(&[
        "All of it, or the runs and jobs that are named, one after the other; what fails does not end it. Reports are in reports/.",
    ]);
    text += "set -u
cd \"$(dirname \"$0\")/..\"

failed=()
wanted() {
\t[ ${#names[@]} -eq 0 ] || [[ \" ${names[*]} \" == *\" $1 \"* ]]
}
step() {
\tprintf '\\n== %s\\n' \"$1\"
\tbash -euc \"$2\" || failed+=(\"$1\")
}
names=(\"$@\")
";
    let runs = pipeline.runs.iter().map(|run| run.name.as_str());
    let jobs = pipeline.jobs.iter().map(|job| job.name.as_str());
    let known: Vec<&str> = runs.chain(jobs).collect();
    // A name that is none would run nothing and pass.
    text += &format!(
        "known=({})
for name in \"$@\"; do
\tif [[ \" ${{known[*]}} \" != *\" $name \"* ]]; then
\t\techo \"$0: $name is none of: ${{known[*]}}\" >&2
\t\texit 2
\tfi
done
",
        known.join(" ")
    );
    for run in pipeline.runs.iter().filter(|run| run.tree) {
        text += &format!(
            "if [[ \" $* \" == *\" {0} \"* ]] && [ -z \"${{KERNEL_GIT:-}}\" ]; then
\techo \"$0: {0} needs KERNEL_GIT, the repository of a kernel tree\" >&2
\texit 2
fi
",
            run.name
        );
    }
    for run in &pipeline.runs {
        text += &whole(run, pipeline.shards_of(run));
    }
    for job in &pipeline.jobs {
        text += &format!("\nif wanted {}; then\n", job.name);
        text += &step(&job.name, &job.commands);
        text += "fi\n";
    }
    text += "
if [ ${#failed[@]} -gt 0 ]; then
\tprintf '\\nfailed: %s\\n' \"${failed[*]}\"
\texit 1
fi
";
    text
}

/// A step whose lines are quoted as they stand.
fn step(name: &str, lines: &[String]) -> String {
    let lines = block(lines, 0).replace('\'', "'\\''");
    format!("step {name} '\n{lines}'\n")
}

fn whole(run: &Run, of: usize) -> String {
    let name = &run.name;
    let tree = if run.tree {
        " && [ -n \"${KERNEL_GIT:-}\" ]"
    } else {
        ""
    };
    let mut text = format!("\nif wanted {name}{tree}; then\n");
    // Those of a run of before are not of this one.
    text += &format!("rm -f reports/{name}-*.json\n");
    text += &format!(
        "for shard in {}; do\n",
        (1..=of)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    );
    text += "export shard\n";
    text += &step(
        &format!("{name}-$shard"),
        &run.shard("$shard", &of.to_string()),
    );
    text += "done\n";
    text += &step(&format!("{name}-merge"), &run.merge());
    text += "fi\n";
    text
}
