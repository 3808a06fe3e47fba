//! The real Docker client against a socket of ours, which takes the request and starts nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Values, clean_command};

/// A Docker engine that remembers which containers it was asked to create.
pub struct Engine {
    folder: PathBuf,
    created: Receiver<serde_json::Value>,
}

impl Engine {
    /// Listens in `folder`, until the process ends.
    pub fn start(folder: &Path) -> Engine {
        let listener = UnixListener::bind(folder.join("docker.sock")).unwrap();
        let (created, receiver) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let created = created.clone();
                std::thread::spawn(move || answer(stream.unwrap(), &created));
            }
        });
        Engine { folder: folder.into(), created: receiver }
    }

    /// Runs `docker create --env-file FILE`: what the client says, and which environment it asks
    /// for, if it gets that far.
    pub fn create(&self, file: &Path) -> (Output, Option<Values>) {
        let mut command = clean_command("docker");
        command.arg("--host").arg(format!("unix://{}/docker.sock", self.folder.display()));
        command.env("DOCKER_CONFIG", &self.folder).args(["create", "--env-file"]).arg(file);
        let output = command.arg("image").output().expect("docker; run `./check`");
        let environment = |request: serde_json::Value| {
            let variables = request["Env"].as_array().cloned().unwrap_or_default();
            let pair = |variable: &serde_json::Value| {
                let (name, value) = variable.as_str().unwrap().split_once('=').unwrap();
                (name.to_owned(), Some(value.as_bytes().to_vec()))
            };
            variables.iter().map(pair).collect()
        };
        (output, self.created.try_iter().last().map(environment))
    }
}

/// Answers requests on one connection.
fn answer(stream: UnixStream, created: &Sender<serde_json::Value>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim_end().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push(line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let create = head[0].starts_with("POST ") && head[0].contains("/containers/create");
        if create {
            created.send(serde_json::from_slice(&body).unwrap()).unwrap();
        }
        let (status, body) = match create {
            true => ("201 Created", r#"{"Id":"0123456789ab","Warnings":[]}"#),
            false => ("200 OK", "OK"),
        };
        let length = body.len();
        let reply = format!(
            "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        reader.get_mut().write_all(reply.as_bytes()).unwrap();
        if !head[0].starts_with("HEAD ") {
            reader.get_mut().write_all(body.as_bytes()).unwrap();
        }
    }
}
