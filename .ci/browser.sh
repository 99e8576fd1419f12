#!/usr/bin/env bash
# Debian's Chromium for the tests of pages, on a machine of CI that lets it be installed; without it those tests are skipped.
set -uo pipefail

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 0; fi
export DEBIAN_FRONTEND=noninteractive
get='apt-get -qq install -y --no-install-recommends'
packages='chromium chromium-driver'
# Only the download may be stopped: half an installation would be worse than none.
{ timeout 120 apt-get -qq update && timeout 300 $get --download-only $packages && $get $packages; } >/dev/null 2>&1 ||
    echo 'coexsim: Chromium cannot be installed here; the tests of pages are skipped' >&2
exit 0
