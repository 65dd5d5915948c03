#!/bin/sh
# Install the Debian packages that a set needs, where they are missing and we are root; else say
# which command does.
#
#   packaging/system-packages.sh base    a virtual environment
#   packaging/system-packages.sh gui     the window: Qt's libraries
#   packaging/system-packages.sh test    the window's tests: Qt's libraries and a virtual screen
set -eu

qt="libglib2.0-0 libegl1 libgl1 libdbus-1-3 libfontconfig1 libxkbcommon0 libxcb-cursor0
libxcb-icccm4 libxcb-keysyms1 libxkbcommon-x11-0 libxcb-shape0 libxcb-image0 libxcb-render-util0
libxcb-xinerama0 libwayland-cursor0 fonts-dejavu-core"

case "${1:-}" in
base) wanted="" ;;
gui) wanted="$qt" ;;
test) wanted="$qt xvfb" ;;
*)
	echo "usage: $0 base|gui|test" >&2
	exit 2
	;;
esac

# Only where this interpreter cannot make a virtual environment: Debian splits that off.
if ! "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null; then
	wanted="$wanted python3-venv"
fi

[ -n "$wanted" ] || exit 0
if ! command -v dpkg-query >/dev/null; then
	echo "Not a Debian system: if something is missing, install the likes of:" $wanted >&2
	exit 0
fi

missing=""
for package in $wanted; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	echo "Installing system packages:$missing"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
	echo "System packages are missing. Run:" >&2
	echo "  sudo apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
