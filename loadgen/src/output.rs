//! The files of a run.

use std::{
    error::Error,
    fmt,
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    process,
};

use crate::{
    hgrm,
    intervals::Recorder,
    plot::{self, Line},
    report::{self, Timeline},
    summary::Summary,
};
use chinwag_bots::{Book, Deliveries, StageBook};
use chinwag_core::Time;
use chinwag_scenarios::Plan;

/// The directory of `--out`.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    directory: PathBuf,
}

impl Output {
    /// Makes the directory, if there is none, and tries whether files can be made in it.
    ///
    /// # Errors
    /// What cannot be done, in one line that names the directory.
    pub(crate) fn create(directory: &Path) -> Result<Self, String> {
        let output = Self { directory: directory.into() };
        fs::create_dir_all(directory)
            .map_err(|error| output.complaint("make", &error))
            .and_then(|()| output.probe().map_err(|error| output.complaint("write to", &error)))?;
        Ok(output)
    }

    /// A run of minutes is not to find out at its end that it cannot be written down.
    fn probe(&self) -> io::Result<()> {
        let probe = self.directory.join(format!(".loadgen-{}", process::id()));
        File::create(&probe)?;
        fs::remove_file(probe)
    }

    /// One line that says what cannot be done with the directory.
    pub(crate) fn complaint(&self, what: &str, error: &dyn fmt::Display) -> String {
        format!("cannot {what} {}, the directory of --out: {error}", self.directory.display())
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the server's log goes.
    pub(crate) fn server_log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// Writes everything, and says which files; the stages began, if they did, at `stages`.
    ///
    /// # Errors
    /// A file cannot be written, in one line that names the directory.
    pub(crate) fn write(
        &self,
        plan: &Plan,
        book: &Book,
        (summary, deliveries): (&Summary, &[Deliveries]),
        recorder: &Recorder,
        stages: Option<Time>,
    ) -> Result<Vec<String>, String> {
        let timeline = Timeline::new(plan, stages, recorder.start());
        let written = self.write_summary(summary, &book.times.overall(), recorder, &timeline);
        let mut files = written.map_err(|error| self.complaint("write to", &error))?;
        let path = self.directory.join("deliveries.csv");
        let written =
            File::create(&path).and_then(|file| Deliveries::write(deliveries, plan, BufWriter::new(file)));
        written.map_err(|error| self.complaint("write to", &error))?;
        files.push(path.display().to_string());
        Ok(files)
    }

    fn write_summary(
        &self,
        summary: &Summary,
        latency: &StageBook,
        recorder: &Recorder,
        timeline: &Timeline,
    ) -> Result<Vec<String>, Box<dyn Error + Send + Sync>> {
        let mut files = Vec::new();
        let mut file = |name: &str| {
            let path = self.directory.join(name);
            files.push(path.display().to_string());
            path
        };
        write_json(&file("summary.json"), summary)?;
        recorder.write_csv(File::create(file("intervals.csv"))?)?;
        write_table(&file("e2e.hgrm"), latency)?;
        fs::write(file("e2e.hlog"), recorder.log())?;
        let percentiles = picture(summary, latency)?;
        fs::write(file("latency.svg"), &percentiles)?;
        fs::write(file("report.html"), report::page(summary, recorder, timeline, &percentiles))?;
        Ok(files)
    }
}

fn write_json(path: &Path, summary: &Summary) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut json = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut json, summary)?;
    json.write_all(b"\n")?;
    Ok(json.flush()?)
}

fn write_table(path: &Path, latency: &StageBook) -> io::Result<()> {
    let mut table = BufWriter::new(File::create(path)?);
    hgrm::write(&latency.e2e.histogram, &mut table)?;
    table.flush()
}

fn picture(summary: &Summary, latency: &StageBook) -> Result<String, Box<dyn Error + Send + Sync>> {
    let title = format!(
        "{}: {} clients, {} deliveries",
        summary.figures.scenario,
        chinwag_bots::number(summary.figures.clients.into()),
        chinwag_bots::number(summary.figures.deliveries.received_deliveries)
    );
    plot::svg(&title, &[Line::intended(&latency.e2e.histogram), Line::actual(&latency.e2e_actual.histogram)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_made_is_one_line_that_names_it() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let path = file.join("results");
        let line = Output::create(&path).unwrap_err();
        assert!(line.contains(&path.display().to_string()) && line.contains("--out"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn trying_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        Output::create(&parent.path().join("a/b")).unwrap();
        assert_eq!(fs::read_dir(parent.path().join("a/b")).unwrap().count(), 0);
    }
}
