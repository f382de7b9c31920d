//! The files of a run.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    book::StageBook,
    hgrm,
    intervals::Recorder,
    plot::{self, Line},
    summary::Summary,
};

/// The directory of `--out`.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    directory: PathBuf,
}

impl Output {
    /// Makes the directory, if there is none.
    pub(crate) fn create(directory: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.into() })
    }

    /// Where the server's log goes.
    pub(crate) fn server_log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// Writes everything, and says which files.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn write(
        &self,
        summary: &Summary,
        latency: &StageBook,
        recorder: &Recorder,
    ) -> Result<Vec<String>, Box<dyn Error + Send + Sync>> {
        let mut files = Vec::new();
        let mut file = |name: &str| {
            let path = self.directory.join(name);
            files.push(path.display().to_string());
            path
        };
        let mut json = BufWriter::new(File::create(file("summary.json"))?);
        serde_json::to_writer_pretty(&mut json, summary)?;
        json.write_all(b"\n")?;
        json.flush()?;
        recorder.write_csv(File::create(file("intervals.csv"))?)?;
        let mut table = BufWriter::new(File::create(file("e2e.hgrm"))?);
        hgrm::write(&latency.e2e, &mut table)?;
        table.flush()?;
        fs::write(file("e2e.hlog"), recorder.log())?;
        let title = format!(
            "{}: {} clients, {} deliveries",
            summary.scenario,
            crate::text::number(summary.clients.into()),
            crate::text::number(summary.deliveries.received_deliveries)
        );
        let lines = [Line::intended(&latency.e2e), Line::actual(&latency.e2e_actual)];
        plot::draw(&file("latency.svg"), &title, &lines)?;
        Ok(files)
    }
}
