#!/usr/bin/env bash
# media.sh FILE FOLDER: makes of a film what avsync wants: sound.wav (48 kHz, 16 bits, one channel) and picture.mjpeg (25 pictures a second).
# media.sh - FOLDER:    makes a test picture and a tone instead.
#
# It needs ffmpeg, which Debian has: apt install ffmpeg
set -eu
[ $# -eq 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v ffmpeg >/dev/null || { echo "media.sh: ffmpeg is not here: apt install ffmpeg" >&2; exit 1; }
mkdir -p "$2"
if [ "$1" = - ]; then
	sound=(-f lavfi -i 'sine=frequency=440:beep_factor=4:duration=20') picture=(-f lavfi -i 'testsrc2=size=320x180:rate=25:duration=20')
else
	sound=(-i "$1" -vn) picture=(-i "$1" -an)
fi
ffmpeg -loglevel error -y "${sound[@]}" -ar 48000 -ac 1 -c:a pcm_s16le "$2/sound.wav"
ffmpeg -loglevel error -y "${picture[@]}" -vf 'scale=320:180:force_original_aspect_ratio=decrease,pad=320:180:-1:-1' -r 25 -c:v mjpeg -pix_fmt yuvj420p -q:v 5 \
	-f mjpeg "$2/picture.mjpeg"
echo "go run ./avsync -sound $2/sound.wav -picture $2/picture.mjpeg"
