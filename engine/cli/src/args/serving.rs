//! Arguments of the commands that serve a model, and of `inspect`: their model needs no flag.

use clap::Args;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// A model directory, given with or without `--model`.
#[derive(Clone, Debug, Args)]
pub struct ModelArgument {
    /// Run directory or Hugging Face model directory
    #[arg(value_name = "DIR", required_unless_present = "named")]
    dir: Option<PathBuf>,
    /// The same, as in other commands
    #[arg(
        long = "model",
        id = "named",
        value_name = "DIR",
        conflicts_with = "dir",
        hide = true
    )]
    named: Option<PathBuf>,
}

impl ModelArgument {
    /// The given directory.
    pub fn path(&self) -> &Path {
        let given = self.dir.as_ref().or(self.named.as_ref());
        given.expect("clap requires one of them")
    }
}

#[cfg(test)]
impl From<PathBuf> for ModelArgument {
    fn from(dir: PathBuf) -> Self {
        Self {
            dir: Some(dir),
            named: None,
        }
    }
}

/// A model that answers other programs.
#[derive(Clone, Debug, Args)]
pub struct Served {
    /// The model
    #[command(flatten)]
    pub model: ModelArgument,
    /// Documents to search for similar ones: one per line, a table or JSON
    #[arg(long, value_name = "FILE")]
    pub documents: Option<PathBuf>,
    /// Text column of the documents in a table, by name or number from 1; "a+b" joins columns
    #[arg(long, value_name = "COLUMN", requires = "documents")]
    pub text_column: Option<String>,
}

/// Arguments of `serve-model`.
#[derive(Debug, Args)]
pub struct ServeModel {
    /// The service
    #[command(flatten)]
    pub served: Served,
    /// Address to listen on; unless it is a loopback address, other machines can connect
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_HOST)]
    pub host: IpAddr,
    /// Port to listen on; 0 picks a free one
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PORT)]
    pub port: u16,
}

/// Default address of a server: loopback, so that only this machine can reach it.
const DEFAULT_HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEFAULT_PORT: u16 = 8765;
