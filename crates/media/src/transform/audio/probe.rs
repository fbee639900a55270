//! What a sound file is, without decoding its sound.

use std::num::NonZero;
use std::time::Duration;

use symphonia::core::formats::TrackType;
use symphonia::core::io::MediaSource;
use symphonia::core::units::{Duration as Ticks, TimeBase};

use super::AudioError;
use super::reader::Container;

/// What a sound file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// How long it lasts; in a file with a constant bit rate but no index, to within a frame or two.
    pub duration: Duration,
    /// Frames a second, where the container says it.
    pub sample_rate: Option<u32>,
    /// Channels, where the container says it.
    pub channels: Option<usize>,
    /// The container's short name.
    pub container: &'static str,
}

/// Reads headers, and where they do not say the length, the time stamps of the packets. Nothing is
/// decoded: the file of an hour costs some reads.
///
/// `name` may help to tell formats apart by its extension.
///
/// # Errors
/// When it holds no sound, is damaged, or cannot be read.
pub fn probe(source: impl MediaSource, name: &str) -> Result<Info, AudioError> {
    let mut container = Container::open(source, name)?;
    let (base, sample_rate) = base(&container)?;
    let track = container.format.default_track(TrackType::Audio).ok_or(AudioError::Unknown)?;
    let parameters = track.codec_params.as_ref().and_then(|it| it.audio());
    let channels = parameters.and_then(|it| it.channels.as_ref()).map(|channels| channels.count());
    let declared = track.duration.or_else(|| track.num_frames.map(Ticks::from));
    let ticks = match declared {
        Some(ticks) => ticks.get(),
        None => packets(&mut container)?,
    };
    let container = container.format.format_info().short_name;
    Ok(Info { duration: time(ticks, base), sample_rate, channels, container })
}

/// How many frames of `rate` a file has, counted from its packets without decoding them.
pub(super) fn frames(source: impl MediaSource, name: &str, rate: u32) -> Result<u64, AudioError> {
    let mut container = Container::open(source, name)?;
    let (base, _) = base(&container)?;
    let ticks = u128::from(packets(&mut container)?);
    let frames = (ticks * wide(base.numer) * u128::from(rate)).div_ceil(wide(base.denom));
    Ok(u64::try_from(frames).unwrap_or(u64::MAX))
}

/// The unit of the track's times, and its sample rate.
fn base(container: &Container) -> Result<(TimeBase, Option<u32>), AudioError> {
    let track = container.format.default_track(TrackType::Audio).ok_or(AudioError::Unknown)?;
    let parameters = track.codec_params.as_ref().and_then(|it| it.audio());
    let rate = parameters.ok_or(AudioError::Unknown)?.sample_rate;
    let base = track.time_base.or_else(|| TimeBase::try_from_recip(rate?));
    Ok((base.ok_or(AudioError::Unknown)?, rate))
}

/// The sum of all packets' durations.
///
/// The last packet of a WAV whose writer did not know the length claims more frames than it has, so
/// that there the bytes count.
fn packets(container: &mut Container) -> Result<u64, AudioError> {
    let frame_bytes = pcm_frame_bytes(container);
    let mut ticks = 0_u64;
    while let Some(packet) = container.packet()? {
        let own = match frame_bytes {
            Some(frame_bytes) => u64::try_from(packet.data.len() / frame_bytes).unwrap_or(u64::MAX),
            None => packet.dur.get(),
        };
        ticks = ticks.saturating_add(own);
    }
    Ok(ticks)
}

/// Bytes of a frame in a WAV; none elsewhere. (All codecs that are read from WAV are PCM.)
fn pcm_frame_bytes(container: &Container) -> Option<usize> {
    let track = container.format.default_track(TrackType::Audio)?;
    let parameters = track.codec_params.as_ref()?.audio()?;
    if container.format.format_info().short_name != "wave" {
        return None;
    }
    let bits = usize::try_from(parameters.bits_per_coded_sample?).ok()?;
    Some(bits / 8 * parameters.channels.as_ref()?.count()).filter(|&bytes| bytes > 0)
}

fn wide(number: NonZero<u32>) -> u128 {
    u128::from(number.get())
}

fn time(ticks: u64, base: TimeBase) -> Duration {
    let nanoseconds = u128::from(ticks) * wide(base.numer) * 1_000_000_000 / wide(base.denom);
    u64::try_from(nanoseconds).map_or(Duration::MAX, Duration::from_nanos)
}
