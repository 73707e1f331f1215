// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask verdicts`: a report is worth something only if what is wrong looks wrong in it.

mod machine;

use std::ffi::OsString;

use super::scratch::Scratch;
use super::{Context, chosen, of_page};
use crate::config::Breakage;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;
use crate::ui::Task;

pub(super) fn verdicts(context: &Context, names: &[String]) -> Result<Exit, Failure> {
    let config = context.config()?;
    let all = chosen("breakage", names, &config.breakages)?;
    let mut wrong = 0;
    for &(name, breakage) in &all {
        let task = context.ui.task(name);
        task.step(&breakage.summary);
        let complaints = of_page(check(context, breakage, &task))?;
        let complaints = complaints.unwrap_or_else(|why| vec![why]);
        println!(
            "{name}: {} {}",
            breakage.verdict,
            if complaints.is_empty() {
                "as it should be"
            } else {
                "expected"
            }
        );
        for complaint in &complaints {
            println!("  {complaint}");
        }
        wrong += usize::from(!complaints.is_empty());
    }
    println!(
        "{} breakages, {wrong} with another verdict than they should have",
        all.len()
    );
    Ok(if wrong == 0 { Exit::Ok } else { Exit::Tests })
}

/// What about the report is not as it should be.
fn check(context: &Context, breakage: &Breakage, task: &Task<'_>) -> Result<Vec<String>, Failure> {
    let mut scratch = Scratch::new(context).map_err(Failure::infra)?;
    scratch.edit(&breakage.edits)?;
    let args = [&breakage.cell].into_iter().chain(&breakage.arguments);
    let args: Vec<OsString> = args.map(OsString::from).collect();
    let (run, report) = match &breakage.machine {
        Some(machine) => machine::run(context, &scratch, machine, &args)?,
        None => scratch.run(context, &args)?,
    };
    let output = String::from_utf8_lossy(&run.stdout);
    task.output(&output);
    let Some(report) = report else {
        return Ok(vec![format!(
            "it made no report, but said: {}",
            output.trim()
        )]);
    };
    let mut complaints = Vec::new();
    if report.verdict != breakage.verdict {
        complaints.push(format!("got {}:\n{output}", report.verdict));
    }
    let exit = Exit::from(breakage.verdict) as u8;
    let exit = breakage.exit.unwrap_or(exit);
    if run.status.code() != Some(i32::from(exit)) {
        complaints.push(format!("{} instead of {exit}", run.status));
    }
    for text in breakage
        .says
        .iter()
        .filter(|text| !output.contains(text.as_str()))
    {
        complaints.push(format!("the report does not say \"{text}\":\n{output}"));
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::super::scratch::tests::checkout;
    use super::*;

    #[test]
    fn a_page_that_does_not_fit_is_said_of_it_alone() {
        let page = |cell: &str| {
            format!(
                "summary: nothing\ncell: {cell}\nverdict: failed\nsays: []\n\
                 edits: [{{file: configs/suites/heap.yaml, from: 'not there', to: ''}}]\n"
            )
        };
        let (scratch, context) = checkout("breakages", |dir| {
            for name in ["first", "second"] {
                fs_err::write(dir.join(name).with_extension("yaml"), page("arm-vivt"))?;
            }
            Ok(())
        });
        let exit = verdicts(&context, &[]).expect("the other has its turn");
        assert_eq!(exit, Exit::Tests);
        drop(scratch);
    }
}
