#!/bin/sh
# Writes the sound files that the tests decode: one second of a 440 Hz tone in each format.
# Run with ffmpeg 7 in this folder: FFMPEG=ffmpeg sh fixtures.sh
set -eu
make() {
  "${FFMPEG:-ffmpeg}" -y -loglevel error -f lavfi -i "sine=frequency=440:sample_rate=$rate:duration=1" \
    -bitexact "$@"
}
rate=44100
make -ac 2 -b:a 64k tone.mp3
make -b:a 32k -write_xing 0 -id3v2_version 0 bare.mp3
make -b:a 48k tone.m4a
rate=16000
make -sample_fmt s16 tone.flac
make -codec:a libvorbis -q:a 0 tone.ogg
