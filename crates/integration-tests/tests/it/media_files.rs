//! Downloads over real sockets from the real simulator: every fault, every digest, real kills.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::{Server, weir_binary};
use media::admission::Caller;
use media::container::Container;
use media::download::{DownloadError, Request};
use media::store::{Kind, Listing, OnConflict, SafeName, Target, Written};
use media::upstream::Trust;
use media::{Admission, Downloads, Limits, Store, Upstream};
use tokio::time::Instant;

use crate::moments;

/// What is fetched: in `Content-Length` and in the simulator's own statistics.
pub(super) const BYTES: u64 = 1_000_000;

/// The simulator, a folder with an old file in it, and what fetches into it.
struct World {
    simulator: Server,
    folder: tempfile::TempDir,
    limits: Limits,
}

impl World {
    fn new() -> Self {
        let simulator = simulator();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("clip.mp4"), "the good old file").unwrap();
        let limits = Limits {
            // The tests wait for these.
            idle: Duration::from_millis(300),
            upstream_head: Duration::from_secs(5),
            pause: Duration::from_millis(10),
            tries: 3,
            ..Limits::default()
        };
        Self { simulator, folder, limits }
    }

    fn url(&self, wishes: &str) -> String {
        format!("{}/v1/videos/vid_weir{wishes}/content", self.simulator.url)
    }

    async fn fetch(&self, wishes: &str) -> Result<Written, DownloadError> {
        let store =
            Store::open_folder(Kind::Video, self.folder.path(), &self.limits).await.unwrap();
        let upstream = Upstream::new(&self.limits, &Trust::system().unwrap());
        let downloads = Downloads::new(upstream, Admission::new(&self.limits), &self.limits);
        let name = SafeName::parse("clip.mp4").unwrap();
        let mut target = Target::new(name, OnConflict::Overwrite);
        target.with_md5 = true;
        let uri = self.url(wishes).parse().unwrap();
        let (headers, container) = (Default::default(), Some(Container::Mp4));
        let request = Request { uri, headers, target, container };
        downloads.fetch(&store, request, Caller::ALONE, |_| {}).await
    }

    fn entries(&self) -> Vec<String> {
        entries(self.folder.path())
    }

    /// Fetches with a fault that passes: the file is whole, and the digests are the simulator's.
    async fn check_arrives(&self, wishes: &str) {
        let written = self.fetch(wishes).await.unwrap_or_else(|error| panic!("{wishes}: {error}"));
        let (sha256, md5) = digests(&self.simulator, &format!("vid_weir{wishes}"));
        assert_eq!(written.bytes, BYTES, "{wishes}");
        assert_eq!((written.sha256.to_string(), written.md5.unwrap().to_string()), (sha256, md5));
        let length = std::fs::metadata(self.folder.path().join("clip.mp4")).unwrap().len();
        assert_eq!(length, BYTES);
        assert_eq!(self.entries(), ["clip.mp4"], "{wishes}");
    }

    /// Fetches with a fault that stays: the error is one of the expected, the old file is as it was,
    /// and nothing else is there.
    async fn check_fails(&self, wishes: &str, expected: &[&str]) {
        std::fs::write(self.folder.path().join("clip.mp4"), "the good old file").unwrap();
        let error = self.fetch(wishes).await.expect_err(wishes).to_string();
        let is_expected = expected.iter().any(|expected| error.starts_with(expected));
        assert!(is_expected, "{wishes}: {error}");
        let left = std::fs::read_to_string(self.folder.path().join("clip.mp4")).unwrap();
        assert_eq!(left, "the good old file", "{wishes}");
        // The temporary is removed by a job of its own.
        let gone = async {
            while self.entries() != ["clip.mp4"] {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
        assert!(gone.is_ok(), "{wishes}: {:?}", self.entries());
    }
}

/// Sends videos of [`BYTES`] as fast as it can.
pub(super) fn simulator() -> Server {
    Server::simulator(["--profile", "instant", "--video-bytes", &BYTES.to_string()]).unwrap()
}

/// What the simulator says that it has sent.
pub(super) fn stats(simulator: &Server) -> serde_json::Value {
    serde_json::from_str(&simulator.get("/weir/stats").unwrap().1).unwrap()
}

/// The simulator's own digests of a video: `(sha256, md5)`.
pub(super) fn digests(simulator: &Server, id: &str) -> (String, String) {
    let stats = stats(simulator);
    let videos = stats["media"]["videos"].as_array().unwrap();
    let video = videos.iter().find(|video| video["id"] == id).unwrap();
    let text = |field: &str| video[field].as_str().unwrap().to_owned();
    (text("sha256"), text("md5"))
}

/// The digest by another implementation than the one that is tested.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lets another process go on for so long. Nothing else runs on this thread.
pub(super) fn pause(time: Duration) {
    runtime().block_on(async { tokio::time::sleep(time).await });
}

/// What is in a folder, hidden files as well, by name.
pub(super) fn entries(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn faults_that_pass_cost_time_and_never_a_byte() {
    let world = World::new();
    runtime().block_on(async {
        for wishes in [
            "",
            "~cut@1;tries=1",
            "~cut@500000",
            "~cut@999999",
            "~cut@400000;tries=2",
            "~stall@300000=5s;tries=1",
            "~announce=1000001;tries=1",
            "~announce=1200000;tries=2",
            // Short, and ended as if that were all: only the file itself tells.
            "~announce=1000;tries=1",
            "~announce=999999;tries=2",
            "~end@1000;tries=1",
            "~end@999999;tries=2",
            "~status=503;tries=2",
            "~status=500;tries=1",
            "~status=429;retry-after=1;tries=1",
            "~refuse;tries=1",
            "~empty;tries=1",
            "~slow-headers=200ms",
        ] {
            world.check_arrives(wishes).await;
        }
    });
}

#[test]
fn faults_that_stay_leave_the_old_file_and_nothing_else() {
    let world = World::new();
    runtime().block_on(async {
        for (wishes, expected) in [
            ("~cut@0", &["the transfer was cut after 0 bytes of 1000000"][..]),
            ("~stall@0=5s", &["the upstream sent nothing for 0.3 s, after 0 bytes"][..]),
            // A try goes on after what the one before has read of the thousand bytes before the cut
            // overtook them, and is then sent another part; or it begins again.
            (
                "~announce=1200000;cut@1000",
                &[
                    "the transfer was cut after 1000 bytes of 1200000",
                    "the transfer was cut after 0 bytes of 1200000",
                    "the upstream sent another part of the file than was asked for",
                ],
            ),
            ("~announce=1000", &["the upstream sent no whole file: box "][..]),
            ("~announce=999999", &["the upstream sent no whole file: box 'free' says "][..]),
            ("~end@3", &["the upstream sent no whole file: it does not begin as MP4 does"][..]),
            ("~end@999999", &["the upstream sent no whole file: box 'free' says "][..]),
            ("~status=503", &["the upstream answered 503"][..]),
            ("~status=429;retry-after=3600", &["the upstream answered 429"][..]),
            ("~empty", &["the upstream sent an empty file"][..]),
            ("~status=404", &["the upstream answered 404"][..]),
            ("~refuse", &["the upstream broke the connection before it answered"][..]),
        ] {
            world.check_fails(wishes, expected).await;
        }
    });
}

/// `fetch FOLDER clip.mp4 URL COUNT`, with its output piped.
fn fetch_command(folder: &Path, url: &str, count: u32) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fetch"));
    command.arg(folder).args(["clip.mp4", url, &count.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a shell script where it may mount file systems that nobody else sees, with its arguments
/// as `$1` and on.
fn in_own_mounts(script: &str, arguments: &[&str]) -> String {
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-euc", script, "sh"])
        .args(arguments)
        .output()
        .expect("unshare is a part of util-linux");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    let world = World::new();
    let script = "mount -t tmpfs -o size=640k tmpfs \"$1\"
        printf old > \"$1/clip.mp4\"
        \"$2\" \"$1\" clip.mp4 \"$3\" 1
        ls -A \"$1\"; cat \"$1/clip.mp4\"";
    let folder = world.folder.path().to_str().unwrap();
    let output = in_own_mounts(script, &[folder, env!("CARGO_BIN_EXE_fetch"), &world.url("")]);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "error no space is left for clip.mp4 on the media server");
    assert_eq!(lines[2..], ["clip.mp4", "old"]);
}

#[test]
fn a_folder_that_may_only_be_read_is_refused_before_anything_is_fetched() {
    let world = World::new();
    let script = "mount -t tmpfs tmpfs \"$1\"
        printf old > \"$1/clip.mp4\"
        mount -o remount,ro \"$1\"
        \"$2\" \"$1\" clip.mp4 \"$3\" 1
        ls -A \"$1\"; cat \"$1/clip.mp4\"";
    let folder = world.folder.path().to_str().unwrap();
    let output = in_own_mounts(script, &[folder, env!("CARGO_BIN_EXE_fetch"), &world.url("")]);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "error the media server has no permission to access clip.mp4");
    assert_eq!(lines[2..], ["clip.mp4", "old"]);
    let stats = stats(&world.simulator);
    assert!(stats["media"]["videos"].as_array().unwrap().is_empty(), "{stats}");
}

/// A program as somebody for whom permissions hold. For root they do not: it then runs as another
/// user, from a copy in a folder that this one can reach.
fn unprivileged(program: &Path, reachable: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        return Command::new(program);
    }
    let copy = reachable.join("program");
    std::fs::copy(program, &copy).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(copy);
    command
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_without_permission_is_refused_and_everything_in_it_stays() {
    let world = World::new();
    let reachable = tempfile::tempdir().unwrap();
    permit(reachable.path(), 0o755);
    let folder = reachable.path().join("videos");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("clip.mp4"), "the good old file").unwrap();
    permit(&folder, 0o555);
    let mut fetch = unprivileged(Path::new(env!("CARGO_BIN_EXE_fetch")), reachable.path());
    let output = fetch.arg(&folder).args(["clip.mp4", &world.url(""), "1"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let refused = "error the media server has no permission to access clip.mp4\n";
    assert!(said.starts_with(refused), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // What is temporary must be removable by whoever runs this.
    permit(&folder, 0o755);
    assert_eq!(entries(&folder), ["clip.mp4"]);
    assert_eq!(std::fs::read(folder.join("clip.mp4")).unwrap(), b"the good old file");
}

#[test]
fn a_file_that_may_not_be_read_is_refused_by_its_name() {
    let reachable = tempfile::tempdir().unwrap();
    permit(reachable.path(), 0o755);
    let images = reachable.path().join("images");
    std::fs::create_dir(&images).unwrap();
    std::fs::write(images.join("secret.png"), "not for everybody").unwrap();
    permit(&images.join("secret.png"), 0);
    let mut weir = unprivileged(&weir_binary(), reachable.path());
    let arguments = ["media", "image", "prepare", "images/secret.png", "--size", "1280x720"];
    let output = weir.args(arguments).current_dir(reachable.path()).output().unwrap();
    let envelope: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = envelope["error"]["message"].as_str().unwrap();
    assert!(message.contains("no permission to access"), "{envelope}");
    assert!(message.contains("secret.png"), "{envelope}");
}

/// The transfer of a killed process takes half a second, most of its life.
const PACED: &str = "~pace=2000000";

/// Kills, one at random in each equal part of the life of the process.
const KILLS: u32 = 16;

#[test]
fn a_process_killed_at_any_moment_leaves_a_whole_file_and_the_next_start_clears_up() {
    let world = World::new();
    let clip = world.folder.path().join("clip.mp4");
    // Undisturbed it arrives, with the right digest.
    let start = Instant::now();
    let output = fetch_command(world.folder.path(), &world.url(PACED), 1).output().unwrap();
    let life = start.elapsed();
    let (whole, _) = digests(&world.simulator, &format!("vid_weir{PACED}"));
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.starts_with(&format!("ok clip.mp4 {BYTES} {whole}\n")), "{output}");
    let seed = moments::seed();
    let (mut old, mut new, mut swept) = (0, 0, 0);
    for moment in moments::within(seed, life, KILLS) {
        std::fs::write(&clip, "the good old file").unwrap();
        let mut child = fetch_command(world.folder.path(), &world.url(PACED), 1).spawn().unwrap();
        pause(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        let bytes = std::fs::read(&clip).unwrap();
        if bytes == b"the good old file" {
            old += 1;
        } else {
            assert_eq!(sha256(&bytes), whole, "killed after {moment:?}, seed {seed}");
            new += 1;
        }
        // What is left is hidden, no listing shows it, and the next start removes it.
        let left = world.entries();
        assert!(left.iter().all(|name| name == "clip.mp4" || name.starts_with(".weir-")));
        swept += left.len() - 1;
        runtime().block_on(async {
            let limits = Limits::default();
            let store =
                Store::open_folder(Kind::Video, world.folder.path(), &limits).await.unwrap();
            let listed = store.list(Listing::new(Some("**"), 1000).unwrap()).await.unwrap();
            assert_eq!(listed.len(), 1);
        });
        assert_eq!(world.entries(), ["clip.mp4"]);
    }
    let counts = format!("{old} old, {new} new, {swept} swept, seed {seed}");
    assert!(old > 0 && swept > 0, "no kill was in the middle: {counts}");
}

/// More than one batch of a writer, and little for a disk that 512 of them are synced to.
const SMALL: &str = "~bytes=300000";

/// Downloads at once, and how many descriptors there are for all of them.
const AT_ONCE: u32 = 512;
const DESCRIPTORS: &str = "1024";

/// The most that the process may have had: what it needs when it does nothing (an unoptimised
/// program of this size has some 30 MiB), a mebibyte for each of the 64 running transfers, and
/// 64 KiB for each waiting one.
const MOST_RSS_KIB: u64 = (40 + 64) * 1024 + 64 * (512 - 64);

#[test]
fn five_hundred_downloads_at_once_fit_into_1024_descriptors_and_bounded_memory() {
    let world = World::new();
    let fetch = fetch_command(world.folder.path(), &world.url(SMALL), AT_ONCE);
    let mut confined = Command::new("prlimit");
    confined.arg(format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}")).arg(fetch.get_program());
    let output = confined.args(fetch.get_args()).output().expect("prlimit is in util-linux");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (sha256, _) = digests(&world.simulator, &format!("vid_weir{SMALL}"));
    let end = format!(" 300000 {sha256}");
    let whole = stdout.lines().filter(|it| it.starts_with("ok ") && it.ends_with(&end)).count();
    let errors: Vec<&str> = stdout.lines().filter(|it| it.starts_with("error")).take(3).collect();
    assert_eq!(whole, usize::try_from(AT_ONCE).unwrap(), "{errors:?}");
    let peak = stdout.lines().find_map(|line| line.strip_prefix("peak_rss_kib ")).unwrap();
    let peak: u64 = peak.parse().unwrap();
    assert!(peak <= MOST_RSS_KIB, "{peak} KiB of at most {MOST_RSS_KIB}");
    assert_eq!(world.entries().len(), usize::try_from(AT_ONCE).unwrap() + 1);
}
